"""The overview: what the programme issued, what became of it, who stands on which tier, and the rules in force."""

from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from loyalty import queries
from loyalty.programme.menu import may_manage, readers_only
from members import clock


@readers_only
@require_GET
def overview(request):
    now = clock.now()
    totals = queries.programme_totals(at=now)
    context = {
        "totals": totals,
        "tiers": [(tier, percent, totals.members_by_tier.get(tier.code, 0)) for tier, percent in queries.ladder()],
        "live": queries.live_rule_set(at=now),
        "may_manage": may_manage(request.user),
    }
    return TemplateResponse(request, "loyalty/programme/overview.html", context)
