"""Whose each code is, and which are here already: from the same system before, from another one, or our own."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from loyalty.models import GiftCard, Voucher
from loyalty.old_codes.reading import Row
from loyalty.opening import KINDS
from loyalty.operations.acting import day_of
from members.crypto import keyed_hash
from members.importing.problems import Problem, Rejects
from members.models import Member
from members.queries import identifier_ids, ids_of

CHUNK = 2_000


def match(rows: list[Row], source: str, rejects: Rejects):
    """Give each row its member, and mark what was brought in before. What does not agree goes to `rejects`."""
    for some in chunks(rows):
        _find_members([row for row in some if row.who], rejects)
        _find_codes(some, source, rejects)


def chunks(rows: list[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _find_members(rows: list[Row], rejects: Rejects):
    """Merged members count as the one they became."""
    if not rows:
        return
    kind = rows[0].kind
    if kind == "public_id":
        known = Member.objects.active().filter(public_id__in=[row.who for row in rows])
        ids = {str(public_id): pk for public_id, pk in known.values_list("public_id", "pk")}
        keys = [row.who for row in rows]
    else:
        keys = [keyed_hash(row.who, kind=KINDS[kind]) for row in rows]
        ids = identifier_ids(KINDS[kind], keys)
    for row, key in zip(rows, keys, strict=True):
        row.member_id = ids.get(key)
        if row.member_id is None:
            rejects.add(Problem(row.number, kind, _("No member is known by it."), _("Import the member first.")))


def _find_codes(rows: list[Row], source: str, rejects: Rejects):
    hashes = [row.hash for row in rows]
    vouchers = Voucher.objects.filter(code_hash__in=hashes).select_related("pool__reward", "entitlement")
    cards = GiftCard.objects.filter(code_hash__in=hashes)
    here = {bytes(one.code_hash): one for one in (*vouchers, *cards)}
    for row in rows:
        found = here.get(row.hash)
        if found is None:
            continue
        row.is_known = True
        if _source(found) != source:
            rejects.add(
                Problem(
                    row.number, "code", _("This code is in use here already; it was not brought in from %(source)s.") % {"source": source},
                    _("Give the customer a new code, and leave the row out."),
                )
            )  # fmt: skip
        elif differs := _differs(row, found):
            rejects.add(
                Problem(
                    row.number, differs, _("This code was brought in before, with something else here."),
                    _("Leave the row as it was then, and put it right with the member."),
                )
            )  # fmt: skip


def _source(found: Voucher | GiftCard) -> str:
    if isinstance(found, GiftCard):
        return found.brought_from
    return found.pool.brought_from if found.pool else ""


def _differs(row: Row, found: Voucher | GiftCard) -> str:
    """The column in which a row says something else than it did when its code came in; "" when none does."""
    if isinstance(found, GiftCard) != row.gives.is_card:
        return "kind"
    if row.gives.is_card:
        owner, until, worth = found.member_id, found.valid_until, (found.issued_minor, found.currency)
    else:
        reward, until = found.pool.reward, day_of(found.pool.valid_until)
        owner, worth = found.entitlement and found.entitlement.member_id, (reward.amount, reward.currency)
        if row.gives.reward_id and row.gives.reward_id != reward.pk:
            return "reward"
    if not row.gives.reward_id and worth != (row.gives.minor, row.gives.currency):
        return "value"
    if until != row.until:
        return "valid_until"
    is_theirs = row.member_id in {None, owner} or owner in ids_of(
        row.member_id
    )  # a card stays with a record that was merged
    return "" if is_theirs else row.kind
