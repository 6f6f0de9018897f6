"""News heard: who is erased is forgotten."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.personal_data import Section, rows_of
from members.signals import member_erased, member_merged, personal_data_asked
from recommender import operations
from recommender.models import Decision, Dismissal, Recommendation


@receiver(member_erased)
def forget_the_member(member_id, **kwargs):
    operations.forget(member_id=member_id)


@receiver(member_merged)
def obey_both(survivor_id, absorbed_id, **kwargs):
    operations.carry_dismissals(from_member_id=absorbed_id, to_member_id=survivor_id)


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    return [
        Section(
            "recommendations",
            _("What we think you may want next, and why"),
            rows_of(
                Recommendation.objects.filter(member_id=member_id),
                "slot", "rank", "score", product_type="category__path", reason="reason_code", reason_details="reason_params",
            ),
        ),
        Section(
            "offers_chosen",
            _("Offers chosen for you, and why"),
            rows_of(
                Decision.objects.filter(member_id=member_id).order_by("decided_at", "pk"),
                "decided_at", "slot", "position", "benefit", "amount", product_type="category__path", reason="reason_code",
                chance="propensity",
            ),
        ),
        Section(
            "not_interested",
            _("What you are not interested in"),
            rows_of(Dismissal.objects.filter(member_id=member_id).order_by("at"), "at", product_type="category__path"),
        ),
    ]  # fmt: skip
