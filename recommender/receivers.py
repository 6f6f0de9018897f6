"""News heard: who is erased is forgotten."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.personal_data import Section, rows_of
from members.signals import consent_changed, member_erased, member_merged, personal_data_asked
from recommender import operations
from recommender.contexts import TRAITS
from recommender.models import Decision, Dismissal, MemberContext, Recommendation


@receiver(member_erased)
def forget_the_member(member_id, **kwargs):
    operations.forget(member_id=member_id)


@receiver(member_merged)
def obey_both(survivor_id, absorbed_id, **kwargs):
    operations.carry_dismissals(from_member_id=absorbed_id, to_member_id=survivor_id)


@receiver(consent_changed)
def know_nothing_of_who_says_no(member_id, purpose, **kwargs):
    if purpose == "profiling":  # who says yes again is known when the lists are written
        MemberContext.objects.filter(pk=member_id).delete()


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
            "offers_known",
            _("What we go by when we choose offers for you"),
            [
                {"at": at, **dict(zip(TRAITS, traits, strict=False))}
                for at, traits in MemberContext.objects.filter(pk=member_id).values_list("at", "traits")
            ],
        ),
        Section(
            "not_interested",
            _("What you are not interested in"),
            rows_of(Dismissal.objects.filter(member_id=member_id).order_by("at"), "at", product_type="category__path"),
        ),
    ]  # fmt: skip
