"""News of kept audiences, told after commit."""

from django.dispatch import Signal

audience_changed = Signal()  # audience_id, entered: list of member ids, left: list of member ids; from a refresh
