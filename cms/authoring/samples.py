"""Whose eyes a preview is seen through: a sample member, nobody we know, or a real member somebody chose."""

from dataclasses import dataclass

from django.http import Http404
from django.utils.translation import gettext as _

from campaigns import values as campaign_values
from emails import previewing
from emails.enclosures import Needs
from members import clock, queries
from members.access import access_member

SAMPLE, NOBODY = "sample", "nobody"
CHOSEN = "previewed_member"  # the session's key
FOUND_MAX = 8


@dataclass(frozen=True)
class Reader:
    """One reader of a preview."""

    key: str
    label: str
    values: dict
    member_id: int = 0


def values_of(member, language: str, needs: Needs | None = None) -> dict:
    """A member's values as a campaign would send them today, names included."""
    names = {"given_name": member.given_name, "family_name": member.family_name}
    return campaign_values.for_preview(member, at=clock.now(), language=language, needs=needs) | names


def reader(request, key: str, *, language: str, needs: Needs | None = None) -> Reader:
    """The reader a page asks for. Raises Http404 for a member this user may not see."""
    if key == NOBODY:
        return Reader(NOBODY, _("A member we know nothing about"), {})
    if key in ("", SAMPLE):
        return Reader(SAMPLE, _("Sample member"), previewing.sample_values(language, needs=needs))
    member = access_member(request.user, key)
    request.session[CHOSEN] = str(member.public_id)
    return Reader(key, queries.masked(member).name, values_of(member, language, needs), member.pk)


@previewing.source_of_values
def chosen_values(request, language: str, needs: Needs | None = None) -> dict | None:
    """For the live preview beside the editor: the member last chosen in the studio, if there is one."""
    key = request.session.get(CHOSEN)
    if not key:
        return None
    try:
        return values_of(access_member(request.user, key), language, needs)
    except Http404:
        return None


def found(text: str) -> list[tuple[str, str]]:
    """Members for a search, as (public id, masked words). Empty search: nobody."""
    if not text.strip():
        return []
    rows = [(str(member.public_id), queries.masked(member)) for member in queries.find(text, limit=FOUND_MAX)]
    return [(key, " · ".join(part for part in (shown.name, shown.card) if part)) for key, shown in rows]
