"""What the programme owes, as the pages read it: from the ledger, kept where that takes long."""

from dataclasses import asdict
from datetime import date, datetime
from functools import partial

from loyalty import liability as books
from reports import readings

NOW = "now"


def read(
    currency: books.Currency, *, at: datetime, day: str = NOW, moment: datetime | None = None
) -> tuple[books.Liability, list[books.Month]]:
    """The liability and the months' movements, of one reading, so that they are equal. `day` names a `moment` that is past."""
    found = readings.read(_question(currency.code, day, moment), at=at).value
    return books.owed(found, currency=currency.code), books.months_of(found.months)


def _question(code: str, day: str, moment: datetime | None) -> readings.Question:
    return readings.Question(f"owed:{code}:{day}", partial(_count, code, day, moment), _packed, _unpacked)


def _count(code: str, day: str, moment: datetime | None, at: datetime) -> books.Counted:
    currency = books.Currency.objects.get(code=code)
    return books.count(currency=currency, at=moment or at)


def _packed(found: books.Counted) -> dict:
    return asdict(found) | {"at": found.at.isoformat()}


def _unpacked(held: dict) -> books.Counted:
    def dated(rows: list[list], *places: int) -> list[tuple]:
        return [
            tuple(date.fromisoformat(cell) if place in places and cell else cell for place, cell in enumerate(row))
            for row in rows
        ]

    told = {
        "at": datetime.fromisoformat(held["at"]),
        "lots": dated(held["lots"], 0, 2),
        "months": dated(held["months"], 0),
    }
    return books.Counted(**held | told)


def _named(rest: str) -> readings.Question | None:
    """Only what is owed now is read anew by itself; a day that is past is asked for by its readers."""
    code, _colon, day = rest.rpartition(":")
    return _question(code, NOW, None) if day == NOW and books.Currency.objects.filter(code=code).exists() else None


readings.KINDS["owed"] = _named
