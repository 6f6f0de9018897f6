"""Rewards, voucher codes and the policy: read by whoever reads the programme, changed by managers."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty import operations
from loyalty.catalogue.forms import PolicyForm, PoolForm, RewardForm
from loyalty.models import Redemption, Reward, SpendingPolicy, VoucherPool
from loyalty.operations.purchases import POINTS
from loyalty.programme.menu import managers_only, may_manage, readers_only
from loyalty.rewards import gives
from loyalty.spending import codes
from members import clock

page = require_http_methods(["GET", "POST"])


@readers_only
@require_GET
def rewards(request):
    """The catalogue: what each reward costs and gives, how many are left, how often it was handed out."""
    handed_out = Count("redemptions", filter=Q(redemptions__state=Redemption.State.GRANTED))
    found = Reward.objects.annotate(handed_out=handed_out).order_by("-is_active", "points", "pk")
    context = {
        "rewards": [(one, gives(one)) for one in found.select_related("product__category")],
        "now": clock.now(),
        "may_manage": may_manage(request.user),
    }
    return TemplateResponse(request, "loyalty/catalogue/rewards.html", context)


@managers_only
@page
def reward(request, pk=None):
    """Make or change a reward. What was handed out keeps what it was."""
    instance = get_object_or_404(Reward, pk=pk) if pk else None
    form = RewardForm(request.POST or None, instance=instance, initial={} if pk else {"valid_from": clock.now()})
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, _("“%(reward)s” is saved.") % {"reward": saved.name})
        return redirect("programme_rewards")
    context = {"form": form, "reward": instance}
    return TemplateResponse(request, "loyalty/catalogue/reward.html", context, status=422 if form.errors else 200)


@readers_only
@require_GET
def pools(request):
    """Pools of codes: how many there are, and how many found an owner or were used."""
    used = Q(vouchers__entitlement__uses_left=0) | (
        Q(vouchers__owned_at__isnull=False, vouchers__entitlement=None) & ~Q(brought_from="")
    )
    found = VoucherPool.objects.select_related("reward").annotate(
        made=Count("vouchers"), owned=Count("vouchers", filter=Q(vouchers__owned_at__isnull=False)),
        used=Count("vouchers", filter=used),
    )  # fmt: skip
    context = {"pools": found, "now": clock.now(), "may_manage": may_manage(request.user)}
    return TemplateResponse(request, "loyalty/catalogue/pools.html", context)


@managers_only
@page
def new_pool(request):
    """Make codes. They are handed over as a file, once."""
    form = PoolForm(request.POST or None, initial={"valid_from": clock.now()})
    if request.method == "POST" and form.is_valid():
        made = operations.create_pool(**form.cleaned_data)
        body = "\r\n".join([codes.shown(code) for code in made.codes]) + "\r\n"
        response = HttpResponse(body, content_type="text/csv; charset=utf-8")
        name = slugify(made.pool.name) or f"pool-{made.pool.pk}"
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        response["Cache-Control"] = "no-store"
        return response
    return TemplateResponse(request, "loyalty/catalogue/pool.html", {"form": form}, status=422 if form.errors else 200)


@managers_only
@page
def policy(request):
    """How points are spent and taken back; in force at once."""
    instance = SpendingPolicy.objects.get(currency_id=POINTS)
    form = PolicyForm(request.POST or None, instance=instance)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. It counts from now on."))
        return redirect("programme_policy")
    return TemplateResponse(
        request, "loyalty/catalogue/policy.html", {"form": form}, status=422 if form.errors else 200
    )
