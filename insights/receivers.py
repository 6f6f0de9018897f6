"""News from the floor: what was foretold of an erased member is forgotten."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from insights.models import Score
from members.personal_data import Section, rows_of
from members.signals import member_erased, personal_data_asked


@receiver(member_erased)
def forget(member_id, **_news):
    Score.objects.filter(member_id=member_id).delete()


@receiver(personal_data_asked)
def tell(member_id, **_news):
    rows = rows_of(
        Score.objects.filter(member_id=member_id).order_by("run_id", "pk"),
        "value", "low", "high", "on", kind="run__kind", model="run__model", at="run__at", product_type="category__path",
        reason="reason_code",
    )  # fmt: skip
    return [Section("scores", _("What we estimate of you"), rows)]
