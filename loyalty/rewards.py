"""Questions about spending: what is on offer and for whom, what a member has, what may still be put right; for every door."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import queries, remarks
from loyalty.models import (
    Account,
    Entitlement,
    GiftCard,
    Hold,
    Redemption,
    Reinstatement,
    Reward,
    SpendingPolicy,
    Tender,
    Transfer,
    Voucher,
    Wallet,
)  # fmt: skip
from loyalty.operations.purchases import POINTS
from loyalty.sentences import money, times
from loyalty.spending import codes
from members.queries import ids_of
from sales import catalogue
from sales.models import Product

_LIMIT = ExpressionWrapper(F("reward__per_member_days") * timedelta(days=1), output_field=DurationField())


@dataclass(frozen=True)
class Offered:
    """A reward as somebody sees it. `why_not` is empty when they may have it; `missing` points to go."""

    reward: Reward
    gives: str
    why_not: str
    missing: int

    @property
    def is_affordable(self) -> bool:
        return not self.why_not


@dataclass(frozen=True)
class Owned:
    """A benefit a member has, with the code it shows (empty: it works by itself)."""

    entitlement: Entitlement
    name: str
    gives: str
    code: str
    redemption: Redemption | None


def on_offer(*, member_id: int | None, at: datetime, store_code: str | None = None) -> list[Offered]:
    """Rewards on offer, the cheapest first, and whether the member may have each. A handful of queries for any number."""
    found = (
        Reward.objects.filter(is_active=True, valid_from__lte=at)
        .filter(Q(valid_until=None) | Q(valid_until__gte=at))
        .select_related("product__category")
        .prefetch_related("tiers", "stores")
        .order_by("points", "pk")
    )
    if store_code:
        store = catalogue.store_id(store_code)
        found = found.filter(Q(stores=None) | Q(stores=store)).distinct()
    if member_id is None:
        return [Offered(one, gives(one), "", 0) for one in found]
    wallet, available = queries.wallet_of(member_id), queries.spendable(member_id, at=at)
    had = _had(wallet, at) if wallet else {}
    return [_offered(one, wallet, available, had.get(one.pk, 0)) for one in found]


def _had(wallet, at: datetime) -> dict[int, int]:
    """How often the member had each reward, within the time its limit counts."""
    since = Q(reward__per_member_days=None) | Q(redeemed_at__gt=Value(at) - _LIMIT)
    rows = Redemption.objects.filter(since, wallet=wallet, state=Redemption.State.GRANTED)
    return dict(rows.values_list("reward").annotate(Count("pk")))


def _offered(reward: Reward, wallet, available: int, had: int) -> Offered:
    tiers = {tier.pk for tier in reward.tiers.all()}
    if tiers and (wallet is None or wallet.tier_id not in tiers):
        why = "other_tier"
    elif reward.stock_left == 0:
        why = "sold_out"
    elif reward.per_member_max is not None and had >= reward.per_member_max:
        why = "had_enough"
    else:
        why = "too_few" if available < reward.points else ""
    return Offered(reward, gives(reward), why, max(0, reward.points - available))


def owned(member_id: int, *, at: datetime) -> list[Owned]:
    """What the member may still use, the soonest to end first, with its code. Four queries at most."""
    found = queries.active_entitlements(member_id, at=at).select_related(
        "category", "product__category", "voucher__pool__reward", "redemption__reward"
    )
    return [_owned(one) for one in found]


def _owned(one: Entitlement) -> Owned:
    voucher, redemption = getattr(one, "voucher", None), getattr(one, "redemption", None)
    pool = voucher.pool if voucher else None
    reward = redemption.reward if redemption else (pool.reward if pool else None)
    return Owned(
        one, reward.name if reward else "", gives(one), codes.shown(voucher.code) if voucher else "", redemption
    )


@dataclass(frozen=True)
class GivenCode:
    """A member's voucher out of a pool, without the code itself."""

    voucher_id: int
    gives: str
    until: date


def vouchers_given(pool_ids: Iterable[int], member_ids: Iterable[int], *, at: datetime) -> dict[int, GivenCode]:
    """Of each member the latest voucher of these pools that may still be used, in the reader's language. One query."""
    found = Voucher.objects.filter(
        pool__in=list(pool_ids), entitlement__member__in=list(member_ids), entitlement__uses_left__gt=0,
        entitlement__valid_until__gte=at, is_void=False,
    ).select_related("entitlement__category", "entitlement__product__category").order_by("pk")  # fmt: skip
    return {
        one.entitlement.member_id: GivenCode(
            one.pk, gives(one.entitlement), timezone.localtime(one.entitlement.valid_until).date()
        )
        for one in found
    }


def voucher_codes(voucher_ids: Iterable[int]) -> dict[int, str]:
    """Codes in clear, as their owners read them; for the moment of sending. Void ones are not told."""
    found = Voucher.objects.filter(pk__in=list(voucher_ids), is_void=False)
    return {one.pk: codes.shown(one.code) for one in found}


