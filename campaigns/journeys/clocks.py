"""When a wait is over. Plain rules: the moment, the zone and the local time are arguments."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
EVERY_DAY = range(7)


def span(amount: int, unit: str) -> timedelta:
    return amount * UNITS[unit]


@lru_cache(maxsize=1024)
def zone(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """The zone of this name; a name nobody knows stands for another zone rather than for a failure."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(otherwise)


def next_local(at: datetime, place: ZoneInfo, wanted: time, weekdays: Collection[int] = EVERY_DAY) -> datetime:
    """The first moment, not before `at`, when clocks at the place show the wanted time on one of the weekdays (Monday is 0).

    On the day a clock jumps over that time it is the moment of the jump; where the clock shows it twice, the first time.
    """
    today = at.astimezone(place).date()
    for ahead in range(-1, 8):
        day = today + timedelta(days=ahead)
        moment = moment_of(day, wanted, place)
        if moment >= at and day.weekday() in weekdays:
            return moment
    raise ValueError("A week has at least one of the weekdays: name some.")


def moment_of(day: date, wanted: time, place: ZoneInfo) -> datetime:
    """The moment, in UTC, when clocks at the place show this time on this day; of a time jumped over, the moment of the jump."""
    first = datetime.combine(day, wanted, place).astimezone(UTC)
    if first.astimezone(place).time() == wanted:
        return first
    return _jump(first, place)  # jumped over; zoneinfo's reading lies after the jump


def _jump(after: datetime, place: ZoneInfo) -> datetime:
    """The moment at which the clock jumped, by halving: it lies at most a day before a moment after it."""
    low, high = after - timedelta(days=1), after
    beyond = high.astimezone(place).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (low, middle) if middle.astimezone(place).utcoffset() == beyond else (middle, high)
    return high.replace(microsecond=0)


def days_around(at: datetime, zones: Collection[str], *, back: int) -> dict[date, list[str]]:
    """Each local day that it is, or was up to `back` days ago, with the zones where that is so."""
    found: dict[date, list[str]] = {}
    for name in zones:
        today = at.astimezone(zone(name)).date()
        for ago in range(back + 1):
            found.setdefault(today - timedelta(days=ago), []).append(name)
    return found
