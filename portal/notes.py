"""Notes that journeys leave on a member's own page, until they are closed."""

from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from campaigns.journeys import queries
from campaigns.journeys.operations import close_note
from members.clock import now
from portal.accounts import member_only

SHOWN_MAX = 3


def of(member, *, at) -> list:
    """The newest notes that stand on the member's page now."""
    return list(queries.notes_for(member.pk, at=at)[:SHOWN_MAX])


@member_only
@require_POST
def close(request, note_id):
    close_note(note_id=note_id, member_id=request.member.pk, at=now())
    return redirect("portal:home")
