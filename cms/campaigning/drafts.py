"""The editor's unsaved form: the page tells each change within a second, and asks for the step before or after."""

import json

from django.http import HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from campaigns.models import Campaign
from campaigns.operations import keeping
from members import clock
from members.access import Role, staff_only

BY = {"undo": -1, "redo": 1}


@staff_only(Role.MARKETER, Role.APPROVER)
@require_POST
def campaign_draft(request, pk=None):
    """Keep, undo, redo or drop. Answers where one stands, and after a move the form as it was there."""
    campaign = get_object_or_404(Campaign, pk=pk) if pk else None
    whose = {"campaign": campaign, "author": request.user}
    try:
        asked = json.loads(request.body)
        act = asked["act"]
        if act == "keep":
            return _answer(keeping.keep(**whose, forms=asked["forms"], at=clock.now()))
        if act == "drop":
            keeping.drop(**whose)
            return _answer(None)
        return _answer(keeping.go(**whose, by=BY[act], at=clock.now()), is_move=True)
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest()


def _answer(draft, *, is_move: bool = False):
    if draft is None:
        return JsonResponse({"undo": False, "redo": False})
    told = {"undo": draft.place > 0, "redo": draft.place + 1 < len(draft.steps)}
    return JsonResponse(told | ({"form": draft.steps[draft.place]} if is_move else {}))