def gives(one: Reward | Entitlement) -> str:
    """What a reward or an entitlement gives, in words: “$5.00 off”."""
    kind, amount = getattr(one, "kind", None) or one.benefit, one.amount
    if kind in {"product", "shipping"}:
        return _product(one) if kind == "product" else _("Free shipping")
    if kind in {"percent", "multiply"}:
        said = _("%(percent)s%% off") if kind == "percent" else _("Points ×%(times)s")
        return said % {"percent": amount, "times": times(amount)}
    if kind == "bonus":
        return ngettext("%(points)s extra point", "%(points)s extra points", amount) % {"points": f"{amount:,}"}
    left = getattr(one, "left_minor", None)
    value = money(amount if left is None else left, one.currency or "USD", whole=True)
    words = {
        "amount": _("%(money)s off"),
        "gift_card": _("Gift card worth %(money)s"),
        "cashback": _("%(money)s cashback"),
    }
    return words[kind] % {"money": value}


def _product(one) -> str:
    name = _shelf_name(one.product) if one.product_id else ""
    if one.amount == 1:
        return _("Free: %(product)s") % {"product": name}
    return _("Free: %(pieces)s × %(product)s") % {"pieces": one.amount, "product": name}


def _shelf_name(product: Product) -> str:
    """What a person calls it: a name all in capitals is a till's own, and the type's reviewed name is better."""
    if product.name.isupper() and product.category_id and product.category.name_en:
        return product.category.name
    return product.name or product.code


def pay_rate() -> SpendingPolicy:
    """What points pay for at the till: `pay_points` for `pay_minor` of `pay_currency`."""
    return SpendingPolicy.objects.get(currency_id=POINTS)


def cashback_of(member_id: int, *, currency: str, at: datetime) -> int:
    """What cashback of a currency could pay at a time, in minor units; what is over does not count."""
    wallet = Wallet.objects.filter(member_id=member_id, currency__code=f"cashback:{currency}").first()
    if wallet is None:
        return 0
    today = queries.day_of(at)
    return sum(u for day, u in zip(wallet.lot_expires_on, wallet.lot_points, strict=True) if day >= today)


def tender_of(purchase_id: int) -> list[Tender]:
    """What paid for a purchase beside money, in the order it was taken."""
    return list(Tender.objects.filter(purchase_id=purchase_id).order_by("seq"))


def is_gift_card(code: str) -> bool:
    """Whether a code is a gift card's. Says nothing of whom it belongs to, and counts no try: ask before `find_gift_card`."""
    return GiftCard.objects.filter(code_hash=codes.hash_of(code)).exists()


def gift_cards(ids: Iterable[int]) -> list[GiftCard]:
    """Cards by the ids that `find_gift_card` gave earlier, blocked ones left out, each with its wallet."""
    return list(GiftCard.objects.select_related("wallet").filter(pk__in=ids, is_blocked=False).order_by("pk"))


def gift_cards_of(member_id: int, *, at: datetime) -> list[tuple[GiftCard, str, int]]:
    """A member's gift cards with their code and what is left on them; those of records that were merged into theirs too."""
    found = GiftCard.objects.select_related("wallet").filter(
        member__in=ids_of(member_id), is_blocked=False, valid_until__gte=queries.day_of(at), wallet__available__gt=0
    )
    return [(one, codes.shown(one.code), one.wallet.available) for one in found.order_by("valid_until", "pk")]


# -- what the desk may put right ---------------------------------------------------------------------------------------


def open_holds(member_id: int, *, at: datetime) -> list[Hold]:
    """Points set aside now, the soonest to end first; `note` is the words themselves."""
    found = Hold.objects.filter(wallet__member=member_id, state=Hold.State.OPEN, expires_at__gt=at)
    held = list(found.order_by("expires_at", "pk"))
    words = remarks.opened(hold.note for hold in held)
    for hold in held:
        hold.note = words[hold.note]
    return held


def unused_rewards(member_id: int) -> list[Redemption]:
    """Rewards handed out that can still be taken back."""
    found = Redemption.objects.filter(wallet__member=member_id, state=Redemption.State.GRANTED)
    unused = Q(entitlement__uses_left__gt=0) | Q(gift_card__wallet__available=F("gift_card__issued_minor"))
    return list(found.filter(unused).select_related("reward").order_by("-redeemed_at", "-pk"))


def reinstatable(member_id: int, *, at: datetime) -> list[Transfer]:
    """Expiries within the grace of the policy that were not given back, the newest first."""
    wallet = queries.wallet_of(member_id)
    if wallet is None:
        return []
    since = at - timedelta(days=pay_rate().grace_days)
    given_back = Reinstatement.objects.filter(wallet=wallet).values("expiry_version")
    found = Transfer.objects.filter(wallet=wallet, credit_account=Account.EXPIRED, occurred_at__gte=since)
    return list(found.exclude(version__in=given_back).order_by("-version")[:20])
