"""Reading a file of another system's codes: what each row gives, to whom, until when. docs/formats.md names the columns."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from babel.numbers import get_currency_precision, list_currencies
from django.conf import settings
from django.utils.translation import gettext as _

from loyalty.models import Reward
from loyalty.opening import KINDS
from loyalty.operations.purchases import _programme_zone
from loyalty.operations.vouchers import BY_CODE
from loyalty.sentences import money
from loyalty.spending import codes
from members import normalise
from members.importing.files import File
from members.importing.problems import CannotImport, Problem, Rejects, shown

OPTIONAL = ("reward", "kind", "value", "currency", "valid_from", "valid_until", "status", "used_at")
LETTERS_MIN, LETTERS_MAX = 4, 40
BEARER_LETTERS_MIN = 8
"""A code that whoever types it first gets must not be guessed; one that has its owner already may be shorter."""
MINOR_MAX = 10**11
SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
"""How a spreadsheet writes a long number: the code itself is lost."""


class Gives(NamedTuple):
    """What a code gives: a reward of the catalogue, or money (`minor` of `currency`), as a voucher or on a gift card."""

    words: str
    reward_id: int | None = None
    minor: int = 0
    currency: str = ""
    is_card: bool = False


@dataclass
class Row:
    """One line that can be read. `who` is the identifier as it is stored, `kind` which one; `until` the last day, in the programme's zone.

    `begins` is a day to come, else None. A gift card with nothing left on it is used.
    """

    number: int
    code: str
    gives: Gives
    kind: str
    who: str
    begins: date | None
    until: date
    is_over: bool
    used_at: datetime | None
    hash: bytes
    member_id: int | None = None
    is_known: bool = False


class _Wrong(Exception):
    """A cell that cannot be taken: the field, the reason, the remedy."""

    def __init__(self, field: str, reason: str, remedy: str):
        super().__init__(field)
        self.told = field, reason, remedy


def read(path: Path, at: datetime, rejects: Rejects) -> list[Row]:
    """The rows that can be read; what is wrong in the others goes to `rejects`. Raises CannotImport for the file as a whole."""
    file = File(path)
    kinds = [name for name in KINDS if name in file.headings]
    if "code" not in file.headings or len(kinds) > 1 or not {"reward", "value"} & set(file.headings):
        raise CannotImport(
            _("The file needs a column code, one of reward and value (or both), and at most one of: %(kinds)s.")
            % {"kinds": ", ".join(KINDS)}
        )
    wanted = ["code", *kinds, *(name for name in OPTIONAL if name in file.headings)]
    reader, rows = _Reader(kinds[0] if kinds else "", at), []
    for batch in file.batches(wanted, problem=rejects.add):
        broken = [(name, batch.text(name)[1]) for name in wanted]
        for place, (number, cells) in enumerate(batch.cells(wanted)):
            unreadable = [name for name, mask in broken if mask[place]]
            if not any(cells.values()) and not unreadable:
                continue  # an empty line at the end of a sheet
            try:
                rows.append(reader.row(number, cells, unreadable))
            except _Wrong as wrong:
                rejects.add(Problem(number, *wrong.told))
    return rows


class _Reader:
    """One file's rows, against the catalogue and the day as they are now."""

    def __init__(self, kind: str, at: datetime):
        self.kind, self.at, self.zone = kind, at, _programme_zone()
        self.today = at.astimezone(self.zone).date()
        self.rewards = defaultdict(dict)
        for one in Reward.objects.all():
            for name in (str(one.public_id), one.name_en, one.name_zh):
                self.rewards[name.casefold()][one.pk] = one
        self.seen: dict[bytes, int] = {}

    def row(self, number: int, cells: dict[str, str], unreadable: list[str]) -> Row:
        """Raises _Wrong for the first cell that cannot be taken; `unreadable` columns are no valid text."""
        if unreadable:
            raise _Wrong(
                unreadable[0], _("The cell is not valid text."), _("Save the file as UTF-8 without NUL bytes.")
            )
        said = dict.fromkeys((*OPTIONAL, self.kind), "") | cells
        who, used_at = self._who(said[self.kind]), self._used_at(said)
        gives = self._gives(said, is_used=used_at is not None)
        if gives.is_card and not gives.minor:
            used_at = used_at or self.at
        code = self._code(number, said["code"], is_bearer=not who and not used_at)
        begins, until = self._day("valid_from", said), self._until(said, used_at)
        if begins and begins > until:
            raise _Wrong(
                "valid_until", _("%(day)s comes before the first day.") % {"day": until}, _("Check both days.")
            )
        is_over = until < self.today and used_at is None
        if is_over and gives.is_card:
            raise _Wrong(
                "valid_until", _("%(day)s is over, and there is money on the card.") % {"day": until},
                _("Leave the row out, or give the card a later day."),
            )  # fmt: skip
        return Row(
            number, code, gives, self.kind, who, begins if begins and begins > self.today else None, until, is_over, used_at,
            codes.hash_of(code),
        )  # fmt: skip

    def _code(self, number: int, text: str, *, is_bearer: bool) -> str:
        code = codes.plain(text)
        if SHORTENED.fullmatch(text):
            raise _Wrong(
                "code", _("%(value)s is a number that a spreadsheet shortened.") % {"value": shown(text)},
                _("Export the codes again, as text."),
            )  # fmt: skip
        least = BEARER_LETTERS_MIN if is_bearer else LETTERS_MIN
        if not least <= len(code) <= LETTERS_MAX:
            raise _Wrong(
                "code",
                _("%(value)s has not %(least)s to %(most)s letters and digits.")
                % {"value": shown(text) or "–", "least": least, "most": LETTERS_MAX},
                _("A short code that belongs to nobody could be guessed: name its member, or give the customer a new code."),
            )  # fmt: skip
        before = self.seen.setdefault(codes.hash_of(code), number)
        if before != number:
            raise _Wrong("code", _("Row %(row)s has this code already.") % {"row": before}, _("Leave one of them out."))
        return code

    def _who(self, text: str) -> str:
        if not text:
            return ""
        try:
            return str(UUID(text)) if self.kind == "public_id" else normalise.NORMALISERS[KINDS[self.kind]](text)
        except ValueError as reason:
            raise _Wrong(self.kind, str(reason), _("Write it as it stands in the member's record.")) from reason

    def _gives(self, said: dict[str, str], *, is_used: bool) -> Gives:
        kind = said["kind"].lower() or "voucher"
        if kind not in {"voucher", "gift_card"}:
            raise _Wrong(
                "kind",
                _("%(value)s is no kind of code.") % {"value": shown(said["kind"])},
                _("Write voucher or gift_card; empty means voucher."),
            )
        is_card = kind == "gift_card"
        if bool(said["reward"]) == bool(said["value"]) and not (is_card and is_used and not said["reward"]):
            raise _Wrong(
                "reward",
                _("A code gives either a reward or a value."),
                _("Name a reward of the catalogue, or write a value with its currency."),
            )
        return self._reward(said["reward"], is_card=is_card) if said["reward"] else self._money(said, is_card, is_used)

    def _reward(self, name: str, *, is_card: bool) -> Gives:
        found = list(self.rewards[name.casefold()].values())
        if len(found) != 1:
            raise _Wrong(
                "reward",
                _("%(count)s rewards are called %(value)s.") % {"count": len(found), "value": shown(name)},
                _("Make the reward under Programme → Rewards first, or write its id or its name as it stands there."),
            )
        [one] = found
        if is_card or one.kind not in BY_CODE:
            raise _Wrong(
                "reward",
                _("A gift card or cashback is not given by a voucher code."),
                _("Leave reward empty, and write kind gift_card with what is left on it as value."),
            )
        return Gives(one.name_en, reward_id=one.pk)

    def _money(self, said: dict[str, str], is_card: bool, is_used: bool) -> Gives:
        currency = said["currency"].upper() or settings.CURRENCY
        if currency not in list_currencies():
            raise _Wrong(
                "currency", _("%(value)s is no currency.") % {"value": shown(said["currency"])}, _("Write it like USD.")
            )
        try:
            exact = Decimal(said["value"] or "0").scaleb(get_currency_precision(currency))
            is_right = exact == exact.to_integral_value() and 0 <= exact <= MINOR_MAX and (is_card or exact)
        except InvalidOperation:
            is_right = False
        if not is_right:
            raise _Wrong(
                "value",
                _("%(value)s is no amount of %(currency)s.") % {"value": shown(said["value"]), "currency": currency},
                _("Write it like 1234.56: a point before the decimals, no thousands separator, no currency sign."),
            )
        minor = 0 if is_card and is_used else int(exact)
        words = _("Gift cards in %(currency)s") if is_card else _("Vouchers worth %(money)s")
        return Gives(
            words % {"currency": currency, "money": money(minor, currency)}, None, minor, currency, is_card=is_card
        )

    def _used_at(self, said: dict[str, str]) -> datetime | None:
        status = said["status"].lower() or ("used" if said["used_at"] else "unused")
        if status not in {"used", "unused"} or (status == "unused" and said["used_at"]):
            raise _Wrong(
                "status",
                _("%(value)s does not say whether the code was used.") % {"value": shown(said["status"]) or "–"},
                _("Write unused, or used with the day under used_at. Leave out what was blocked."),
            )
        if status == "unused":
            return None
        try:
            at = datetime.fromisoformat(said["used_at"])
        except ValueError:
            raise _Wrong(
                "used_at",
                _("%(value)s is not a date and time.") % {"value": shown(said["used_at"]) or "–"},
                _("Write when it was used, like 2026-03-31 or 2026-03-31 15:04:05."),
            ) from None
        at = (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)
        if at > self.at:
            raise _Wrong(
                "used_at",
                _("%(value)s lies in the future.") % {"value": shown(said["used_at"])},
                _("Check the date."),
            )
        return at

    def _until(self, said: dict[str, str], used_at: datetime | None) -> date:
        day = self._day("valid_until", said) or (used_at and used_at.astimezone(self.zone).date())
        if day is None:
            raise _Wrong("valid_until", _("The code has no last day."), _("Write one, such as 2027-12-31."))
        return day

    def _day(self, name: str, said: dict[str, str]) -> date | None:
        try:
            return date.fromisoformat(said[name]) if said[name] else None
        except ValueError:
            raise _Wrong(
                name, _("%(value)s is no day.") % {"value": shown(said[name])}, _("Write it as 2027-03-31.")
            ) from None


def window(row: Row, *, today: date) -> tuple[datetime, datetime]:
    """From and until when a code can be used: whole days of the programme's zone."""
    zone = _programme_zone()
    first = row.begins or min(today, row.until)
    return (
        datetime.combine(first, time.min, tzinfo=zone).astimezone(UTC),
        datetime.combine(row.until, time(23, 59, 59), tzinfo=zone).astimezone(UTC),
    )
