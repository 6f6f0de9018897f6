"""Where Stripe tells its news. The signature is the only key; what is in the body is believed only after Stripe is asked."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from loyalty import billing
from loyalty import operations as loyalty
from members.clock import now

BODY_MAX = 512 * 1024


@csrf_exempt
@require_POST
def events(request):
    """200 when the event is kept and obeyed (or was before); 400 for a signature that is not Stripe's; 503 asks for it again."""
    if len(request.body) > BODY_MAX:
        return HttpResponse(status=413)
    try:
        outcome = loyalty.hear_event(
            payload=request.body, signature=request.headers.get("Stripe-Signature", ""), at=now()
        )
    except billing.BadSignature:
        return HttpResponse(status=400)
    except (billing.NotSetUp, billing.ProviderFailed):
        return HttpResponse(status=503)
    return JsonResponse({"outcome": outcome})
