"""Whom a branch, a goal, an exit or an entry means: a saved audience, or conditions of its own, built in place.

It is {"audience": "<id>"} or {"audience": "own", "own": tree}; publishing writes the conditions of either beside it.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import audiences
from campaigns.journeys.kinds import choosing
from campaigns.journeys.kinds.asking import Ask, clean_one
from campaigns.models import Audience

OWN = "own"
EMPTY = {"match": "all", "conditions": []}


def choices() -> list[tuple[str, str]]:
    return [(OWN, _("conditions of its own")), *choosing.audiences()]


ASK = Ask("audience", gettext_lazy("Audience"), "choice", "", choices)


def clean(given: dict | None, *, is_needed: bool) -> dict:
    """The audience, and its own conditions as they are so far. Raises asking.Invalid."""
    ask = Ask(ASK.name, str(ASK.label), ASK.kind, "", choices, is_needed=is_needed)
    chosen = clean_one(ask, (given or {}).get("audience"))
    return {"audience": chosen} | own_of(given, chosen)


def own_of(given: dict | None, chosen: str) -> dict:
    return {"own": (given or {}).get("own") or EMPTY} if chosen == OWN else {}


def conditions_of(given: dict) -> dict:
    """Its conditions as they stand now. Raises Audience.DoesNotExist, audiences.Invalid."""
    if given["audience"] != OWN:
        return audiences.clean(Audience.objects.get(pk=given["audience"]).conditions)
    if not any(True for _leaf in audiences.leaves(given.get("own") or EMPTY)):
        raise audiences.Invalid(_("There is no condition yet: say who is meant."))
    return audiences.clean(given["own"])


def is_own(given: dict | None) -> bool:
    return bool(given) and given.get("audience") == OWN


def words(given: dict | None) -> str:
    """An audience's name, or the conditions in one line, whatever is still missing."""
    if not is_own(given):
        return choosing.named(choosing.audiences, (given or {}).get("audience"))
    try:
        return _line(audiences.sentences(given.get("own") or EMPTY))
    except audiences.Invalid as reason:
        return str(reason)


def _line(reason) -> str:
    inside = "; ".join(_line(inner) for inner in reason.inside)
    if len(reason.inside) == 1 and not reason.inside[0].inside:
        return inside
    return f"{reason.words}: {inside}" if inside else reason.words
