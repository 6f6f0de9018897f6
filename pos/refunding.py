"""Taking back: a whole sale or a part of it, at the store it was sold at or another; the effect is always shown first."""

import hashlib
import uuid
from dataclasses import replace
from datetime import timedelta

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

import loyalty.operations
import members.operations
import members.queries
import sales.queries
from members import clock
from members.access import access_member, stores_of
from pos import giving_back
from pos.effects import before
from pos.handing_in import TILL_PRODUCT
from pos.taking_turns import cashiers
from pos.tills import till_of
from pos.views import masked, page

IN_HAND = "till_in_hand"  # receipts of other stores this cashier was shown: by their number, or beside their member
IN_HAND_MAX = 30
VOIDED_WITHIN = timedelta(hours=12)
PURCHASES_SHOWN = 20


# -- finding the receipt -----------------------------------------------------------------------------------------------


@never_cache
@cashiers
def find_receipt(request):
    """By the number on the receipt, whichever store sold it."""
    number = request.GET.get("receipt", "").strip()
    if number:
        found = sales.queries.by_receipt_number(number)
        if found is not None:
            _take_in_hand(request, [found])
            return redirect("pos:refund", found.public_id)
    return page(request, "pos/find_receipt.html", number=number, person=None)


@never_cache
@cashiers
def purchases(request, public_id):
    """What a member bought lately, at any store: who has lost the receipt has not lost the sale."""
    person = access_member(request.user, public_id)
    found = sales.queries.purchases_of(person.pk, limit=PURCHASES_SHOWN)
    _take_in_hand(request, found)
    return page(request, "pos/find_receipt.html", person=masked(person), found=found, number="")


def _take_in_hand(request, found):
    held = request.session.get(IN_HAND, [])
    new = [str(one.public_id) for one in found]
    request.session[IN_HAND] = [*[one for one in held if one not in new], *new][-IN_HAND_MAX:]


def _sale(request, public_id):
    """A sale of one's own stores, or one that is in hand; 404 for any other."""
    found = sales.queries.purchase(public_id)
    is_ours = found and stores_of(request.user).filter(pk=found.store_id).exists()
    if not is_ours and not (found and str(public_id) in request.session.get(IN_HAND, [])):
        raise Http404(_("There is no such sale at this store."))
    return found


# -- taking back -------------------------------------------------------------------------------------------------------


@never_cache
@cashiers
def refund(request, public_id):
    """Choose what comes back, see what it does, confirm. Nothing is chosen: everything that is left."""
    purchase, here = _sale(request, public_id), till_of(request)
    left = [one for one in sales.queries.refundable_many([purchase.pk])[purchase.pk] if one.quantity or one.total_minor]
    if purchase.kind == purchase.Kind.REFUND or not left:
        return _nothing_left(request, purchase)
    if request.method == "POST" and here and request.POST.get("seen"):
        done = _refund(request, purchase, here, left, act="refunded")
        if done:
            return done
    return _ask(request, "pos/refund.html", purchase, left, request.POST or request.GET)


def _ask(request, template, purchase, left, said):
    problem, preview, lines = "", None, []
    try:
        lines = giving_back.chosen(left, said, by_amount=TILL_PRODUCT)
        preview = loyalty.operations.preview_refund(
            purchase_id=purchase.pk, lines=lines, refunded_at=clock.now()
        )  # fmt: skip
    except ValueError as refusal:  # CannotRefund among them
        problem = str(refusal)
    names = {line.line_no: line.product.name or line.product.code for line in purchase.receipt_lines}
    is_partial = request.headers.get("HX-Request") and request.method == "GET"
    return page(
        request, "pos/_refund_effect.html" if is_partial else template, sale=purchase,
        rows=[_row(one, names[one.line_no], lines, said) for one in left], problem=problem, seen=_mark(lines),
        key=said.get("key") or uuid.uuid4().hex, preview=before(preview) if preview else None,
        member=masked(purchase.member),
    )  # fmt: skip


def _row(sold, name: str, lines, said) -> giving_back.Row:
    is_money = sold.product_code == TILL_PRODUCT
    back = {line_no: (quantity, minor) for line_no, quantity, minor in lines}
    quantity, minor = back.get(sold.line_no, (0, 0))
    typed = (
        f"{minor / 100:.2f}"
        if is_money
        else str(giving_back.pieces_of(replace(sold, quantity=quantity)) if minor else 0)
    )
    row = giving_back.Row(sold, _("Sale") if is_money else name, is_money, typed, minor)
    return replace(row, typed=said.get(row.field, typed))


def _mark(lines) -> str:
    """What the cashier saw the effect of; Enter confirms that and nothing else."""
    return hashlib.blake2b(repr([(n, str(q), m) for n, q, m in lines]).encode(), digest_size=8).hexdigest()


def _refund(request, purchase, here, left, *, act: str):
    """The page to go on to; None when the effect has to be shown first."""
    key = request.POST.get("key") or uuid.uuid4().hex
    if told := sales.queries.told(here.source, key):  # Enter was pressed twice: one refund
        return redirect("pos:sale", told.public_id)
    try:
        lines = giving_back.chosen(left, request.POST, by_amount=TILL_PRODUCT)
        if request.POST["seen"] != _mark(lines):
            return None
        refunded = loyalty.operations.refund(
            source=here.source, client_key=key, purchase_id=purchase.pk, lines=lines, refunded_at=clock.now(),
            store_code=here.store.code,
        )  # fmt: skip
    except ValueError:
        return _nothing_left(request, purchase)
    if purchase.member_id and not refunded.is_replay:
        members.operations.note_access(
            user=request.user, member_id=purchase.member_id, act=act, door="pos", note=str(refunded.public_id)
        )
    messages.success(request, _("Refunded. Give the money back."))
    return redirect("pos:sale", refunded.public_id)


def _nothing_left(request, purchase):
    told = sales.queries.told(till_of(request).source, request.POST.get("key", "")) if request.POST.get("key") else None
    if told:
        return redirect("pos:sale", told.public_id)
    messages.info(request, _("Nothing is left to refund on this sale."))
    is_ours = stores_of(request.user).filter(pk=purchase.store_id).exists()
    return redirect("pos:sale", purchase.public_id) if is_ours else redirect("pos:find_receipt")


@never_cache
@cashiers
def void(request):
    """Take back the sale one recorded last, at this store and today. Two keys: F7, Enter."""
    here, purchase = till_of(request), None
    note = members.queries.last_note(request.user, act="awarded", door="pos", since=timezone.now() - VOIDED_WITHIN)
    if note and here:
        purchase = sales.queries.purchase(note)
    asked = request.POST.get("sale")
    if purchase is None or purchase.source.code != here.source or (asked and asked != str(purchase.public_id)):
        if asked and (told := sales.queries.told(here.source, request.POST.get("key", ""))):
            return redirect("pos:sale", told.public_id)
        messages.info(request, _("There is no sale of yours to take back here."))
        return redirect("pos:till")
    left = [one for one in sales.queries.refundable_many([purchase.pk])[purchase.pk] if one.quantity or one.total_minor]
    if not left:
        return _nothing_left(request, purchase)
    if request.method == "POST":
        done = _refund(request, purchase, here, left, act="voided")
        if done:
            return done
    return _ask(request, "pos/void.html", purchase, left, {})
