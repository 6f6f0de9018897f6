"""Voucher codes: made in pools, claimed by the first who types one, void when something went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import fraud
from loyalty.models import Entitlement, Reward, VoucherPool
from loyalty.operations.acting import ask
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.rewards import sealed
from loyalty.spending import codes

CODES_AT_ONCE_MAX = 100_000
BY_CODE = {Reward.Kind.PERCENT, Reward.Kind.AMOUNT, Reward.Kind.PRODUCT, Reward.Kind.SHIPPING, *("multiply", "bonus")}


class CannotUseCode(LedgerRefusal):
    """A code that is unknown, used, somebody else's, or over."""


@dataclass(frozen=True)
class Pool:
    """`codes` in clear, for whoever prints or sends them: they are shown this once."""

    pool: VoucherPool
    codes: list[str]


def create_pool(*, name: str, reward: Reward, count: int, valid_from: datetime, valid_until: datetime) -> Pool:
    """Make a pool of unguessable codes for a reward, in one statement."""
    if not 0 < count <= CODES_AT_ONCE_MAX:
        raise LedgerRefusal(_("A pool has 1 to %(most)s codes.") % {"most": f"{CODES_AT_ONCE_MAX:,}"})
    if valid_until <= valid_from:
        raise LedgerRefusal(_("The codes end after they begin: check from and until."))
    if reward.kind not in BY_CODE:
        raise LedgerRefusal(_("A gift card or cashback is not given by a voucher code. Choose another reward."))
    with transaction.atomic():
        pool = VoucherPool.objects.create(name=name, reward=reward, valid_from=valid_from, valid_until=valid_until)
        made = [codes.new_code() for _number in range(count)]
        put_in(pool, made)
    return Pool(pool, made)


def add_codes(*, pool: VoucherPool, brought: Iterable[str]) -> int:
    """Add codes that somebody else made, such as a partner's. Known ones are passed over. Returns how many are new."""
    plain = [code for code in dict.fromkeys(codes.plain(text) for text in brought) if code]
    if bad := next((code for code in plain if not 8 <= len(code) <= 40), None):
        raise LedgerRefusal(_("%(code)s is no code: 8 to 40 letters and digits.") % {"code": bad[:40]})
    return put_in(pool, plain)


def put_in(pool: VoucherPool, plain: list[str]) -> int:
    """Store codes without blanks and dashes; known ones are passed over. Returns how many are new."""
    hashes, secret, last_four = zip(*map(sealed, plain), strict=True) if plain else ((), (), ())
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH stored AS (
                   INSERT INTO loyalty_voucher (pool_id, code_hash, code, last_four, is_void)
                   SELECT %s, said.*, false FROM unnest(%s::bytea[], %s::bytea[], %s::text[]) AS said
                       ON CONFLICT (code_hash) DO NOTHING RETURNING 1
               ), counted AS (
                   UPDATE loyalty_voucherpool SET codes_put_in = codes_put_in + (SELECT count(*) FROM stored) WHERE id = %s
               )
               SELECT count(*) FROM stored""",
            [pool.pk, list(hashes), list(secret), list(last_four), pool.pk],
        )
        return cursor.fetchone()[0]


def claim_voucher(*, code: str, member_id: int, actor: str, at: datetime) -> Entitlement:
    """Give the member what the code gives; claimed by them before: that again. `actor` is who types (see loyalty.fraud).

    Raises CannotUseCode (also when they used it up), fraud.TooManyAttempts. Call it outside a transaction: a wrong code is remembered.
    """
    fraud.check_code_attempts(actor=actor, at=at)
    answer = ask("loyalty_claim_voucher", "bytea bigint timestamptz", codes.hash_of(code), member_id, at)
    fraud.note_code_attempt(actor=actor, code=codes.plain(code), was_right=answer["outcome"] != "no_code", at=at)
    if answer["outcome"] != "owned":
        nobodys = answer["outcome"] == "taken" and answer["entitlement_id"] is None
        raise _refusal("used" if nobodys else answer["outcome"], code)
    given = Entitlement.objects.select_related("category").get(pk=answer["entitlement_id"])
    if given.uses_left < 1:
        raise _refusal("used", code)
    if not given.valid_from <= at <= given.valid_until:
        raise _refusal("over", code)
    return given


def _refusal(outcome: str, code: str) -> CannotUseCode:
    if outcome == "no_code" and not codes.is_code(code):
        return CannotUseCode(_("This code is mistyped: a letter is wrong or missing. Check it and type it again."))
    words = {
        "no_code": _("This code is not known. Check it and type it again."),
        "used": _("This code was used already."),
        "taken": _("This code belongs to somebody else."),
        "over": _("This code cannot be used now: its time is over, or has not come."),
    }
    return CannotUseCode(words[outcome])
