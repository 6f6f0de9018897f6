"""What can be asked of a member: each condition with its words, its fields, and the SQL it becomes.

A file for each room that is asked. Add a condition to one of them and the builder, the check, the sentence and “why” know it.
"""

from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.conditions import care, meetings, messages, people, points, predictions, purchases, retention
from campaigns.conditions.asking import Condition, Field, Invalid, Nested, Own, Rows
from campaigns.conditions.points import POINTS
from campaigns.conditions.purchases import category_choices

__all__ = [
    "CONDITIONS", "GROUPS", "POINTS", "Condition", "Field", "Invalid", "Nested", "Own", "Rows", "category_choices",
]  # fmt: skip

GROUPS = (
    (gettext_lazy("Profile and consent"), people.CONDITIONS),
    (pgettext_lazy("what is asked about", "Purchases"), purchases.CONDITIONS),
    (gettext_lazy("Points and rewards"), points.CONDITIONS),
    (gettext_lazy("Messages and offers"), messages.CONDITIONS),
    (gettext_lazy("Predictions"), predictions.CONDITIONS),
    (gettext_lazy("Early warning"), retention.CONDITIONS),
    (gettext_lazy("Service"), care.CONDITIONS),
    (gettext_lazy("Visits and events"), meetings.CONDITIONS),
)
CONDITIONS = {condition.code: condition for _group, conditions in GROUPS for condition in conditions}
