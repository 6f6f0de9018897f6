"""What the programme owes, as the pages read it: from the ledger, kept where that takes long."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial

from loyalty import liability as books
from reports import calendar, readings

NOW = "now"


def read(
    currency: books.Currency, *, at: datetime, day: str = NOW, moment: datetime | None = None, begin=None
) -> tuple[books.Liability, list[books.Month]]:
    """The liability and the months' movements, of one reading, so that they are equal. `day` names a `moment` that is past."""
    found = readings.read(_question(currency.code, day, moment), at=at, begin=begin).value
    return books.owed(found, currency=currency.code), books.months_of(found.months)


def _question(code: str, day: str, moment: datetime | None) -> readings.Question:
    return readings.Question(f"owed:{code}:{day}", partial(_count, code, day, moment), _packed, _unpacked, day != NOW)


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


def end_of_day(day: date) -> datetime:
    """The last moment of a day of the programme."""
    return calendar.midnight(day + timedelta(days=1)) - timedelta(microseconds=1)


def _named(rest: str) -> readings.Question | None:
    code, _colon, day = rest.rpartition(":")
    if not books.Currency.objects.filter(code=code).exists():
        return None
    return _question(code, day, None if day == NOW else end_of_day(date.fromisoformat(day)))


readings.KINDS["owed"] = _named
