"""Rule sets as a product: drafts that managers edit on pages, versions in words, differences, templates, what-if.

Knows the grammar of `loyalty/earning` by its own description of kinds and fields; never what a member has.
"""
