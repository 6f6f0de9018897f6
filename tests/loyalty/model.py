"""The ledger as a few pages of plain Python: what the database must come to, for members who give, merge and part again.

Every act is two lines of arithmetic on lots. What the database does for speed (packed arrays, counters, versions) is not here.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import wraps

MICRO = 1_000_000
LADDER = [("member", 0, 100), ("silver", 1000, 125), ("gold", 3000, 150)]
GRACE = timedelta(days=30)  # what a release after a review leaves at least to spend the points


def month_end(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months + 1, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


def ceiling(micropoints: int) -> int:
    """Whole points that a shortfall of micropoints costs; none when there is no shortfall."""
    return max(0, -(micropoints // MICRO))


@dataclass(frozen=True)
class Rules:
    """What a rule set says beside a point a dollar: days that points wait, and a bonus for every so many visits."""

    waits_days: int = 0
    visits_every: int = 0
    visits_points: int = 0


@dataclass(eq=False)
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

    @property
    def is_visit(self) -> bool:
        return sum(self.lines) > sum(self.refunded)


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
class Waiting:
    """Points earned that cannot be spent yet: of a sale's lines, or (None) of the visits."""

    points: int
    matures_on: date
    lot: date
    sale: Sale | None


def an_act(method):
    """What a merged wallet can spend at the end of an act goes on to the survivor's."""

    @wraps(method)
    def acted(self, *arguments, **options):
        answer = method(self, *arguments, **options)
        self.forward()
        return answer

    return acted


