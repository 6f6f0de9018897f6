"""What a member spends at the till: rewards and benefits that fit the sale, points, cashback, gift cards. As it is typed.

The panel beside the amount is asked for anew whenever something in it changes. What it shows comes from the ledger's own code,
run with nothing written, so the sale does what the panel said.
"""

import uuid
from dataclasses import dataclass, field

from django.conf import settings
from django.core import signing
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import loyalty.fraud
import loyalty.operations
import loyalty.queries
import loyalty.rewards
import members.queries
from loyalty.sentences import money
from members import clock
from members.access import access_member
from pos import amounts, presence
from pos.selling import NotSold, counter_of
from pos.taking_turns import cashiers
from pos.tills import till_of

CARD_SALT = "pos.gift-card"
OFF = {"percent", "amount"}
HANDED = {*OFF, "product", "gift_card", "cashback", "multiply", "bonus"}
SHOWN_MAX = 9


@dataclass(frozen=True)
class Option:
    """A line of the panel. `why_not` is empty when it can be ticked."""

    value: str
    title: str
    detail: str = ""
    why_not: str = ""
    is_chosen: bool = False


@dataclass(frozen=True)
class Panel:
    """Everything the panel shows. `missing` is what spending still asks for: "", "card" or "code" (pos.presence)."""

    benefits: list[Option] = field(default_factory=list)
    rewards: list[Option] = field(default_factory=list)
    cards: list[Option] = field(default_factory=list)
    cashback_minor: int = 0
    uses_cashback: bool = False
    points: str = ""
    points_most: int = 0
    points_most_minor: int = 0
    step: str = ""
    settled: object = None
    problem: str = ""
    missing: str = ""
    is_spending: bool = False
    is_asked: bool = False
    mail: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.benefits or self.rewards or self.cards or self.cashback_minor or self.step)


@dataclass(frozen=True)
class Tender:
    """What a sale was paid with. `parts` are (kind in words, amount in minor units)."""

    parts: list
    to_pay_minor: int


def wish_of(said) -> loyalty.operations.Wish:
    """What the form wishes. What cannot be read is left for the ledger to refuse, never dropped in silence."""
    points = said.get("points", "").strip().replace(",", "")
    if points and not points.isdecimal():
        raise loyalty.operations.CannotPay(_("Type the points as a whole number."))
    return loyalty.operations.Wish(
        points=int(points or 0),
        uses_cashback=bool(said.get("cashback")),
        cards=tuple(_cards(said.getlist("card"))),
        benefits=tuple(_uuids(said.getlist("benefit"))),
        rewards=tuple(_uuids(said.getlist("reward"))),
    )


def _uuids(texts) -> list[str]:
    try:
        return [str(uuid.UUID(text)) for text in texts]
    except ValueError as error:
        raise loyalty.operations.CannotPay(_("This page is too old. Load it again and choose anew.")) from error


def _cards(sealed) -> list:
    """Gift cards that were shown here: the page carries them sealed, never their numbers."""
    try:
        ids = [signing.loads(one, salt=CARD_SALT, max_age=3600) for one in sealed]
    except signing.BadSignature as error:
        raise loyalty.operations.CannotPay(_("This page is too old. Load it again and choose anew.")) from error
    return loyalty.rewards.gift_cards(ids)


def is_spending(wish: loyalty.operations.Wish) -> bool:
    return any(wish)


def missing(request, person, wish: loyalty.operations.Wish, points: int) -> str:
    """What the member still has to show. A gift card belongs to whoever brings it; a code brought here likewise."""
    brought = set(request.session.get("till_brought", []))
    if not (wish.points or wish.uses_cashback or wish.rewards or set(wish.benefits) - brought):
        return ""
    return presence.of(request, person).missing(points, limit=presence.limit())


def check_presence(request, person, wish, settled):
    """Refuse spending that the member has not shown to be theirs. Raises NotSold."""
    asked = missing(request, person, wish, settled.points_spent)
    if asked == "code":
        raise NotSold(_("So many points ask for the member's own code: scan the one in their app, or send them one."))
    if asked == "card":
        raise NotSold(_("Ask for their card: a phone number or a name alone does not spend points."))


def tender_of(sale) -> Tender | None:
    """What paid for a sale beside money; None when nothing did."""
    parts = loyalty.rewards.tender_of(sale.pk)
    if not parts:
        return None
    paid = sum(part.minor for part in parts if part.kind != part.Kind.BENEFIT)
    return Tender([(part.get_kind_display(), part.minor) for part in parts], sale.total_minor - paid)


# -- the panel ---------------------------------------------------------------------------------------------------------


def panel_of(request, person, here, said) -> Panel:
    """The panel for what the form says now."""
    at, amount = clock.now(), _amount(said)
    settled, problem, wish = None, "", loyalty.operations.Wish()
    try:
        wish = wish_of(said)
        settled = loyalty.operations.preview_at_counter(
            counter=counter_of(request, person, here, amount=amount, key=uuid.uuid4().hex), wish=wish
        )
    except loyalty.operations.LedgerRefusal as refusal:
        problem = str(refusal)
    spent = settled.points_spent if settled else wish.points
    most = settled.points_most if settled else 0
    policy = loyalty.rewards.pay_rate()
    return Panel(
        benefits=_benefits(person, here, amount, wish, at),
        rewards=_rewards(person, here, amount, wish, at),
        cards=_card_options(wish, settled),
        cashback_minor=loyalty.rewards.cashback_of(person.pk, currency=settings.CURRENCY, at=at),
        uses_cashback=wish.uses_cashback,
        points=said.get("points", ""),
        points_most=most,
        points_most_minor=loyalty.operations.points_worth(most, policy),
        step=_step(policy),
        settled=settled,
        problem=problem,
        missing=missing(request, person, wish, spent),
        is_spending=is_spending(wish),
        is_asked=bool(request.session.get(presence.ASKED)),
        mail=members.queries.masked(person).email,
    )


