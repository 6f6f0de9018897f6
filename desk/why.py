"""Why a member got these points, this message, this offer, or did not: one page, one click from their own."""

from dataclasses import dataclass, field
from datetime import datetime

from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

import delivery.queries
import loyalty.queries
import members.operations
import members.queries
import recommender.queries
import sales.queries
from campaigns import verdicts
from campaigns.models import Campaign, Entry
from campaigns.retention import queries as retention
from experiments.models import Assignment
from loyalty import rewards
from members import clock
from members.access import Role, access_member, staff_only
from members.languages import in_readers_language
from recommender.models import Decision, Dismissal

service = staff_only(Role.SERVICE)
SHOWN = 12
REFUSED = {
    "basket_too_small": gettext_lazy("the purchase was too small"), "other_store": gettext_lazy("it holds in other stores"),
    "outside_its_days": gettext_lazy("it does not hold on that day"), "other_weekday": gettext_lazy("it holds on other weekdays"),
    "outside_its_hours": gettext_lazy("it holds at other hours"), "no_line_of_its_kind": gettext_lazy("nothing of its kind was bought"),
    "stopped_by_an_earlier_one": gettext_lazy("an earlier rule ends all others"),
    "a_larger_one_applied": gettext_lazy("a larger one counted instead"),
    "an_earlier_one_applied": gettext_lazy("an earlier one counted instead"),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One thing that came about or did not: what, when, because of what, and what else might have been."""

    at: datetime | None
    title: str
    because: str
    is_given: bool
    url: str = ""
    not_given: list[str] = field(default_factory=list)


def points(person, *, at) -> list[Answer]:
    """The latest purchases: what each earned by which rule, and why each other rule gave nothing."""
    entries = {one.purchase_id: one for one in loyalty.queries.entries(person.pk, limit=5 * SHOWN) if one.purchase_id}
    found = []
    for bought in sales.queries.receipts(member_id=person.pk)[:SHOWN]:
        told, entry = loyalty.queries.explanation(bought.pk), entries.get(bought.pk)
        found.append(
            Answer(
                bought.purchased_at, bought.store.name,
                entry.sentence if entry else _("No points: it was recorded without this member, or for nothing that earns."),
                bool(entry and entry.points > 0), reverse("desk:purchase", args=[person.public_id, bought.public_id]),
                _refused(told),
            )
        )  # fmt: skip
    return found


def _refused(told: dict) -> list[str]:
    said = [
        f"{in_readers_language(one['name'], one.get('name_zh', ''))}: {REFUSED.get(one['reason'], one['reason'])}"
        for one in told.get("not_applied", [])
    ]
    for code, lines in told.get("excluded", {}).items():
        said.append(_("Lines %(lines)s earn nothing: %(rule)s") % {"lines": ", ".join(map(str, lines)), "rule": code})
    return said


def messages(person, *, at) -> list[Answer]:
    """What was sent and what was kept back by the outbox, and the campaigns that chance or a rule kept away."""
    found = [_message(one) for one in delivery.queries.member_history(person.pk, limit=SHOWN)]
    held = Assignment.objects.filter(member__in=members.queries.ids_of(person.pk)).select_related("arm", "experiment")
    campaigns = {
        one.experiment_id: one.name for one in Campaign.objects.filter(experiment__in=held.values("experiment"))
    }
    for one in held.order_by("-assigned_at", "-pk"):
        if one.experiment_id in campaigns and (one.arm.is_holdout or one.skipped_reason):
            because = verdicts.skip_words(one.skipped_reason) if one.skipped_reason else _LEFT_ALONE
            found.append(Answer(one.assigned_at, campaigns[one.experiment_id], str(because), is_given=False))
    skipped = Entry.objects.filter(member__in=members.queries.ids_of(person.pk), state="skipped").select_related(
        "campaign"
    )
    found += [
        Answer(entry.entered_at, entry.campaign.name, verdicts.skip_words(entry.skip_reason), is_given=False)
        for entry in skipped.order_by("-entered_at", "-pk")[:SHOWN]
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[: 2 * SHOWN]


_LEFT_ALONE = gettext_lazy("Left out by chance, so that it can be said what the campaign changes.")


def _message(one) -> Answer:
    kept_back = one.get_skip_reason_display() if one.skip_reason else ""
    because = kept_back or _("%(purpose)s, for %(cause)s") % {
        "purpose": one.get_purpose_display(),
        "cause": _cause(one.cause),
    }
    title = f"{one.get_channel_display()} · {one.get_state_display()}"
    return Answer(one.sent_at or one.enqueued_at, title, because, one.state == one.State.SENT)


def _cause(cause: str) -> str:
    """A campaign by its name; any other cause as it calls itself."""
    kind, _colon, rest = cause.partition(":")
    number = rest.partition(":")[0]
    name = (
        Campaign.objects.filter(pk=number).values_list("name", flat=True).first()
        if kind == "campaign" and number.isdigit()
        else None
    )
    return f"“{name}”" if name else cause


def offers(person, *, at) -> list[Answer]:
    """Benefits in hand, offers decided with their reason, what the member does not want, and what chance kept back."""
    owned = [
        Answer(
            one.entitlement.valid_from,
            str(one.gives),
            _("Given for %(cause)s") % {"cause": _cause(one.entitlement.cause)},
            is_given=True,
        )
        for one in rewards.owned(person.pk, at=at)
    ]
    found = owned + _decided(person)
    for no in Dismissal.objects.filter(member=person.pk).select_related("category")[:SHOWN]:
        found.append(Answer(None, no.category.name, _("The member said: not interested."), is_given=False))
    warned = retention.of_member(person.pk)
    if warned and warned.warning.state == "held_out":
        found.append(
            Answer(warned.warning.decided_at, warned.warning.intervention.name, str(_LEFT_ALONE), is_given=False)
        )
    return found


def _decided(person) -> list[Answer]:
    causes = Decision.objects.filter(member=person.pk).order_by("-decided_at", "-pk").values_list("cause", "decided_at")
    found = []
    for cause, decided_at in list(dict(causes[: 5 * SHOWN]).items())[:3]:
        told = recommender.queries.offer_values(cause, [person.pk], get_language())[person.pk]
        experiment = Campaign.objects.filter(pk=_number(cause)).values("experiment")
        held = Assignment.objects.filter(member=person.pk, arm__is_holdout=True, experiment__in=experiment).exists()
        for one in [one for slot in told.values() for one in slot]:
            because = str(_LEFT_ALONE) if held else f"{one['reason']} ({_cause(cause)})"
            found.append(Answer(decided_at, f"{one['name']} {one['benefit']}".strip(), because, is_given=not held))
    return found


def _number(cause: str) -> int:
    number = cause.partition(":")[2].partition(":")[0]
    return int(number) if cause.startswith("campaign:") and number.isdigit() else 0


@never_cache
@service
def why(request, public_id):
    """All three, newest first. Opening it is written down."""
    person = access_member(request.user, public_id)
    members.operations.note_access(user=request.user, member_id=person.pk, act="viewed", door="desk")
    at = clock.now()
    groups = [
        ("points", _("Points"), points(person, at=at)), ("messages", _("Messages"), messages(person, at=at)),
        ("offers", _("Offers"), offers(person, at=at)),
    ]  # fmt: skip
    return render(request, "desk/why.html", {"member": person, "groups": groups, "at": timezone.now()})
