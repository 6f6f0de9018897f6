"""The till's pages. Each finds its objects through a gate, makes one call, and turns refusals into words."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
import loyalty.rewards
import members.operations
import members.queries
import sales.queries
from members import cards, clock, normalise
from members.access import access_member, access_store, stores_of
from pos import spending
from pos.effects import before, effect_of
from pos.forms import AmountForm, EnrolForm
from pos.handing_in import TILL_PRODUCT
from pos.taking_turns import IDLE_SECONDS, cashiers, has_pin
from pos.tills import till_of
from sales.lines import Line

SALES_SHOWN = 8


@never_cache
@cashiers
def till(request):
    """Find a member: one match leads straight on, several are listed, none offers to enrol."""
    text = request.GET.get("q", "").strip()
    found = members.queries.find(text) if text else []
    if len(found) == 1:
        return redirect("pos:member", found[0].public_id)
    masked = [members.queries.masked(one) for one in found]
    return _page(request, "pos/till.html", q=text, found=masked, is_bad_card=_is_bad_card(text), focus_find=not found)


def _is_bad_card(text: str) -> bool:
    digits = normalise.digits(text)
    return len(digits) == cards.LENGTH and digits.startswith(cards.PREFIX) and not cards.is_card_number(digits)


@never_cache
@cashiers
def member(request, public_id):
    """The member before the cashier, and the amount of their sale."""
    person, here = access_member(request.user, public_id), till_of(request)
    form = AmountForm(request.POST or None, initial={"key": uuid.uuid4().hex})
    if request.method == "POST" and here and form.is_valid():
        sold = _record(request, form, person, here)
        if sold:
            return redirect("pos:sale", sold)
    now = clock.now()
    return _page(
        request, "pos/member.html", form=form, member=members.queries.masked(person),
        balance=loyalty.queries.balance(person.pk, at=now), progress=loyalty.queries.tier_progress(person.pk, at=now),
        offers=loyalty.rewards.owned(person.pk, at=now), spending=spending.choices(request, person, here, at=now),
    )  # fmt: skip


def _record(request, form, person, here):
    """Record the sale and return its public id; None when it was refused, with the reason in the form."""
    if members.queries.is_own_account(request.user, person):
        form.add_error(None, _("This is your own account. A colleague records your purchases."))
        return None
    key, amount = form.cleaned_data["key"], form.cleaned_data["amount"]
    try:
        recorded = loyalty.operations.record_paid_purchase(
            source=here.source, client_key=key, member_id=person.pk, store_code=here.store.code, purchased_at=clock.now(),
            currency=settings.CURRENCY, lines=[Line(TILL_PRODUCT, Decimal(1), amount, name="Sale by amount")],
            spend=spending.chosen(request),
        ).recorded  # fmt: skip
    except loyalty.operations.KeyReused:
        told = sales.queries.told(here.source, key)
        if told and (told.member_id, told.total_minor) == (person.pk, amount):
            return told.public_id  # Enter was pressed twice: one sale
        _ask_again(form)
        return None
    except (loyalty.operations.CannotPay, loyalty.operations.NotEnoughPoints) as refusal:
        form.add_error(None, str(refusal))
        return None
    _note(request, person.pk, "awarded", recorded)
    return recorded.public_id


def _ask_again(form):
    """The page was used for another sale before (the browser's Back): this one needs a name of its own, and a yes."""
    form.data = form.data.copy()
    form.data["key"] = uuid.uuid4().hex
    form.add_error(None, _("A sale was recorded from this page already. If this is another one, press Enter again."))


@never_cache
@cashiers
def enrol(request):
    """Enrol in the queue; the sale that follows counts already."""
    form = EnrolForm(request.POST or None, initial={"contact": request.GET.get("contact", "")})
    known = None
    if request.method == "POST" and form.is_valid():
        try:
            person = members.operations.enrol(at=clock.now(), source="till", **form.fields_of_member())
        except members.operations.CannotEnrol as refusal:
            form.refuse(refusal.field, str(refusal))
            known = members.queries.public_id_of(getattr(refusal, "member_id", None))
        else:
            members.operations.note_access(user=request.user, member_id=person.pk, act="enrolled", door="pos")
            messages.success(request, _("Enrolled. This sale already counts."))
            return redirect("pos:member", person.public_id)
    return _page(request, "pos/enrol.html", form=form, known=known)


@never_cache
@cashiers
def sale(request, public_id):
    """What a sale did, large enough to read from the other side of the counter."""
    purchase = _own_sale(request, public_id)
    return _page(
        request, "pos/sale.html", sale=purchase, effect=effect_of(purchase), member=_masked(purchase.member),
        is_refundable=bool(sales.queries.refundable(purchase)), focus_find=True, tender=spending.tender_of(purchase),
    )  # fmt: skip


@never_cache
@cashiers
def refund(request, public_id):
    """Take a whole sale back, the effect shown first."""
    purchase = _own_sale(request, public_id)
    if request.method == "POST":
        return _refund(request, purchase, request.POST.get("key") or uuid.uuid4().hex)
    try:
        lines = sales.queries.refundable(purchase)
        preview = loyalty.operations.preview_refund(purchase_id=purchase.pk, lines=lines, refunded_at=clock.now())
    except loyalty.operations.CannotRefund:
        messages.info(request, _("Nothing is left to refund on this sale."))
        return redirect("pos:sale", public_id)
    return _page(
        request, "pos/refund.html", sale=purchase, key=uuid.uuid4().hex, preview=before(preview),
        member=_masked(purchase.member),
    )  # fmt: skip


def _refund(request, purchase, key):
    source = f"till:{purchase.store.code}"
    told = sales.queries.told(source, key)
    if told:  # Enter was pressed twice: one refund
        return redirect("pos:sale", told.public_id)
    try:
        refunded = loyalty.operations.refund(
            source=source, client_key=key, purchase_id=purchase.pk, lines=sales.queries.refundable(purchase),
            refunded_at=clock.now(),
        )  # fmt: skip
    except (loyalty.operations.CannotRefund, loyalty.operations.KeyReused):
        messages.error(
            request, _("Nothing was refunded: this sale was taken back already. Look at the list of the till.")
        )
        return redirect("pos:sale", purchase.public_id)
    if purchase.member_id:
        _note(request, purchase.member_id, "refunded", refunded)
    messages.success(request, _("Refunded. Give the money back."))
    return redirect("pos:sale", refunded.public_id)


@cashiers
@require_POST
def choose_store(request):
    """Stand at another store of one's own."""
    request.session["store"] = access_store(request.user, request.POST.get("store", "")).code
    return redirect("pos:till")


def _own_sale(request, public_id):
    """A sale or refund of one of the cashier's own stores, or 404."""
    purchase = sales.queries.receipt(public_id)
    if purchase is None or not stores_of(request.user).filter(pk=purchase.store_id).exists():
        raise Http404(_("There is no such sale at this store."))
    return purchase


def _masked(person):
    return members.queries.masked(person) if person else None


def _note(request, member_id, act, done):
    """Who did it, beside the member: once, whatever was pressed twice."""
    if not done.is_replay:
        members.operations.note_access(
            user=request.user, member_id=member_id, act=act, door="pos", note=str(done.public_id)
        )


def _page(request, template, **context):
    """Every page of the till shows where it stands and what it sold last."""
    here = till_of(request)
    latest = sales.queries.receipts(source_code=here.source)[:SALES_SHOWN] if here else []
    lock_seconds = IDLE_SECONDS if has_pin(request.user) else None
    return render(request, template, {"till": here, "latest": latest, "lock_seconds": lock_seconds, **context})
