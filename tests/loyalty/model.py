"""The ledger as a page of plain Python: what the database must come to, for one member."""

from dataclasses import dataclass, field
from datetime import date, timedelta

MICRO = 1_000_000
LADDER = [("member", 0, 100), ("silver", 1000, 125), ("gold", 3000, 150)]


def month_end(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months + 1, 12)
    return date(year, month + 1, 1) - timedelta(days=1)


@dataclass
class Sale:
    day: date
    lines: list[int]
    percent: int
    refunded: list[int]

    def kept(self) -> tuple[int, int]:
        """Qualifying and whole micropoints taken back so far."""
        base = sum(
            total * 10_000 * back // total for total, back in zip(self.lines, self.refunded, strict=True) if total
        )
        return base, base * self.percent // 100


@dataclass
class Ledger:
    """Lots by last day; `carry` in micropoints; sales by number."""

    lots: dict[date, int] = field(default_factory=dict)
    debt: int = 0
    carry: int = 0
    spent: int = 0
    sales: list[Sale] = field(default_factory=list)

    @property
    def available(self) -> int:
        return sum(self.lots.values())

    def tier(self, day: date) -> tuple[str, int]:
        months = [(day.year - s.day.year) * 12 + day.month - s.day.month for s in self.sales]
        micro = sum(sum(s.lines) * 10_000 - s.kept()[0] for s, m in zip(self.sales, months, strict=True) if 0 <= m < 12)
        return [(code, percent) for code, start, percent in LADDER if micro // MICRO >= start][-1]

    def expire(self, day: date):
        self.lots = {last: points for last, points in self.lots.items() if last >= day}

    def buy(self, day: date, lines: list[int]) -> int:
        self.expire(day)
        percent = self.tier(day)[1]
        points, self.carry = divmod(self.carry + sum(lines) * 10_000 * percent // 100, MICRO)
        self.sales.append(Sale(day, lines, percent, [0] * len(lines)))
        paid = min(points, self.debt)
        self.debt -= paid
        self.put(month_end(day, 12), points - paid)
        return points

    def put(self, last: date, points: int):
        if points:
            self.lots[last] = self.lots.get(last, 0) + points

    def take(self, points: int, preferred: date | None = None):
        order = sorted(self.lots, key=lambda last: (last != preferred, last))
        for last in order:
            part = min(points, self.lots[last])
            self.lots[last] -= part
            points -= part
        self.lots = {last: left for last, left in self.lots.items() if left}

    def refund(self, day: date, number: int, line: int, minor: int) -> int:
        self.expire(day)
        sale = self.sales[number]
        before = sale.kept()[1]
        sale.refunded[line] += minor
        left = self.carry - (sale.kept()[1] - before)
        points = -(left // MICRO) if left < 0 else 0
        self.carry = left + points * MICRO
        owed = max(0, points - self.available)
        self.debt += owed
        self.take(points - owed, month_end(sale.day, 12))
        return points

    def redeem(self, day: date, points: int) -> bool:
        self.expire(day)
        if points > self.available:
            return False
        self.take(points)
        return True

    def adjust(self, day: date, points: int) -> bool:
        self.expire(day)
        if points < 0:
            return self.redeem(day, -points)
        self.put(month_end(day, 12), points)
        return True
