"""Whose purchases may be looked at, and whose they are: what one of several merged records bought, the person bought."""

# Common table expressions, to stand first after WITH RECURSIVE: `roots` (id, root) names for each absorbed record the one that
# lives on. There are few, so the join costs next to nothing.
ROOTS = """kin (id, root) AS (
        SELECT m.id, m.merged_into_id FROM members_member m WHERE m.merged_into_id IS NOT NULL
         UNION ALL
        SELECT k.id, m.merged_into_id FROM kin k JOIN members_member m ON m.id = k.root WHERE m.merged_into_id IS NOT NULL),
    roots AS (SELECT k.id, k.root FROM kin k JOIN members_member m ON m.id = k.root WHERE m.merged_into_id IS NULL)"""

# A query of the member ids of whoever said no to personal recommendations last.
REFUSING = """
    SELECT member_id FROM (
        SELECT DISTINCT ON (member_id) member_id, is_granted FROM members_consent
         WHERE purpose = 'profiling' ORDER BY member_id, at DESC, id DESC) latest WHERE NOT is_granted
"""
