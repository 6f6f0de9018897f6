"""News from the floor, told after commit. Receivers get ids, and ask for the rest."""

from django.dispatch import Signal

member_erased = Signal()  # member_id
consent_changed = Signal()  # member_id, channel, purpose
lifecycle_stages_changed = Signal()  # changes: list of (member_id, stage before, stage after)
