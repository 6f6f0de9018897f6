"""Which tier a member holds: a function of what the months of its window counted, of grace, and of tiers given.

Whole calendar months of the programme are counted, newest first. A tier is reached at once, and its rate starts with the next
purchase. It is lost when a month begins in which its window no longer holds enough: after its grace, and one step at a time if
the policy says so. A refund that takes the window below it ends it at once. The database does the same under the wallet's
lock (loyalty/sql/tiers.sql); a test holds the two together. No Django, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

WINDOW_MONTHS = 12
WINDOW_MONTHS_MAX = 60
MICRO = 1_000_000
PROJECTED_MONTHS = 36


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder, which is a sequence from the lowest. A criterion of zero is not asked.

    `how`: earned, invited or paid. `counted_over`: rolling (`window_months`), calendar, anniversary or lifetime.
    """

    code: str
    points_from: int = 0
    spend_minor_from: int = 0
    visits_from: int = 0
    must_meet_all: bool = False
    counted_over: str = "rolling"
    window_months: int = WINDOW_MONTHS
    grace_months: int = 0
    how: str = "earned"
    credits_from: int = 0

    @property
    def asks(self) -> dict[str, int]:
        """What it asks, by criterion."""
        asked = {
            "points": self.points_from, "spend_minor": self.spend_minor_from, "visits": self.visits_from,
            "credits": self.credits_from,
        }  # fmt: skip
        return {name: amount for name, amount in asked.items() if amount}

    @property
    def is_plain(self) -> bool:
        """Points of twelve rolling months, and nothing else."""
        return (
            self.how == "earned"
            and (self.counted_over, self.window_months) == ("rolling", WINDOW_MONTHS)
            and not (self.spend_minor_from or self.visits_from or self.credits_from)
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """What a wallet counted, newest month first; `month` is the first day of the newest. `lifetime`: micropoints, spend, visits.

    `kept`: how many months are held: twelve, and more where a window asks for more. `lifetime_credits`: tier credits ever.
    """

    month: date
    micropoints: tuple[int, ...] = ()
    spend_minor: tuple[int, ...] = ()
    visits: tuple[int, ...] = ()
    lifetime: tuple[int, int, int] = (0, 0, 0)
    credits: tuple[int, ...] = ()
    lifetime_credits: int = 0
    kept: int = WINDOW_MONTHS

    def over(self, months: int | None) -> dict[str, int]:
        """Sums of the newest months; None: since joining."""
        if months is None:
            (micropoints, spend, visits), credits_ = self.lifetime, self.lifetime_credits
        else:
            micropoints, spend, visits, credits_ = (
                sum(counted[:months]) for counted in (self.micropoints, self.spend_minor, self.visits, self.credits)
            )
        return {"points": micropoints // MICRO, "spend_minor": spend, "visits": visits, "credits": credits_}

    def moved_on(self) -> "Counts":
        """One month later, with nothing counted in it yet."""
        later = (self.month.replace(day=28) + timedelta(days=4)).replace(day=1)
        return replace(
            self,
            month=later,
            micropoints=(0, *self.micropoints)[: self.kept],
            spend_minor=(0, *self.spend_minor)[: self.kept],
            visits=(0, *self.visits)[: self.kept],
            credits=(0, *self.credits)[: self.kept],
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier a wallet holds. `keeps_until`: the window no longer holds it. `granted` is given until `granted_until` (None: open)."""

    tier: str | None
    keeps_until: date | None = None
    granted: str | None = None
    granted_until: date | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps from the lowest, the month members' own years begin with, and how far one falls at a time."""

    steps: tuple[Step, ...]
    joined_month: int = 1
    falls_one_step: bool = False

    def place(self, code: str | None) -> int:
        """How high a tier stands; nothing stands below the lowest."""
        return next((n for n, step in enumerate(self.steps) if step.code == code), -1)

    def months(self, step: Step, month: date) -> int | None:
        """How many months, this one included, its window holds; None: all since joining."""
        if step.counted_over == "calendar":
            return month.month
        if step.counted_over == "anniversary":
            return 1 + (month.month - self.joined_month) % 12
        return step.window_months if step.counted_over == "rolling" else None

    def is_reached(self, step: Step, counts: Counts) -> bool:
        if step.how != "earned":
            return False
        found = counts.over(self.months(step, counts.month))
        met = [found[name] >= amount for name, amount in step.asks.items()]
        return (all(met) if step.must_meet_all else any(met)) if met else True

    def reached(self, counts: Counts) -> Step:
        """The highest step reached; the lowest asks nothing, so there always is one."""
        return next(step for step in reversed(self.steps) if self.is_reached(step, counts))


def settled(now: Standing, counts: Counts, ladder: Ladder, *, is_refund: bool = False) -> Standing:
    """The tier the newest month comes to. `is_refund`: a loss is the refund's doing, and no grace is given for it."""
    due = ladder.reached(counts).code
    if now.granted and (now.granted_until is None or now.granted_until >= counts.month):
        due = max(due, now.granted, key=ladder.place)
    if due == now.tier or ladder.place(due) > ladder.place(now.tier) or (is_refund and now.keeps_until is None):
        return replace(now, tier=due, keeps_until=None)
    held = ladder.steps[ladder.place(now.tier)]
    keeps_until = now.keeps_until
    if keeps_until is None and held.how == "earned" and held.grace_months:
        keeps_until = _end_of_grace(counts.month, held.grace_months)
    if keeps_until is not None and keeps_until >= counts.month:
        return replace(now, keeps_until=keeps_until)
    return _fallen(now, due, counts.month, ladder)


def _fallen(now: Standing, due: str, month: date, ladder: Ladder) -> Standing:
    held = ladder.steps[ladder.place(now.tier)]
    if held.how == "earned" and ladder.falls_one_step:
        below = [step for step in ladder.steps[: ladder.place(now.tier)] if step.how == "earned"]
        if ladder.place(below[-1].code) > ladder.place(due):
            kept = _end_of_grace(month, max(1, below[-1].grace_months))
            return replace(now, tier=below[-1].code, keeps_until=kept)
    return replace(now, tier=due, keeps_until=None)


def _end_of_grace(month: date, months: int) -> date:
    later = month.year * 12 + month.month - 1 + months
    return date(later // 12, later % 12 + 1, 1) - timedelta(days=1)


def aged(now: Standing, counts: Counts, ladder: Ladder, *, today: date) -> tuple[Standing, Counts]:
    """Bring a wallet to the month of `today`, month by month, so that it does not matter when somebody looks."""
    while counts.month < first_of_month(today):
        counts = counts.moved_on()
        now = settled(now, counts, ladder)
    return now, counts


def projected(now: Standing, counts: Counts, ladder: Ladder) -> tuple[str, date] | None:
    """The tier that comes next if nothing more is bought, and the day it comes; None if nothing changes in three years."""
    tier = now.tier
    for _ in range(PROJECTED_MONTHS):
        counts = counts.moved_on()
        now = settled(now, counts, ladder)
        if now.tier is not None and now.tier != tier:
            return now.tier, counts.month
    return None


def missing(step: Step, counts: Counts, ladder: Ladder) -> dict[str, int]:
    """What is missing to a step, by criterion; of criteria of which any one will do, each as if it were the only one."""
    found = counts.over(ladder.months(step, counts.month))
    short = {name: amount - found[name] for name, amount in step.asks.items()}
    if not step.must_meet_all and any(amount <= 0 for amount in short.values()):
        return {}
    return {name: amount for name, amount in short.items() if amount > 0}


def deadline(step: Step, counts: Counts, ladder: Ladder) -> date | None:
    """The last day on which what is missing can be earned before the window loses something; None: there is no hurry."""
    if step.counted_over == "lifetime":
        return None
    if step.counted_over == "rolling":
        return last_of_month(counts.month)
    left = 12 - (ladder.months(step, counts.month) or 0)
    return _end_of_grace(counts.month, left + 1)


# -- the plain ladder: points of twelve rolling months -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a member stands. `missing` is 0 on the highest step; `window_ends` is the last day of this month's window."""

    tier: str
    qualifying: int
    next_tier: str | None
    missing: int
    window_ends: date


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def months_between(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def window(entries: Mapping[date, int], *, today: date) -> int:
    """Qualifying points of the window that `today` ends; `entries` are micropoints by first day of month."""
    micropoints = sum(m for month, m in entries.items() if 0 <= months_between(month, today) < WINDOW_MONTHS)
    return micropoints // MICRO


def moved(micropoints: Sequence[int], newest: date | None, *, today: date) -> list[int]:
    """The window's months, newest first, after time moved it on from `newest` to the month of `today`."""
    if newest is None:
        return [0]
    months = max(0, months_between(newest, today))
    return ([0] * min(months, WINDOW_MONTHS) + list(micropoints))[:WINDOW_MONTHS]


def tier_for(qualifying: int, *, ladder: Sequence[Step]) -> Step:
    """The highest step reached; the ladder starts at zero, so there always is one."""
    return max((step for step in ladder if step.points_from <= qualifying), key=lambda step: step.points_from)


def progress(qualifying: int, *, ladder: Sequence[Step], today: date) -> Progress:
    """The step reached, the next one, and how many points are missing to it."""
    reached = tier_for(qualifying, ladder=ladder)
    above = [step for step in ladder if step.points_from > qualifying]
    following = min(above, key=lambda step: step.points_from, default=None)
    return Progress(
        tier=reached.code,
        qualifying=qualifying,
        next_tier=following.code if following else None,
        missing=following.points_from - qualifying if following else 0,
        window_ends=last_of_month(today),
    )


def last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
