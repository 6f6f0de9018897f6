"""The till's pages. Each finds its objects through a gate, makes one call, and turns refusals into words."""

import uuid
from functools import partial
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
import loyalty.rewards
import members.operations
import members.queries
import recommender.operations
import sales.queries
from loyalty.spending import codes
from members import card_tokens, cards, clock, normalise
from members.access import access_member, access_store, stores_of
from pos import letters, presence, selling, spending
from pos.effects import effect_of
from pos.forms import AmountForm, EnrolForm
from pos.taking_turns import IDLE_SECONDS, cashiers, has_pin
from pos.tills import till_of

SALES_SHOWN = 8
CARRIED = ("amount", "code")  # typed or scanned before it was known for whom


@never_cache
@cashiers
def till(request):
    """Find a member: one match leads straight on, several are listed, none offers to enrol."""
    text = request.GET.get("q", "").strip()
    if codes.is_code(text):
        return page(request, "pos/till.html", q="", carried={**carried(request.GET), "code": text}, focus_find=True)
    try:
        shown = presence.recognise(request, text)
    except members.operations.BadCardToken as refusal:
        return page(request, "pos/till.html", q="", problem=str(refusal), carried=carried(request.GET), focus_find=True)
    found = [shown] if shown else members.queries.find(text) if text else []
    if len(found) == 1:
        return redirect(_member_page(found[0], request.GET))
    return page(
        request, "pos/till.html", q=text, found=[members.queries.masked(one) for one in found],
        is_bad_card=_is_bad_card(text), focus_find=not found, carried=carried(request.GET),
        along=_along(request.GET),
    )  # fmt: skip


def carried(said) -> dict:
    """What goes along to whoever the member turns out to be."""
    return {name: said[name][:60] for name in CARRIED if said.get(name)}


def _member_page(person, said) -> str:
    return reverse("pos:member", args=[person.public_id]) + _along(said)


def _along(said) -> str:
    found = carried(said)
    return f"?{urlencode(found)}" if found else ""


def _is_bad_card(text: str) -> bool:
    digits = normalise.digits(text)
    return len(digits) == cards.LENGTH and digits.startswith(cards.PREFIX) and not cards.is_card_number(digits)


@never_cache
@cashiers
def member(request, public_id):
    """The member before the cashier, and the amount of their sale."""
    person, here = access_member(request.user, public_id), till_of(request)
    first = {"key": uuid.uuid4().hex, "amount": request.GET.get("amount", "")[:30]}
    form = AmountForm(request.POST or None, initial=first)
    if request.method == "POST" and here and form.is_valid():
        answer = _sell(request, form, person, here)
        if answer:
            return answer
    now, said = clock.now(), request.POST or request.GET
    return page(
        request, "pos/member.html", form=form, member=members.queries.masked(person),
        balance=loyalty.queries.balance(person.pk, at=now), progress=loyalty.queries.tier_progress(person.pk, at=now),
        offers=[one for one in loyalty.rewards.owned(person.pk, at=now) if not one.entitlement.needs_code],
        suggested=recommender.operations.mention(member_id=person.pk, channel="till", at=now),
        panel=spending.panel_of(request, person, here, said) if here else None, code=request.GET.get("code", ""),
        has_card=presence.of(request, person).has_card,
    )  # fmt: skip


def _sell(request, form, person, here):
    """The page to go on to; None when it was refused, with the reason in the form."""
    data = form.cleaned_data
    try:
        wish = spending.wish_of(request.POST)
        expected = request.POST.get("expected", "") if spending.is_spending(wish) else ""
        sold = selling.sell(
            request, person, here, amount=data["amount"], key=data["key"], wish=wish,
            expected_minor=int(expected) if expected.isdecimal() else None,
            allow=partial(spending.check_presence, request, person, wish),
        )  # fmt: skip
    except selling.SoldBefore as refusal:
        form.data = form.data.copy()
        form.data["key"] = uuid.uuid4().hex
        form.add_error(None, str(refusal))
    except (selling.NotSold, loyalty.operations.LedgerRefusal) as refusal:
        form.add_error(None, str(refusal))
    else:
        if sold:
            return redirect("pos:sale", sold)
        messages.success(request, _("Handed out."))
        return redirect("pos:member", person.public_id)
    return None


@never_cache
@cashiers
@require_POST
def show(request, public_id):
    """A card or rotating code scanned beside a sale: the member is here. Of somebody else: the sale is theirs."""
    person = access_member(request.user, public_id)
    note, text = "", request.POST.get("scanned", "")[:60]
    try:
        shown = presence.recognise(request, text)
    except members.operations.BadCardToken as refusal:
        return spending.show(request, person, request.POST, note=str(refusal))
    if shown is None:
        note = _("Nobody is known by this card. Find the member by phone or name.")
    elif shown.pk != person.pk:
        return HttpResponse(status=204, headers={"HX-Redirect": _member_page(shown, request.POST)})
    return spending.show(request, person, request.POST, note=note)


@never_cache
@cashiers
@require_POST
def ask_code(request, public_id):
    """Send the member a code of their own, or take the one they read out."""
    person, note = access_member(request.user, public_id), ""
    asked = request.session.get(presence.ASKED)
    try:
        if asked and request.POST.get("agreed"):
            shown = members.operations.finish_login(login_id=asked, code=request.POST["agreed"][:12])
            if shown.pk == person.pk:
                presence.note_agreed(request, person)
                request.session.pop(presence.ASKED, None)
        else:
            request.session[presence.ASKED] = letters.send_code(person, till_of(request))
    except (members.operations.WrongCode, members.operations.TooManyLogins, ValueError) as refusal:
        note = str(refusal)
    return spending.show(request, person, request.POST, note=note)


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
            return redirect(_member_page(person, request.POST))
    return page(
        request, "pos/enrol.html", form=form, known=known, carried=carried(request.POST or request.GET),
        along=_along(request.POST or request.GET),
    )  # fmt: skip


@never_cache
@cashiers
def sale(request, public_id):
    """What a sale did, large enough to read from the other side of the counter."""
    purchase = sales.queries.receipt(public_id)
    if purchase is None or not stores_of(request.user).filter(pk=purchase.store_id).exists():
        raise Http404(_("There is no such sale at this store."))
    return page(
        request, "pos/sale.html", sale=purchase, effect=effect_of(purchase), member=masked(purchase.member),
        is_refundable=bool(sales.queries.refundable(purchase)), focus_find=True, tender=spending.tender_of(purchase),
    )  # fmt: skip


@cashiers
@require_POST
def choose_store(request):
    """Stand at another store of one's own."""
    request.session["store"] = access_store(request.user, request.POST.get("store", "")).code
    return redirect("pos:till")


def masked(person):
    return members.queries.masked(person) if person else None


def page(request, template, *, status: int = 200, **context):
    """Every page of the till shows where it stands and what it sold last, and knows the codes it may be shown."""
    here = till_of(request)
    latest = sales.queries.receipts(source_code=here.source)[:SALES_SHOWN] if here else []
    shell = {
        "till": here, "latest": latest, "lock_seconds": IDLE_SECONDS if has_pin(request.user) else None,
        "token_length": card_tokens.LENGTH, "token_prefix": card_tokens.PREFIX,
    }  # fmt: skip
    return render(request, template, {**shell, **context}, status=status)
