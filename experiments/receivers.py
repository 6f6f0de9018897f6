"""News from the floor. Assignments of an erased member stay, without a name, so that experiments still add up."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from experiments.models import Assignment
from members.personal_data import Section, rows_of
from members.signals import personal_data_asked


@receiver(personal_data_asked)
def tell(member_id, **_news):
    return [
        Section(
            "experiments",
            _("Comparisons you were part of"),
            rows_of(
                Assignment.objects.filter(member_id=member_id).order_by("assigned_at", "pk"),
                at="assigned_at", comparison="experiment__name", group="arm__name", held_out="arm__is_holdout",
                chance="propensity", skipped="skipped_reason",
            ),
        )
    ]  # fmt: skip