def _amount(said) -> int | None:
    try:
        return amounts.to_minor(said.get("amount", ""))
    except ValueError:
        return None


def _step(policy) -> str:
    if not policy.pay_minor or policy.pay_currency != settings.CURRENCY:
        return ""
    return _("%(points)s points pay %(money)s") % {
        "points": f"{policy.pay_points:,}", "money": money(policy.pay_minor, policy.pay_currency, whole=True)
    }  # fmt: skip


def _fits(kind: str, one, amount: int | None) -> bool:
    """Whether it can be used on a sale by amount: such a sale has no goods and is not sent home."""
    if kind == "product":
        return True
    if kind in OFF and (one.category_id or (amount is not None and amount < one.basket_minor_from)):
        return False
    return kind in HANDED


def _benefits(person, here, amount, wish, at) -> list[Option]:
    owned = [one for one in loyalty.rewards.owned(person.pk, at=at) if one.entitlement.needs_code]
    store = here.store.pk
    return [
        Option(str(e.public_id), one.gives, one.name, is_chosen=str(e.public_id) in wish.benefits)
        for one in owned
        if _fits((e := one.entitlement).benefit, e, amount) and (e.store_ids is None or store in e.store_ids)
    ][:SHOWN_MAX]


def _rewards(person, here, amount, wish, at) -> list[Option]:
    offered = loyalty.rewards.on_offer(member_id=person.pk, store_code=here.store.code, at=at)
    left = loyalty.queries.spendable(person.pk, at=at) - wish.points
    left -= sum(one.reward.points for one in offered if str(one.reward.public_id) in wish.rewards)
    return [
        _reward(one, left, is_chosen=str(one.reward.public_id) in wish.rewards)
        for one in offered
        if one.is_affordable and _fits(one.reward.kind, one.reward, amount)
    ][:SHOWN_MAX]


def _reward(offered, left: int, *, is_chosen: bool) -> Option:
    reward = offered.reward
    cost = _("%(points)s points") % {"points": f"{reward.points:,}"}
    if reward.money_minor:
        cost += _(" and %(money)s") % {"money": money(reward.money_minor, reward.currency)}
    why = "" if is_chosen or reward.points <= left else _("too few points left")
    detail = " · ".join(dict.fromkeys(part for part in (offered.gives, cost) if part != reward.name))
    return Option(str(reward.public_id), reward.name, detail, why, is_chosen)


def _card_options(wish, settled) -> list[Option]:
    used = {card.card.pk: card.minor for card in settled.spend.cards} if settled else {}
    return [
        Option(
            signing.dumps(card.pk, salt=CARD_SALT),
            _("Gift card …%(last)s") % {"last": card.last_four},
            _("%(used)s of %(left)s")
            % {"used": money(used.get(card.pk, 0), card.currency), "left": money(card.wallet.available, card.currency)},
            is_chosen=True,
        )
        for card in wish.cards
    ]


@never_cache
@cashiers
@require_GET
def fits(request, public_id):
    """The panel anew: an amount was typed, something was ticked."""
    person = access_member(request.user, public_id)
    return show(request, person, request.GET)


def show(request, person, said, *, note: str = ""):
    here = till_of(request)
    context = {"panel": panel_of(request, person, here, said), "member": members.queries.masked(person), "note": note}
    return render(request, "pos/_spend.html", {**context, "is_answer": True})


# -- codes that are brought --------------------------------------------------------------------------------------------


@cashiers
@require_POST
def apply_code(request, public_id):
    """A voucher or gift card the member brings: recognised, ticked, and back in the panel."""
    person, here = access_member(request.user, public_id), till_of(request)
    said, code = request.POST.copy(), request.POST.get("code", "").strip()[:60]
    try:
        if members.queries.is_own_account(request.user, person):
            raise loyalty.operations.CannotUseCode(_("This is your own account. A colleague serves you."))
        note = _apply(request, person, said, code) if here and code else ""
    except (loyalty.operations.LedgerRefusal, loyalty.fraud.TooManyAttempts) as refusal:
        note = str(refusal)
    said["code"] = ""
    return show(request, person, said, note=note)


def _apply(request, person, said, code: str) -> str:
    """Tick what the code gives; "" or what to tell the cashier."""
    actor, at = f"user:{request.user.pk}", clock.now()
    if loyalty.rewards.is_gift_card(code):
        card, _left = loyalty.operations.find_gift_card(code=code, actor=actor, at=at)
        said.appendlist("card", signing.dumps(card.pk, salt=CARD_SALT))
        return ""
    given = loyalty.operations.claim_voucher(code=code, member_id=person.pk, actor=actor, at=at)
    brought = request.session.get("till_brought", [])
    request.session["till_brought"] = [*brought[-20:], str(given.public_id)]
    if not given.needs_code:
        return _("The code is right. It works by itself.")
    if str(given.public_id) not in said.getlist("benefit"):
        said.appendlist("benefit", str(given.public_id))
    return ""
