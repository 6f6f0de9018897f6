"""Putting the card into the phone's wallet."""

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET

from members.clock import now
from portal.accounts import member_only
from portal.passes import apple, facts, google


@member_only
@require_GET
def add(request, wallet):
    """Apple's is a file, Google's an address. A wallet without keys does not exist."""
    if wallet == "apple" and apple.is_set_up():
        response = HttpResponse(apple.build(facts.of(request.member, at=now())), content_type=apple.TYPE)
        response["Content-Disposition"] = 'attachment; filename="card.pkpass"'
        return response
    if wallet == "google" and google.is_set_up():
        return HttpResponseRedirect(google.save_url(facts.of(request.member, at=now())))
    raise Http404
