"""The ledger as two pages of plain Python: what the database must come to, for one member."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

MICRO = 1_000_000
LADDER = [("member", 0, 100), ("silver", 1000, 125), ("gold", 3000, 150)]
GRACE = timedelta(days=30)  # what a release after a review leaves at least to spend the points


def month_end(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months + 1, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


def ceiling(micropoints: int) -> int:
    """Whole points that a shortfall of micropoints costs; none when there is no shortfall."""
    return max(0, -(micropoints // MICRO))


@dataclass
class Sale:
    day: date
    lines: list[int]
    percent: int
    refunded: list[int]
    lot: date | None = None
    given: int = 0  # into the lot; the rest paid a debt
    cancelled: int = 0  # by a review

    def kept(self) -> tuple[int, int]:
        """Qualifying and whole micropoints taken back so far."""
        base = sum(
            total * 10_000 * back // total for total, back in zip(self.lines, self.refunded, strict=True) if total
        )
        return base, max(base * self.percent // 100, self.cancelled * MICRO)


@dataclass
class Held:
    """Points set aside, or under review, by the lot they came from."""

    lots: dict[date, int]
    until: datetime | None = None
    sale: Sale | None = None

    @property
    def points(self) -> int:
        return sum(self.lots.values())


@dataclass
class Ledger:
    """Lots by last day; `carry` in micropoints; sales by number; holds and reviews by number, None once they ended."""

    lots: dict[date, int] = field(default_factory=dict)
    expired: dict[date, int] = field(default_factory=dict)
    debt: int = 0
    carry: int = 0
    sales: list[Sale] = field(default_factory=list)
    holds: list[Held | None] = field(default_factory=list)
    reviews: list[Held | None] = field(default_factory=list)

    @property
    def available(self) -> int:
        return sum(self.lots.values())

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.holds if hold)

    @property
    def pending(self) -> int:
        return sum(review.points for review in self.reviews if review)

    def tier(self, day: date) -> tuple[str, int]:
        months = [(day.year - s.day.year) * 12 + day.month - s.day.month for s in self.sales]
        micro = 0
        for sale, month in zip(self.sales, months, strict=True):
            if 0 <= month < 12:
                back = sum(t * 10_000 * b // t for t, b in zip(sale.lines, sale.refunded, strict=True) if t)
                micro += sum(sale.lines) * 10_000 - back
        return [(code, percent) for code, start, percent in LADDER if micro // MICRO >= start][-1]

    # -- what time does ---------------------------------------------------------------------------------------------------

    def expire(self, day: date):
        for last in [last for last in self.lots if last < day]:
            self.expired[last] = self.expired.get(last, 0) + self.lots.pop(last)

    def bring_up(self, at: datetime):
        for number, hold in enumerate(self.holds):
            if hold and hold.until <= at:
                self.let_go(number, at.date())
        self.expire(at.date())

    # -- acts ----------------------------------------------------------------------------------------------------------------

    def buy(self, day: date, lines: list[int]) -> int:
        self.expire(day)
        percent = self.tier(day)[1]
        points, self.carry = divmod(self.carry + sum(lines) * 10_000 * percent // 100, MICRO)
        paid = min(points, self.debt)
        self.debt -= paid
        lot = month_end(day, 12) if points > paid else None
        self.sales.append(Sale(day, lines, percent, [0] * len(lines), lot, points - paid))
        self.put({lot: points - paid})
        return points

    def put(self, lots: dict[date, int]):
        for last, points in lots.items():
            if points:
                self.lots[last] = self.lots.get(last, 0) + points

    def take(self, points: int) -> dict[date, int]:
        """Out of the earliest lots; what was taken, by lot."""
        taken = {}
        for last in sorted(self.lots):
            part = min(points - sum(taken.values()), self.lots[last])
            if part:
                taken[last] = part
        for last, part in taken.items():
            self.lots[last] -= part
        self.lots = {last: left for last, left in self.lots.items() if left}
        return taken

    def refund(self, at: datetime, number: int, line: int, minor: int) -> int:
        self.bring_up(at)
        sale = self.sales[number]
        before = sale.kept()[1]
        sale.refunded[line] += minor
        left = self.carry - (sale.kept()[1] - before)
        points = ceiling(left)
        self.carry = left + points * MICRO
        self.claw_back(points, sale.lot, at.date())
        return points

    def claw_back(self, points: int, lot: date | None, day: date):
        part = min(points, self.lots.get(lot, 0))
        self.lots = {
            last: left - part * (last == lot) for last, left in self.lots.items() if left > part * (last == lot)
        }
        points -= part
        if lot and lot < day:
            part = min(points, self.expired.get(lot, 0))
            self.expired[lot] = self.expired.get(lot, 0) - part
            points -= part
        points -= sum(self.take(min(points, self.available)).values())
        self.debt += points

    def redeem(self, at: datetime, points: int) -> bool:
        self.bring_up(at)
        if points > self.available:
            return False
        self.take(points)
        return True

    def adjust(self, at: datetime, points: int) -> bool:
        if points < 0:
            return self.redeem(at, -points)
        self.bring_up(at)
        self.put({month_end(at.date(), 12): points})
        return True

    # -- holds ---------------------------------------------------------------------------------------------------------------

    def hold(self, at: datetime, points: int, until: datetime) -> bool:
        self.bring_up(at)
        if points > self.available:
            return False
        self.holds.append(Held(self.take(points), until))
        return True

    def capture(self, at: datetime, number: int, points: int, *, lets_go: bool) -> bool:
        """Spend a part of what is held, earliest lot first; points 0 lets all of it go."""
        self.bring_up(at)
        hold = self.holds[number]
        if hold is None or points > hold.points:
            return False
        for last in sorted(hold.lots):
            part = min(points, hold.lots[last])
            hold.lots[last] -= part
            points -= part
        if not hold.points:
            self.holds[number] = None
        elif lets_go:
            self.let_go(number, at.date())
        return True

    def let_go(self, number: int, day: date):
        hold, self.holds[number] = self.holds[number], None
        self.put(hold.lots)
        self.expire(day)
        self.pay_debt(sum(points for last, points in hold.lots.items() if last >= day))

    def pay_debt(self, most: int):
        paid = min(self.debt, most, self.available)
        self.take(paid)
        self.debt -= paid

    # -- between members -----------------------------------------------------------------------------------------------------

    def give(self, at: datetime, other: "Ledger", points: int) -> bool:
        """A gift keeps the days its points may be spent until; the taker's debt is paid first."""
        self.bring_up(at)
        other.bring_up(at)
        if points > self.available:
            return False
        other.put(self.take(points))
        return True

    # -- reviews -------------------------------------------------------------------------------------------------------------

    def review(self, at: datetime, number: int) -> int:
        self.bring_up(at)
        sale = self.sales[number]
        part = min(sale.given, self.lots.get(sale.lot, 0))
        if part:
            self.lots[sale.lot] -= part
            self.lots = {last: left for last, left in self.lots.items() if left}
        self.reviews.append(Held({sale.lot: part} if part else {}, sale=sale))
        return part

    def decide(self, at: datetime, number: int, *, release: bool) -> int:
        """Answers how many points a cancellation took away."""
        self.bring_up(at)
        review, self.reviews[number] = self.reviews[number], None
        cancelled = 0
        if not release:
            before = review.sale.kept()[1]
            review.sale.cancelled = review.points
            left = self.carry - (review.sale.kept()[1] - before)
            cancelled = ceiling(left)
            self.carry = left + cancelled * MICRO
        back = review.points - cancelled
        paid = min(back, self.debt)
        self.debt -= paid
        self.put({max(last, at.date() + GRACE): back - paid for last in review.lots})
        return cancelled
