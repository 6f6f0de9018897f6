"""A town of honest members with a few crooks among them, for the screening of fraud. Used by the drill and in short by the tests."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from loyalty import operations, screening
from loyalty.models import Review, Transfer
from loyalty.operations import PurchaseIn
from members.crypto import keyed_hash
from members.models import Identifier, Member, User
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores

AT = datetime(2026, 3, 10, 20, tzinfo=UTC)
DAYS = 4
BATCH = 2_000
REFUNDED = 0.04  # of honest purchases
STORES = 12


@dataclass(frozen=True)
class Caught:
    """What screening found: planted acts and how many of them were held; honest purchases and how many of them were."""

    planted: dict[str, int]
    held: dict[str, int]
    honest: int
    held_honest: int
    new: int

    @property
    def recall(self) -> float:
        return sum(self.held.values()) / sum(self.planted.values())

    @property
    def false_share(self) -> float:
        return self.held_honest / self.honest


class Town:
    """Members, what they buy, and which acts are planted, by (source, client key)."""

    def __init__(self, *, purchases: int, crooks: int, seed: int):
        self.dice = random.Random(seed)
        self.purchases, self.crooks = purchases, crooks
        self.planted: dict[str, str] = {}
        ensure_stores([(f"S{n}", f"Street {n}") for n in range(STORES)])
        ensure_products([("milk", "Milk", "GROCERY > MILK > MILK", "", False)])
        joined = [Member(joined_at=AT - timedelta(days=400)) for _ in range(max(20, purchases // 5) + 3 * crooks)]
        self.members = [member.pk for member in Member.objects.bulk_create(joined)]
        self.honest, rest = self.members[: -3 * crooks], self.members[-3 * crooks :]
        self.hasty, self.cyclers, self.friends = (rest[n::3] for n in range(3))

    def _purchase(self, key: str, member: int, at: datetime, minor: int) -> PurchaseIn:
        store = f"S{self.dice.randrange(STORES)}"
        return PurchaseIn("till", key, store, at, "USD", [Line("milk", Decimal(1), minor)], member)

    def _moment(self) -> datetime:
        """Within opening hours of one of the last days."""
        return AT - timedelta(days=self.dice.randrange(DAYS) + 0.01, minutes=self.dice.randrange(12 * 60))

    def live(self):
        """Everything happens: honest purchases and refunds in the order of time, and what the crooks do."""
        due = [
            self._purchase(
                f"honest-{n}", self.dice.choice(self.honest), self._moment(), self.dice.randrange(100, 12_000)
            )
            for n in range(self.purchases)
        ]
        for number, member in enumerate(self.hasty):
            begin = self._moment()
            for step in range(12):
                key = f"hasty-{number}-{step}"
                self.planted[key] = "velocity"
                due.append(self._purchase(key, member, begin + timedelta(minutes=3 * step), 2_000))
        due.sort(key=lambda purchase: purchase.purchased_at)
        for start in range(0, len(due), BATCH):
            self._post(due[start : start + BATCH])
        self._cycle()
        self._give_to_friends()

    def _post(self, batch: list[PurchaseIn]):
        for purchase, answer in zip(batch, operations.record_purchases(batch), strict=True):
            assert not isinstance(answer, Exception), answer
            if purchase.client_key.startswith("honest") and self.dice.random() < REFUNDED:
                self._refund(purchase.client_key, answer.purchase_id, purchase.lines[0].total_minor)

    def _refund(self, key: str, purchase_id: int, minor: int):
        operations.refund(
            source="till",
            client_key=f"{key}-back",
            purchase_id=purchase_id,
            lines=[(1, Decimal(0), minor)],
            refunded_at=AT,
        )

    def _cycle(self):
        """Buy, spend the points, bring everything back; and keep the points of one purchase more."""
        for number, member in enumerate(self.cyclers):
            for step in range(6):
                at = AT - timedelta(hours=80 - 12 * step)
                purchase = self._purchase(f"cycle-{number}-{step}", member, at, 9_000)
                answer = operations.record_purchase(
                    source="till",
                    client_key=purchase.client_key,
                    store_code=purchase.store_code,
                    purchased_at=at,
                    currency="USD",
                    lines=purchase.lines,
                    member_id=member,
                )
                if step < 5:
                    self._refund(purchase.client_key, answer.purchase_id, 9_000)
                else:
                    self.planted[purchase.client_key] = "refund_cycling"

    def _give_to_friends(self):
        """A colleague gives goodwill to their own card; another to one card again and again."""
        for number, member in enumerate(self.friends):
            user = User.objects.create(username=f"crook{number}", email=f"crook{number}@example.com", is_staff=True)
            is_own = number % 2 == 0
            if is_own:
                hashed = keyed_hash(user.email, kind="email")
                Identifier.objects.create(member_id=member, kind="email", value=user.email, value_hash=hashed)
            for step in range(1 if is_own else 5):
                key = f"goodwill-{number}-{step}"
                self.planted[key] = "self_award"
                operations.adjust(
                    member_id=member, points=200, reason="Late delivery", source="desk", client_key=key,
                    by_user_id=user.pk, at=AT - timedelta(hours=step),
                )  # fmt: skip

    def screen(self) -> Caught:
        """Screen it, and say what was caught."""
        new = screening.screen(at=AT)
        held = dict.fromkeys(set(self.planted.values()), 0)
        honest_held = 0
        for wallet, version in Review.objects.values_list("wallet_id", "version"):
            key = Transfer.objects.get(wallet_id=wallet, version=version).client_key
            if key in self.planted:
                held[self.planted[key]] += 1
            elif key.startswith("honest"):
                honest_held += 1
        planted = {pattern: list(self.planted.values()).count(pattern) for pattern in held}
        return Caught(planted, held, self.purchases, honest_held, sum(new.held.values()))
