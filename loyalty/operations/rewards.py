"""Rewards: handed out for points, and taken back while they are unused."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from loyalty import remarks
from loyalty.models import Entitlement, GiftCard, Redemption, Reward, Voucher
from loyalty.operations.acting import ask, day_of, digest, refuse_common
from loyalty.operations.errors import LedgerRefusal
from loyalty.spending import codes
from members.crypto import EncryptedTextField, encrypt
from sales import catalogue


class CannotRedeem(LedgerRefusal):
    """A reward that this member cannot have now; `.why` is the posting function's word for it."""

    def __init__(self, why: str, words: str):
        self.why = why
        super().__init__(words)


@dataclass(frozen=True)
class Redeemed:
    """`code` is what the member shows or types, as it is shown; empty for rewards that work by themselves."""

    redemption: Redemption
    code: str
    available: int
    is_replay: bool


@dataclass(frozen=True)
class Reversed:
    redemption: Redemption
    points: int
    available: int
    is_replay: bool


def sealed(code: str, *, model=Voucher) -> tuple[bytes, bytes, str]:
    """A code as it is stored: what it is found by, what opens to it, and its last four letters."""
    field: EncryptedTextField = model._meta.get_field("code")
    return codes.hash_of(code), encrypt(code, context=f"{model._meta.label_lower}.{field.name}"), code[-4:]


def redeem_reward(
    *, member_id: int, reward_id: int, source: str, client_key: str, at: datetime, store_code: str | None = None,
    by_user_id: int | None = None,
) -> Redeemed:  # fmt: skip
    """Hand a reward out for points. The same act again answers the same.

    Raises CannotRedeem (not on offer, other tier or store, had enough, sold out), NotEnoughPoints, UnknownMember, KeyReused;
    then nothing has moved.
    """
    reward = Reward.objects.filter(pk=reward_id).first()
    if reward is None:
        raise _refusal("no_reward")
    sealed_code = sealed(codes.new_code(), model=GiftCard if reward.kind == Reward.Kind.GIFT_CARD else Voucher)
    answer = ask(
        "loyalty_redeem_reward",
        "bigint bigint text bytea bigint bigint bytea bytea text bigint timestamptz date",
        reward.pk, catalogue.source_id(source), client_key, digest("reward", member_id, reward.pk), member_id,
        catalogue.store_id(store_code) if store_code else None, *sealed_code, by_user_id, at, day_of(at),
    )  # fmt: skip
    refuse_common(answer, client_key=client_key, member_id=member_id)
    if answer["outcome"] not in {"recorded", "replay"}:
        raise _refusal(answer["outcome"])
    redemption = Redemption.objects.select_related("reward", "entitlement__voucher", "gift_card").get(
        pk=answer["redemption_id"]
    )
    return Redeemed(redemption, code_of(redemption), answer["available"], answer["outcome"] == "replay")


def code_of(redemption: Redemption) -> str:
    """The code of what was handed out, as it is shown; empty when it has none."""
    bearer = redemption.gift_card or getattr(redemption.entitlement, "voucher", None)
    return codes.shown(bearer.code) if bearer else ""


def hand_over(*, entitlement_id, member_id: int, at: datetime) -> Entitlement:
    """A free product goes over the counter without a line on the receipt: its benefit (`entitlement_id` public) is used up.

    Raises CannotRedeem when it was used already, is over, or is no product of this member's.
    """
    found = Entitlement.objects.filter(
        public_id=entitlement_id, member_id=member_id, benefit=Entitlement.Benefit.PRODUCT
    ).first()
    if found is None:
        raise _refusal("no_redemption")
    with connection.cursor() as cursor:
        cursor.execute("SELECT loyalty_take_benefit(%s, 0, %s)", [found.pk, at])
        if cursor.fetchone()[0] != "taken":
            raise _refusal("used_or_over")
    return found


def reverse_redemption(
    *, redemption_id, source: str, client_key: str, at: datetime, by_user_id: int | None = None, note: str = ""
) -> Reversed:
    """Take an unused reward back (`redemption_id` its public id): points to their lots, a piece to the stock, the code void.

    Taken back before, by whomever: a replay. Raises CannotRedeem when it was used or is unknown, KeyReused.
    """
    held = (
        Redemption.objects.filter(public_id=redemption_id).values_list("wallet__member_id", flat=True) if note else None
    )
    note = remarks.keep(note, member_id=held and held.first(), source=source, client_key=client_key)
    answer = ask(
        "loyalty_reverse_redemption", "uuid bigint text bytea bigint text timestamptz date",
        redemption_id, catalogue.source_id(source), client_key, digest("reverse", str(redemption_id)), by_user_id,
        note, at, day_of(at),
    )  # fmt: skip
    refuse_common(answer, client_key=client_key)
    if answer["outcome"] not in {"recorded", "replay"}:
        raise _refusal(answer["outcome"])
    redemption = Redemption.objects.select_related("reward").get(pk=answer["redemption_id"])
    return Reversed(redemption, answer["points"], answer["available"], answer["outcome"] == "replay")


def _refusal(why: str) -> CannotRedeem:
    words = {
        "no_reward": _("This reward is not on offer now. Choose another one."),
        "other_tier": _("This reward is for another tier. Choose another one."),
        "other_store": _("This reward is not handed out at this store."),
        "had_enough": _("This member had this reward as often as it may be had."),
        "sold_out": _("This reward has just run out. No points were taken."),
        "no_redemption": _("There is no such reward of a member."),
        "used": _("This reward was used already. It cannot be taken back."),
        "used_or_over": _("This reward was handed over already, or its time is over."),
    }
    return CannotRedeem(why, words[why])
