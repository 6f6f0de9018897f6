"""What an audience was: each saving is kept, and an older one can be brought back."""

from django.db import transaction
from django.db.models import Max

from campaigns import audiences
from campaigns.memberships.models import AudienceRevision
from campaigns.models import Audience


class NoRevision(ValueError):
    """There is no such revision (any more)."""


@transaction.atomic
def note(*, audience: Audience, at, by_user=None, before: dict | None = None) -> int:
    """Keep the audience as it is now, unless nothing changed; the number of the newest revision.

    `before`: its conditions until now, for an audience from a time when none were kept.
    """
    kept = AudienceRevision.objects.select_for_update().filter(audience=audience)
    newest = kept.order_by("-number").first()
    if newest is None and before is not None and before != audience.conditions:
        newest = _add(audience, 1, before, audience.created_at, None)
    if newest is not None and (newest.conditions, newest.name) == (audience.conditions, audience.name):
        return newest.number
    number = (kept.aggregate(last=Max("number"))["last"] or 0) + 1
    return _add(audience, number, audience.conditions, at, by_user).number


def _add(audience, number, conditions, at, by_user) -> AudienceRevision:
    return AudienceRevision.objects.create(
        audience=audience, number=number, name=audience.name, conditions=conditions, saved_at=at, by_user=by_user
    )


@transaction.atomic
def restore(*, audience: Audience, number: int, at, by_user=None) -> Audience:
    """Make the conditions those of an older revision again; that is a revision of its own. Raises NoRevision, audiences.Invalid."""
    audience = Audience.objects.select_for_update().get(pk=audience.pk)
    found = AudienceRevision.objects.filter(audience=audience, number=number).first()
    if found is None or audience.kind != Audience.Kind.RULE:
        raise NoRevision
    audience.conditions = audiences.clean(found.conditions, audience=audience)
    audience.save(update_fields=["conditions", "updated_at"])
    note(audience=audience, at=at, by_user=by_user)
    return audience


def of(audience: Audience) -> list[AudienceRevision]:
    """Newest first."""
    return list(AudienceRevision.objects.filter(audience=audience).select_related("by_user").order_by("-number"))
