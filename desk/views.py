"""The service desk's pages. Each finds its member through a gate, makes one call, and turns refusals into words."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import delivery.queries
import loyalty.operations
import loyalty.queries
import loyalty.rewards
import members.operations
import members.queries
import recommender.operations
import sales.queries
from desk import forms, putting_right
from desk import goodwill as limits
from loyalty import beside_points, fraud
from members import clock
from members.access import Role, access_member, staff_only
from members.confirmation import AskedConsent

service = staff_only(Role.SERVICE)
SOURCE = "desk"
ENTRIES_SHOWN, ENTRIES_PAGE, PURCHASES_SHOWN, MESSAGES_SHOWN = 8, 40, 10, 10


@never_cache
@service
def find(request):
    """Find a member; one match leads straight to their page."""
    text = request.GET.get("q", "").strip()
    found = members.queries.find(text) if text else []
    if len(found) == 1:
        return redirect("desk:member", found[0].public_id)
    return render(
        request,
        "desk/find.html",
        {
            "q": text,
            "found": [members.queries.masked(one) for one in found],
            "to_check": fraud.waiting().count(),
            "doubles": members.queries.duplicate_pairs().count(),
        },
    )


@never_cache
@service
def member(request, public_id):
    """Everything the desk needs to know of one member. Opening it is written down."""
    person = access_member(request.user, public_id)
    members.operations.note_access(user=request.user, member_id=person.pk, act="viewed", door="desk")
    return _member_page(request, person)


def _member_page(request, person, *, status=200, **changed_forms):
    now = clock.now()
    context = {
        "member": person,
        "identifiers": members.queries.identifiers(person),
        "balance": loyalty.queries.balance(person.pk, at=now),
        "progress": loyalty.queries.tier_progress(person.pk, at=now),
        "entries": loyalty.queries.entries(person.pk, limit=ENTRIES_SHOWN),
        "offers": loyalty.rewards.owned(person.pk, at=now),
        "suggested": recommender.operations.mention(member_id=person.pk, channel="desk", at=now),
        "undo": putting_right.offered(person, at=now),
        "purchases": sales.queries.receipts(member_id=person.pk)[:PURCHASES_SHOWN],
        "messages_sent": delivery.queries.member_history(person.pk, limit=MESSAGES_SHOWN),
        "consents": _consents(person, now),
        "consent_history": members.queries.consent_history(person.pk)[:20],
        "accesses": members.queries.access_history(person.pk, limit=20),
        "goodwill_form": forms.GoodwillForm(),
        "profile_form": forms.ProfileForm(
            initial={"given_name": person.given_name, "family_name": person.family_name, "language": person.language}
        ),
    }
    return render(request, "desk/member.html", context | changed_forms, status=status)


def _consents(person, now) -> list[dict]:
    """Every channel and purpose with the member's standing word: yes, no, or never asked."""
    said = members.queries.consent_now(person.pk, at=now)
    waiting = members.queries.waiting_consent(person.pk, at=now)
    waits = {("email", purpose) for purpose in waiting.purposes} if waiting else set()
    return [
        {
            "channel": channel,
            "channel_words": words,
            "purpose": purpose,
            "purpose_words": of_purpose,
            "said": said.get((channel, purpose)),
            "is_waiting": (channel, purpose) in waits,
        }
        for purpose, of_purpose in forms.PURPOSES.items()
        for channel, words in forms.CHANNELS.items()
        if purpose == "marketing" or channel == "email"
    ]


@never_cache
@service
def ledger(request, public_id):
    """The member's ledger, page by page, each entry with its reason and the balance after it."""
    person = access_member(request.user, public_id)
    before = request.GET.get("before", "")
    entries = loyalty.queries.entries(
        person.pk, limit=ENTRIES_PAGE, before_version=int(before) if before.isdecimal() else None
    )
    more = entries[-1].version if len(entries) == ENTRIES_PAGE else None
    return render(
        request,
        "desk/ledger.html",
        {
            "member": person, "entries": entries, "more": more, "is_first": not before,
            "beside": [] if before else beside_points.wallets(person.pk),
        },
    )  # fmt: skip


