"""News of the ledger, told after commit. Each carries ids; whoever hears it reads what it needs."""

from django.dispatch import Signal

purchases_recorded = Signal()
"""`purchase_ids: list[int]`: purchases stored now for the first time; never those of a second try."""

tier_changed = Signal()
"""`changes: list[TierMove]`: members whose tier moved, with `member_id`, `from_tier`, `to_tier`, `purchase_id` (or None)."""

points_expiring = Signal()
"""`notices: list[operations.Notice]`: members (`member_id`) whose `points` may be spent until `last_day`; each told once per
`last_day` and `horizon_days` (30 and 7)."""
