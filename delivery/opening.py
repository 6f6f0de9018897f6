"""What lies closed until the moment of sending, besides addresses: the names a test is read with, and voucher codes."""

from collections.abc import Iterable

from emails.fields import CODE, VOUCHER
from loyalty.rewards import voucher_codes
from members.queries import contacts


def names(member_ids: set[int]) -> dict[int, dict]:
    """The names of members, for messages that are not addressed to them."""
    found = contacts(member_ids, kind="card") if member_ids else {}
    return {
        member_id: {"given_name": one.given_name, "family_name": one.family_name} for member_id, one in found.items()
    }


def codes(all_values: Iterable[dict]) -> dict[int, dict]:
    """The voucher codes that these values name, by voucher. One query, and none for messages without."""
    ids = {values[VOUCHER] for values in all_values if values.get(VOUCHER)}
    return {pk: {CODE: code} for pk, code in voucher_codes(ids).items()} if ids else {}
