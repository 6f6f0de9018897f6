"""Who uses an audience: what names it in the database, and trees elsewhere that ask for it. What is used is not deleted."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from campaigns import audiences
from campaigns.memberships.models import AudienceMember, AudienceRevision
from campaigns.models import Audience, Campaign, Journey


class InUse(Exception):
    """The audience is used, so it stays; the message says by what."""


@dataclass(frozen=True)
class Use:
    """One user of an audience: what kind of thing it is, its name, and its own table and key for a link."""

    kind: str
    name: str
    model: str = ""
    pk: int | None = None


OWN_ROWS = (AudienceMember, AudienceRevision)
"""What an audience consists of, and goes with it."""
_ELSEWHERE: list[Callable[[Audience], list[Use]]] = []


def register(ask: Callable[[Audience], list[Use]]):
    """Let a room that keeps trees of its own tell which of them ask for an audience."""
    _ELSEWHERE.append(ask)
    return ask


def of(audience: Audience) -> list[Use]:
    """Everything that uses an audience: campaigns, journeys, other audiences, and whatever else names it."""
    found = []
    for relation in Audience._meta.related_objects:
        if relation.related_model not in OWN_ROWS:
            rows = relation.related_model.objects.filter(**{relation.field.name: audience}).order_by("pk")
            kind = capfirst(relation.related_model._meta.verbose_name)
            found += [Use(kind, str(row), row._meta.label_lower, row.pk) for row in rows]
    for other in Audience.objects.exclude(pk=audience.pk):
        if audience.pk in audiences.mentions(other.conditions):
            found.append(Use(_("Audience"), other.name, Audience._meta.label_lower, other.pk))
    for journey in Journey.objects.select_related("version").order_by("pk"):
        versions = [journey.draft, journey.version.definition if journey.version else {}]
        if any(_asks(definition, str(audience.pk)) for definition in versions):
            found.append(Use(capfirst(Journey._meta.verbose_name), journey.name, Journey._meta.label_lower, journey.pk))
    for ask in _ELSEWHERE:
        found += ask(audience)
    return list(dict.fromkeys(found))


def _asks(definition, key: str) -> bool:
    """Whether anything in a definition, however deep, names this audience."""
    if isinstance(definition, dict):
        return str(definition.get("audience", "")) == key or any(_asks(one, key) for one in definition.values())
    return isinstance(definition, list) and any(_asks(one, key) for one in definition)


def drawings(audience: Audience):
    """Campaigns that drew it: each with the number of members at that moment, which never changes afterwards."""
    return Campaign.objects.filter(audience=audience, planned_at__isnull=False).order_by("-planned_at", "-pk")


def delete(*, audience: Audience) -> None:
    """Delete an audience that nothing uses. Raises InUse."""
    if uses := of(audience):
        named = "; ".join(f"{use.kind} “{use.name}”" for use in uses[:5])
        raise InUse(_("This audience stays, because it is used: %(uses)s.") % {"uses": named})
    audience.delete()