@service
@require_POST
def goodwill(request, public_id):
    """Give or take points, within the desk's limits."""
    person, form, now = access_member(request.user, public_id), forms.GoodwillForm(request.POST), clock.now()
    if not form.is_valid():
        return _member_page(request, person, goodwill_form=form, status=422)
    points = form.cleaned_data["points"]
    given = limits.given_lately(loyalty.queries.entries(person.pk, limit=500), at=now)
    allowed = limits.allowed(points, given_lately=given)
    if members.queries.is_own_account(request.user, person):
        form.add_error(None, _("This is your own account. A colleague puts it right."))
    elif abs(points) > allowed:
        words = _(
            "At most %(allowed)d points now: %(act)d at once, and %(window)d for one member in 30 days. Ask an administrator for more."
        )
        form.add_error(
            "points",
            words % {"allowed": allowed, "act": limits.POINTS_PER_ACT_MAX, "window": limits.POINTS_PER_MEMBER_MAX},
        )
    else:
        try:
            moved = loyalty.operations.adjust(
                member_id=person.pk, points=points, reason=form.words(), source=SOURCE, client_key=form.cleaned_data["key"],
                by_user_id=request.user.pk, at=now,
            )  # fmt: skip
        except loyalty.operations.LedgerRefusal as refusal:
            form.add_error(None, str(refusal))
        else:
            _note(request, person, "adjusted", f"{points:+d}", is_replay=moved.is_replay)
            messages.success(
                request, _("Done. The balance is %(points)s points now.") % {"points": f"{moved.available:,}"}
            )
            return redirect("desk:member", public_id)
    return _member_page(request, person, goodwill_form=form, status=422)


@service
@require_POST
def consent(request, public_id):
    """Write down what the member says about a channel, on their word."""
    person, form = access_member(request.user, public_id), forms.ConsentForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such channel. Nothing was changed."))
        return redirect("desk:member", public_id)
    word = members.operations.give_consent(
        member=person,
        at=clock.now(),
        source="desk",
        detail=f"On the member's word, to user {request.user.pk}.",
        **form.cleaned_data,
    )
    said = "yes" if form.cleaned_data["is_granted"] else "no"
    _note(request, person, "consent", f"{form.cleaned_data['channel']} {form.cleaned_data['purpose']} {said}")
    if isinstance(word, AskedConsent):
        messages.success(
            request, _("Written down. It counts once the member has confirmed it by the e-mail they now get.")
        )
    else:
        messages.success(request, _("Written down."))
    return redirect("desk:member", public_id)


@service
@require_POST
def profile(request, public_id):
    """Correct the member's name or language."""
    person, form = access_member(request.user, public_id), forms.ProfileForm(request.POST)
    if not form.is_valid():
        return _member_page(request, person, profile_form=form, status=422)
    members.operations.set_profile(member_id=person.pk, **form.cleaned_data)
    _note(request, person, "profile")
    messages.success(request, _("Saved."))
    return redirect("desk:member", public_id)


@never_cache
@service
def purchase(request, public_id, receipt):
    """One receipt with its lines. Posting chosen lines shows what a refund would do; posting them again with yes does it."""
    person = access_member(request.user, public_id)
    bought = sales.queries.receipt(receipt)
    if bought is None or bought.member_id not in members.queries.ids_of(person.pk):
        raise Http404(_("There is no such purchase of this member."))
    form = forms.RefundForm(request.POST or None, left=sales.queries.refundable(bought))
    context = {"member": person, "purchase": bought, "form": form}
    if request.method == "POST" and form.is_valid():
        if request.POST.get("sure") == "yes":
            return _refund(request, person, bought, form)
        context |= _preview(form, bought)
    entries = loyalty.queries.entries(person.pk, limit=500)
    context["entries"] = [entry for entry in entries if entry.purchase_id == bought.pk]
    context["lines"] = [
        (line, form[f"line_{line.line_no}"] if line.line_no in form.left else None) for line in bought.lines.all()
    ]
    return render(request, "desk/purchase.html", context)


def _preview(form, bought) -> dict:
    lines = form.chosen()
    try:
        shown = loyalty.operations.preview_refund(purchase_id=bought.pk, lines=lines, refunded_at=clock.now())
    except loyalty.operations.CannotRefund as refusal:
        form.add_error(None, str(refusal))
        return {}
    before = (
        shown.available + shown.points - shown.debt_added - shown.points_restored
        if shown.available is not None
        else None
    )
    return {"preview": shown, "available_before": before, "money_minor": shown.money_minor}


def _refund(request, person, bought, form):
    key = form.cleaned_data["key"]
    try:
        refunded = loyalty.operations.refund(
            source=SOURCE, client_key=key, purchase_id=bought.pk, lines=form.chosen(), refunded_at=clock.now(),
            store_code=bought.store.code,
        )  # fmt: skip
    except loyalty.operations.KeyReused:
        messages.info(request, _("This refund was made already."))
    except loyalty.operations.CannotRefund as refusal:
        messages.error(request, str(refusal))
        return redirect("desk:purchase", person.public_id, bought.public_id)
    else:
        _note(request, person, "refunded", str(refunded.public_id), is_replay=refunded.is_replay)
        messages.success(request, _("Refunded. The points follow: see the ledger."))
    return redirect("desk:member", person.public_id)


def _note(request, person, act, note="", *, is_replay=False):
    if not is_replay:
        members.operations.note_access(user=request.user, member_id=person.pk, act=act, door="desk", note=note)
