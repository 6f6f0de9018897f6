"""The marketer's door: e-mails, push, audiences and campaigns in the Wagtail admin.

Translates, makes one call, translates back.
"""