@dataclass(eq=False, repr=False)
class Ledger:
    """Lots by last day; `carry` in micropoints; sales by number; holds and reviews by number, None once they ended.

    `went` is what went on to the survivor since the merge, less what came back: by lot, and as debt (None).
    """

    rules: Rules = Rules()
    lots: dict[date, int] = field(default_factory=dict)
    expired: dict[date, int] = field(default_factory=dict)
    debt: int = 0
    carry: int = 0
    place: int = 0
    visited: list[Sale] = field(
        default_factory=list
    )  # what the rule of visits looks at: a merged member's lies with the survivor
    visits_paid: int = 0
    visits_shift: int = 0  # bonuses kept beyond what the visits come to, or not due for them
    visits_before: tuple = ()  # the merge: own visits, bonuses and shift; by how much the survivor's rose, and its bonuses then
    sales: list[Sale] = field(default_factory=list)
    holds: list[Held | None] = field(default_factory=list)
    reviews: list[Held | None] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    merged_into: "Ledger | None" = None
    absorbed: list["Ledger"] = field(default_factory=list)
    went: dict[date | None, int] = field(default_factory=dict)

    @property
    def available(self) -> int:
        return sum(self.lots.values())

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.holds if hold)

    @property
    def pending(self) -> int:
        return sum(review.points for review in self.reviews if review) + sum(one.points for one in self.waiting)

    @property
    def root(self) -> "Ledger":
        """Whose points a merged member's are in the end."""
        return self.merged_into.root if self.merged_into else self

    def counted_sales(self) -> list[Sale]:
        return self.sales + [sale for one in self.absorbed for sale in one.counted_sales()]

    def tier(self, day: date) -> tuple[str, int]:
        micro = 0
        for sale in self.counted_sales():
            if 0 <= (day.year - sale.day.year) * 12 + day.month - sale.day.month < 12:
                back = sum(t * 10_000 * b // t for t, b in zip(sale.lines, sale.refunded, strict=True) if t)
                micro += sum(sale.lines) * 10_000 - back
        return [(code, percent) for code, start, percent in LADDER if micro // MICRO >= start][-1]

    # -- what time does ---------------------------------------------------------------------------------------------------

    def expire(self, day: date):
        """What has come to be spent matures, then what is over expires."""
        due = [one for one in self.waiting if one.matures_on <= day]
        for one in sorted(due, key=lambda one: one.matures_on):
            self.waiting.remove(one)
            self.come_in(one.points, one.lot)
        for last in [last for last in self.lots if last < day]:
            self.expired[last] = self.expired.get(last, 0) + self.lots.pop(last)

    def bring_up(self, at: datetime):
        due = [(hold.until, number) for number, hold in enumerate(self.holds) if hold and hold.until <= at]
        for _until, number in sorted(due):
            self.let_go(number, at.date())
        self.expire(at.date())

    @an_act
    def live_until(self, at: datetime):
        self.bring_up(at)

    # -- lots ----------------------------------------------------------------------------------------------------------------

    def put(self, lots: dict[date, int]):
        for last, points in lots.items():
            if points:
                self.lots[last] = self.lots.get(last, 0) + points

    def come_in(self, points: int, lot: date) -> int:
        """Pay a debt first, the rest may be spent. Answers the rest."""
        paid = min(points, self.debt)
        self.debt -= paid
        self.put({lot: points - paid})
        return points - paid

    def take(self, points: int, preferred: date | None = None) -> dict[date, int]:
        """Out of the preferred lot, then the earliest; what was taken, by lot."""
        taken = {}
        for last in sorted(self.lots, key=lambda last: (last != preferred, last)):
            part = min(points - sum(taken.values()), self.lots[last])
            if part:
                taken[last] = part
        for last, part in taken.items():
            self.lots[last] -= part
        self.lots = {last: left for last, left in self.lots.items() if left}
        return taken

    # -- purchases -----------------------------------------------------------------------------------------------------------

    @an_act
    def buy(self, day: date, lines: list[int]) -> int:
        self.expire(day)
        percent = self.tier(day)[1]
        points, self.carry = divmod(self.carry + sum(lines) * 10_000 * percent // 100, MICRO)
        sale = Sale(day, lines, percent, [0] * len(lines), lot=month_end(day, 12) if points else None)
        self.sales.append(sale)
        self.visited.append(sale)
        sale.given = self.earn(points, day, sale)
        if not sale.given and not self.rules.waits_days:
            sale.lot = None  # all of it paid a debt
        return points + self.settle_visits(day, gives=sale.is_visit)  # of visits that a merge brought, at the next one

    def earn(self, points: int, day: date, sale: Sale | None) -> int:
        """Points wait, or come in at once. Answers how many can be spent."""
        lot = month_end(day, 12)
        if not self.rules.waits_days:
            return self.come_in(points, lot)
        if points:
            self.waiting.append(Waiting(points, day + timedelta(days=self.rules.waits_days), lot, sale))
        return 0

    @property
    def visits_due(self) -> int:
        return sum(sale.is_visit for sale in self.visited) // self.rules.visits_every

    def settle_visits(self, day: date, *, gives: bool) -> int:
        """Give what visits are due and were not paid, or take back what is due no more. Answers the points, with their sign."""
        if not self.rules.visits_every:
            return 0
        due = max(0, self.visits_due + self.visits_shift)
        points = (due - self.visits_paid) * self.rules.visits_points
        if points > 0 and not gives:
            return 0
        self.visits_paid = due
        if points > 0:
            self.earn(points, day, None)
        elif points < 0:
            left = -points
            for one in (self, *sorted(self.kin(), key=lambda one: one.place)):
                left -= one.cancel_waiting(None, left)
            self.debt += max(0, left - self.available)
            self.take(min(left, self.available))
        return points

    def kin(self) -> list["Ledger"]:
        """All who were merged into this one."""
        return [kin for one in self.absorbed for kin in (one, *one.kin())]

    def cancel_waiting(self, sale: Sale | None, points: int) -> int:
        """Cancel what waits of a sale, or of the visits; the newest first. Answers how many points there were."""
        gone = 0
        for one in [one for one in reversed(self.waiting) if one.sale is sale]:
            part = min(points - gone, one.points)
            one.points -= part
            gone += part
        self.waiting = [one for one in self.waiting if one.points]
        return gone

    @an_act
    def refund(self, at: datetime, number: int, line: int, minor: int) -> int:
        self.bring_up(at)
        sale = self.sales[number]
        before = sale.kept()[1]
        sale.refunded[line] += minor
        left = self.carry - (sale.kept()[1] - before)
        points = ceiling(left)
        self.carry = left + points * MICRO
        owed = points - self.cancel_waiting(sale, points)
        self.bring_home(owed - self.available - self.gone(sale.lot, at.date()), sale.lot, at.date())
        self.claw_back(owed, sale.lot, at.date())
        self.forward()
        if self.merged_into and self.rules.visits_every:
            self.root.expire(at.date())
        return points - self.root.settle_visits(at.date(), gives=False)

    def claw_back(self, points: int, lot: date | None, day: date):
        part = min(points, self.lots.get(lot, 0))
        if part:
            self.take(part, preferred=lot)
        points -= part
        if lot and lot < day:
            part = min(points, self.expired.get(lot, 0))
            self.expired[lot] = self.expired.get(lot, 0) - part
            points -= part
        points -= sum(self.take(min(points, self.available)).values())
        self.debt += points

    # -- spending ------------------------------------------------------------------------------------------------------------

    @an_act
    def redeem(self, at: datetime, points: int) -> bool:
        self.bring_up(at)
        if points > self.available:
            return False
        self.take(points)
        return True

    @an_act
    def adjust(self, at: datetime, points: int) -> bool:
        if points < 0:
            return self.redeem(at, -points)
        self.bring_up(at)
        self.put({month_end(at.date(), 12): points})
        return True

    @an_act
    def hold(self, at: datetime, points: int, until: datetime) -> bool:
        self.bring_up(at)
        if points > self.available:
            return False
        self.holds.append(Held(self.take(points), until))
        return True

    @an_act
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

    @an_act
    def give(self, at: datetime, other: "Ledger", points: int) -> bool:
        """A gift keeps the days its points may be spent until. It pays no debt of the taker."""
        self.bring_up(at)
        if points > self.available:
            return False
        other.expire(at.date())
        other.put(self.take(points))
        other.forward()
        return True

    def merge(self, at: datetime, other: "Ledger"):
        """`other` is absorbed: its points and its debt come here, its awards and its carried part of a point stay its own."""
        self.expire(at.date())
        other.expire(at.date())
        other.merged_into, other.went = self, {}
        self.absorbed.append(other)
        self.debt += other.debt
        other.went[None], other.debt = other.debt, 0
        other.forward()
        if self.rules.visits_every:
            self.join_visits(other)

    def join_visits(self, other: "Ledger"):
        """The visits of both count from now on; merging alone neither gives a bonus nor takes one."""
        before = self.visits_shift
        self.visited = self.visited + other.visited
        self.visits_paid += other.visits_paid
        self.visits_shift = max(before + other.visits_shift, self.visits_paid - self.visits_due)
        had = self.visits_paid - other.visits_paid
        other.visits_before = (other.visited, other.visits_paid, other.visits_shift, self.visits_shift - before, had)
        other.visited, other.visits_paid, other.visits_shift = [], 0, 0

    def part_visits(self, survivor: "Ledger", day: date):
        """Each has its own visits again; a bonus that is due to neither of the two alone goes back."""
        self.visited, self.visits_paid, self.visits_shift, rise, had = self.visits_before
        survivor.visited = [sale for sale in survivor.visited if sale not in self.visited]
        survivor.visits_paid -= self.visits_paid
        survivor.visits_shift -= rise
        self.settle_visits(day, gives=False)
        due = max(0, survivor.visits_due + survivor.visits_shift)
        if survivor.visits_paid < min(due, had):  # it paid for refunds of the other's
            survivor.come_in((due - survivor.visits_paid) * self.rules.visits_points, month_end(day, 12))
            survivor.visits_paid = due
        survivor.settle_visits(day, gives=False)

    def forward(self):
        if self.merged_into:
            self._passed(self.lots, 1)
            self.merged_into.put(self.lots)
            self.lots = {}
            self.merged_into.forward()

    def _passed(self, lots: dict[date, int], sign: int):
        for last, points in lots.items():
            self.went[last] = self.went.get(last, 0) + sign * points

    def bring_home(self, points: int, preferred: date | None, day: date):
        """A merged wallet's points lie in the survivor's. What that lacks it owes."""
        if points <= 0 or not self.merged_into:
            return
        survivor = self.merged_into
        survivor.expire(day)
        if gone := min(points, survivor.gone(preferred, day)):  # nobody loses the same points twice
            survivor.expired[preferred] -= gone
        survivor.bring_home(points - gone - survivor.available, preferred, day)
        taken = survivor.take(min(points - gone, survivor.available), preferred)
        lacking = points - gone - sum(taken.values())
        survivor.debt += lacking
        lot = preferred or day
        taken[lot] = taken.get(lot, 0) + lacking + gone
        self.put(taken)
        self._passed(taken, -1)
        survivor.forward()

    def gone(self, lot: date | None, day: date) -> int:
        """What of a lot that is over expired here and was not taken back since."""
        return self.expired.get(lot, 0) if lot and lot < day else 0

    def unmerge(self, at: datetime) -> bool:
        """What went on comes back; what the survivor has spent of it, it owes. False when the survivor was merged on."""
        survivor, day = self.merged_into, at.date()
        if survivor.merged_into:
            return False
        survivor.expire(day)
        survivor.absorbed.remove(self)
        self.merged_into = None
        more = -sum(points for last, points in self.went.items() if last and points < 0)
        for last in sorted(last for last, points in self.went.items() if last and last >= day and points > 0):
            part = min(more, self.went[last])
            more -= part
            part = self.went[last] - part
            survivor.debt += part - sum(survivor.take(min(part, survivor.available), last).values())
            self.put({last: part})
        more += self.went.get(None, 0)
        if more > 0:  # the debt it came with is its own again
            self.debt += more
            paid = min(more, survivor.debt)
            survivor.debt -= paid
            survivor.put({month_end(day, 12): more - paid})
        if self.rules.visits_every:
            self.part_visits(survivor, day)
        return True

    # -- reviews -------------------------------------------------------------------------------------------------------------

    @an_act
    def review(self, at: datetime, number: int) -> int:
        self.bring_up(at)
        sale = self.sales[number]
        part = min(sale.given, self.lots.get(sale.lot, 0))
        if part:
            self.take(part, preferred=sale.lot)
        self.reviews.append(Held({sale.lot: part} if part else {}, sale=sale))
        return part

    @an_act
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
