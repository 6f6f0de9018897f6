"""News from the floor, told after commit. Receivers get ids, and ask for the rest."""

from django.dispatch import Signal

member_erased = Signal()  # member_id; told again until every receiver came through, so receivers are repeatable
personal_data_asked = Signal()  # member_id; every room answers a list of members.personal_data.Section
members_changed = Signal()  # member_ids: enrolled, or their profile, custom fields or tags were changed
consent_changed = Signal()  # member_id, channel, purpose
consent_asked = Signal()  # nothing: somewhere a yes waits for a letter that asks to confirm it
lifecycle_stages_changed = Signal()  # changes: list of (member_id, stage before, stage after)
member_merged = Signal()  # survivor_id, absorbed_id, merge_id: one person now; whoever keeps ids of members follows
member_unmerged = Signal()  # survivor_id, absorbed_id, merge_id: two again
touchpoint_noted = Signal()  # touchpoint_id: of a known member
