"""Why a member got these points, this message, this offer, or did not: one page, one click from their own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max, Q
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

import delivery.queries
import loyalty.queries
import members.operations
import members.queries
import recommender.queries
import sales.queries
from campaigns import verdicts
from campaigns.journeys.models import Journey
from campaigns.models import Campaign, Entry, Intervention
from campaigns.retention import queries as retention
from experiments.models import Assignment
from loyalty import rewards, sentences
from members import clock
from members.access import Role, access_member, staff_only
from members.languages import in_readers_language
from recommender.models import Decision, Dismissal

service = staff_only(Role.SERVICE)
SHOWN, OCCASIONS = 12, 3
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
    bought = list(sales.queries.receipts(member_id=person.pk)[:SHOWN])
    told = loyalty.queries.explanations([one.pk for one in bought])
    return [_points(person, one, entries.get(one.pk), told.get(one.pk, {})) for one in bought]


def _points(person, bought, entry, told: dict) -> Answer:
    given = entry.points if entry else told.get("points", 0)
    if entry:
        because = entry.sentence
    elif given:  # the entry is in the ledger of a record that was merged into this one
        because = sentences.of_purchase(told)
    else:
        because = _("No points: it was recorded without this member, or for nothing that earns.")
    url = reverse("desk:purchase", args=[person.public_id, bought.public_id])
    return Answer(bought.purchased_at, bought.store.name, because, given > 0, url, _refused(told))


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
    ids = members.queries.ids_of(person.pk)
    sent = delivery.queries.member_history(person.pk, limit=SHOWN)
    names = _names([one.cause for one in sent])
    skipped = Entry.objects.filter(member__in=ids, state="skipped").select_related("campaign")
    found = [_message(one, names) for one in sent] + _kept_away(ids)
    found += [
        Answer(entry.entered_at, entry.campaign.name, verdicts.skip_words(entry.skip_reason), is_given=False)
        for entry in skipped.order_by("-entered_at", "-pk")[:SHOWN]
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[: 2 * SHOWN]


def _kept_away(ids: list[int]) -> list[Answer]:
    """Campaigns that chance or a rule kept from the member."""
    held = Assignment.objects.filter(Q(arm__is_holdout=True) | ~Q(skipped_reason=""), member__in=ids)
    held = list(held.filter(experiment__in=_OF_CAMPAIGNS).order_by("-assigned_at", "-pk")[: 2 * SHOWN])
    named = Campaign.objects.filter(experiment__in=[one.experiment_id for one in held])
    names = dict(named.values_list("experiment", "name"))
    return [
        Answer(
            one.assigned_at, names[one.experiment_id],
            str(verdicts.skip_words(one.skipped_reason) if one.skipped_reason else _LEFT_ALONE), is_given=False,
        )
        for one in held
    ]  # fmt: skip


_OF_CAMPAIGNS = Campaign.objects.filter(experiment__isnull=False).values("experiment")
_LEFT_ALONE = gettext_lazy("Left out by chance, so that it can be said what the campaign changes.")


def _message(one, names: dict[tuple[str, int], str]) -> Answer:
    kept_back = one.get_skip_reason_display() if one.skip_reason else ""
    because = kept_back or _("%(purpose)s, for %(cause)s") % {
        "purpose": one.get_purpose_display(),
        "cause": _cause(one.cause, names),
    }
    title = f"{one.get_channel_display()} · {one.get_state_display()}"
    return Answer(one.sent_at or one.enqueued_at, title, because, one.state == one.State.SENT)


NAMED = {"campaign": Campaign, "journey": Journey, "intervention": Intervention}
"""Causes that have a name of their own: kind:id, and what follows."""
KINDS = {
    "case": gettext_lazy("a word of the service desk"), "survey": gettext_lazy("a survey"),
    "desk": gettext_lazy("the service desk"), "portal": gettext_lazy("the member's own pages"), "till": gettext_lazy("the till"),
    "digest": gettext_lazy("a digest"), "test": gettext_lazy("a trial"), "referral": gettext_lazy("bringing a friend"),
}  # fmt: skip


def _names(causes: Iterable[str]) -> dict[tuple[str, int], str]:
    """The names of what these causes speak of, by kind and id. A query for each kind there is."""
    found, wanted = {}, {_parts(cause) for cause in causes}
    for kind, model in NAMED.items():
        if ids := {number for one, number in wanted if one == kind and number}:
            named = model.objects.filter(pk__in=ids).values_list("pk", "name")
            found |= {(kind, pk): name for pk, name in named}
    return found


def _parts(cause: str) -> tuple[str, int]:
    """Kind and id of a cause; 0 where it has no id."""
    kind, _colon, rest = cause.partition(":")
    number = rest.partition(":")[0]
    return kind, int(number) if number.isdigit() else 0


def _number(cause: str) -> int:
    """The campaign that a cause names, or 0."""
    kind, number = _parts(cause)
    return number if kind == "campaign" else 0


def _cause(cause: str, names: dict[tuple[str, int], str]) -> str:
    """By its name, else by what kind of thing it is; what nobody foresaw as it calls itself."""
    if name := names.get(_parts(cause)):
        return f"“{name}”"
    return str(KINDS.get(_parts(cause)[0], cause))


def offers(person, *, at) -> list[Answer]:
    """Benefits in hand, offers decided with their reason, what the member does not want, and what chance kept back."""
    owned, decided = rewards.owned(person.pk, at=at), _decided(person)
    names = _names([one.entitlement.cause for one in owned] + [one.cause for one in decided])
    found = [
        Answer(
            one.entitlement.valid_from, str(one.gives),
            _("Given for %(cause)s") % {"cause": _cause(one.entitlement.cause, names)}, is_given=True,
        )
        for one in owned
    ]  # fmt: skip
    found += _offered(person, decided, names)
    for no in Dismissal.objects.filter(member=person.pk).select_related("category")[:SHOWN]:
        found.append(Answer(None, no.category.name, _("The member said: not interested."), is_given=False))
    warned = retention.of_member(person.pk)
    if warned and warned.warning.state == "held_out":
        name = warned.warning.intervention.name
        found.append(Answer(warned.warning.decided_at, name, str(_LEFT_ALONE), is_given=False))
    return found


def _decided(person) -> list[Decision]:
    """What was decided for the member on the last three occasions, newest first. One query."""
    mine = Decision.objects.filter(member=person.pk)
    latest = mine.order_by().values("cause").annotate(last=Max("decided_at")).order_by("-last", "cause")[:OCCASIONS]
    found = mine.filter(cause__in=latest.values("cause")).select_related("category")
    return list(found.order_by("-decided_at", "cause", "slot", "position"))


def _offered(person, decided: list[Decision], names: dict[tuple[str, int], str]) -> list[Answer]:
    """Decisions in words: given with their reason, or kept back by chance for all of a campaign alike."""
    campaigns = Campaign.objects.filter(pk__in={_number(one.cause) for one in decided})
    mine = Assignment.objects.filter(member=person.pk, arm__is_holdout=True)
    held = set(campaigns.filter(experiment__in=mine.values("experiment")).values_list("pk", flat=True))
    found = []
    for one, told in zip(decided, recommender.queries.in_words(decided), strict=True):
        is_held = _number(one.cause) in held
        because = str(_LEFT_ALONE) if is_held else f"{told.reason} ({_cause(one.cause, names)})"
        found.append(Answer(one.decided_at, f"{told.name} {told.benefit}".strip(), because, is_given=not is_held))
    return found


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
