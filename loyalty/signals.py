"""News of the ledger, told after commit. Each carries ids; whoever hears it reads what it needs."""

from django.dispatch import Signal

purchases_recorded = Signal()
"""`purchase_ids: list[int]`: purchases stored now for the first time; never those of a second try."""

tier_changed = Signal()
"""`changes: list[TierMove]`: members whose tier moved, with `member_id`, `from_tier`, `to_tier`, `purchase_id` (or None)."""
