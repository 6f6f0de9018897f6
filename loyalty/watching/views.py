"""Reviews, stopped wallets and the value of a point: look, decide with a reason, and see who decided before."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loyalty import fraud, operations, remarks
from loyalty.models import BlockedWallet, PointValue, Review
from loyalty.programme.menu import managers_only
from members import clock

PAGE = 50
DECIDED_SHOWN = 20


@managers_only
@require_GET
def reviews(request):
    """Acts that wait, oldest first; wallets stopped by a broken promise; who guesses codes; what was decided lately."""
    page = Paginator(fraud.waiting(), PAGE).get_page(request.GET.get("p"))
    decided = Review.objects.exclude(state=Review.State.OPEN).select_related("decided_by", "wallet__member")
    context = {
        "page": page,
        "waiting": [(review, fraud.reason(review)) for review in page],
        "decided": _in_words(decided.order_by("-decided_at", "-pk")[:DECIDED_SHOWN]),
        "blocked": BlockedWallet.objects.filter(lifted_at=None)
        .select_related("wallet__member")
        .order_by("blocked_at", "pk"),
        "guessers": fraud.guessers(at=clock.now()),
    }
    return TemplateResponse(request, "loyalty/watching/reviews.html", context)


def _in_words(decided) -> list:
    """Each review, what was seen, and why it was decided so."""
    reviews = list(decided)
    words = remarks.opened(review.decision_reason for review in reviews)
    return [(review, fraud.reason(review), words[review.decision_reason]) for review in reviews]


@managers_only
@require_POST
def decide(request, pk):
    try:
        done = operations.decide_review(
            review_id=pk, release=request.POST.get("decision") == "release", reason=request.POST.get("reason", ""),
            by_user_id=request.user.pk, at=clock.now(),
        )  # fmt: skip
    except operations.LedgerRefusal as reason:
        messages.error(request, str(reason))
    else:
        said = _("Taken away: %(cancelled)s points. Returned: %(returned)s.")
        messages.success(request, said % {"cancelled": done.cancelled, "returned": done.returned + done.debt_paid})
    return redirect("programme_reviews")


@managers_only
@require_POST
def allow(request, pk):
    try:
        operations.allow_spending(
            wallet_id=pk, reason=request.POST.get("reason", ""), by_user_id=request.user.pk, at=clock.now()
        )
    except operations.LedgerRefusal as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("Points of this card can be spent again."))
    return redirect("programme_reviews")


class ValueForm(forms.Form):
    minor_per_1000 = forms.IntegerField(
        label=gettext_lazy("A thousand points are worth, in cents"), min_value=0, max_value=2_000_000_000
    )
    effective_from = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    note = forms.CharField(label=gettext_lazy("Why"), max_length=200)


@managers_only
@require_http_methods(["GET", "POST"])
def value(request):
    """What a point is worth, since when, and who said so."""
    form = ValueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            operations.set_point_value(
                currency="points",
                money=settings.CURRENCY,
                by_user_id=request.user.pk,
                at=clock.now(),
                **form.cleaned_data,
            )
        except operations.LedgerRefusal as reason:
            form.add_error("effective_from", str(reason))
        else:
            messages.success(request, _("The value is set."))
            return redirect("programme_value")
    history = PointValue.objects.select_related("by_user", "currency").order_by("-effective_from", "-pk")
    return TemplateResponse(request, "loyalty/watching/value.html", {"form": form, "history": history})
