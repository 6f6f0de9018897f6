"""Random lives of two members, in the database and in the model, compared after every act. Used by tests and drills."""

import contextlib
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loyalty import operations
from loyalty.models import Transfer, Wallet
from tests.loyalty.model import Ledger

BEGIN = date(2024, 1, 5)
WHO = st.integers(0, 1)
SHARE = st.sampled_from(["one", "third", "third", "all", "too many"])


def part_of(there: int, share: str) -> int:
    """So many points of those that are there."""
    return {"one": 1, "third": max(1, there // 3), "all": max(1, there), "too many": there + 1}[share]


@contextlib.contextmanager
def refused(kind: type[Exception]):
    """What is inside must be refused in this way. Unlike pytest's own, its failure is an ordinary assertion."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


class TwoMembers(RuleBasedStateMachine):
    """Every rule is an act of the ledger; time only moves forward. `shop` gives the acts in one line each."""

    shop = None

    @initialize()
    def open(self):
        self.members = [self.shop.member(), self.shop.member()]
        self.models = [Ledger(), Ledger()]
        self.day = BEGIN
        self.sales = [[], []]
        self.holds = [[], []]
        self.reviews = [[], []]
        self.acts = []

    @property
    def at(self):
        return datetime(self.day.year, self.day.month, self.day.day, 15, tzinfo=UTC)

    @rule(days=st.sampled_from([0, 1, 20, 45, 200, 380, 400]))
    def time_passes(self, days):
        self.day += timedelta(days=days)

    @rule(who=WHO, lines=st.lists(st.one_of(st.integers(0, 400), st.integers(5_000, 250_000)), min_size=1, max_size=3))
    def buy(self, who, lines):
        key = self.shop.key()
        answer = self.shop.buy(self.members[who], lines, at=self.at, key=key)
        assert answer.points == self.models[who].buy(self.day, lines)
        self.sales[who].append(answer)
        self.acts.append((who, key, lines, self.at, answer))

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def buy_again_under_the_same_key(self, data):
        who, key, lines, at, first = data.draw(st.sampled_from(self.acts))
        again = self.shop.buy(self.members[who], lines, at=at, key=key)
        assert (again.is_replay, again.points, again.available) == (True, first.points, first.available)
        with refused(operations.KeyReused):
            self.shop.buy(self.members[who], [*lines, 1], at=at, key=key)

    def _sale(self, data):
        """Whose sale and which, among those there are."""
        return data.draw(st.sampled_from([(who, n) for who in (0, 1) for n in range(len(self.sales[who]))]))

    @precondition(lambda self: any(self.sales))
    @rule(data=st.data())
    def refund_a_part(self, data):
        who, number = self._sale(data)
        sale = self.models[who].sales[number]
        line = data.draw(st.integers(0, len(sale.lines) - 1))
        left = sale.lines[line] - sale.refunded[line]
        minor = data.draw(st.sampled_from([left, left // 2, min(left, 1), min(left, 333)]))
        answer = self.shop.refund(self.sales[who][number], (line + 1, minor), at=self.at)
        assert answer.points == self.models[who].refund(self.at, number, line, minor)
        with refused(operations.CannotRefund):
            self.shop.refund(self.sales[who][number], (line + 1, left - minor + 1), at=self.at)

    @rule(who=WHO, share=SHARE)
    def redeem(self, who, share):
        points = part_of(self.models[who].available, share)
        self._agree(self.models[who].redeem(self.at, points), self.shop.redeem, self.members[who], points)

    @rule(who=WHO, points=st.integers(-300, 300).filter(bool))
    def adjust(self, who, points):
        self._agree(self.models[who].adjust(self.at, points), self.shop.adjust, self.members[who], points)

    def _agree(self, is_done: bool, act, *said):
        """The database carries out what the model does, and refuses what it refuses; said again, it answers the same."""
        key = self.shop.key()
        if not is_done:
            with refused(operations.NotEnoughPoints):
                act(*said, at=self.at, key=key)
            return None
        answer = act(*said, at=self.at, key=key)
        assert act(*said, at=self.at, key=key).is_replay
        return answer

    # -- holds ---------------------------------------------------------------------------------------------------------------

    @rule(who=WHO, share=SHARE, days=st.sampled_from([1, 30, 300]))
    def hold(self, who, share, days):
        points = part_of(self.models[who].available, share)
        until = self.at + timedelta(days=days)
        act = lambda *said, at, key: self.shop.hold(*said, at=at, key=key, until=until)  # noqa: E731
        answer = self._agree(self.models[who].hold(self.at, points, until), act, self.members[who], points)
        if answer:
            self.holds[who].append(answer.hold.public_id)

    @precondition(lambda self: any(self.holds))
    @rule(data=st.data(), part=st.sampled_from([0, 1, 2, 2, 3, 4]), lets_go=st.booleans())
    def end_a_hold(self, data, part, lets_go):
        """Capture nothing (a void), a point, half or all of what the model still holds, or more than that."""
        who, number = data.draw(st.sampled_from([(who, n) for who in (0, 1) for n in range(len(self.holds[who]))]))
        model, public_id = self.models[who], self.holds[who][number]
        still = model.holds[number].points if model.holds[number] else 0
        points = [0, 1, max(1, still // 2), max(1, still), still + 1][part]
        is_done = model.capture(self.at, number, points, lets_go=lets_go or not points)
        act = self.shop.capture if points else self.shop.void
        said = {"points": points, "lets_rest_go": lets_go} if points else {}
        if is_done:
            act(public_id, at=self.at, **said)
        else:
            with refused(operations.CannotCapture):
                act(public_id, at=self.at, **said)

    # -- reviews -------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(self.sales))
    @rule(data=st.data())
    def review_a_sale(self, data):
        who, number = self._sale(data)
        sale, model = self.models[who].sales[number], self.models[who]
        if not sale.given or any(one and one.sale is sale for one in model.reviews) or sale in self._reviewed():
            return
        act = Transfer.objects.get(
            purchase_id=self.sales[who][number].purchase_id, credit_account=10, reason="purchase"
        )
        answer = operations.hold_for_review(
            wallet_id=act.wallet_id, version=act.version, pattern="velocity", facts={}, at=self.at
        )
        assert answer.held == model.review(self.at, number)
        self.reviews[who].append((answer.review_id, sale))

    def _reviewed(self):
        return [sale for reviews in self.reviews for _id, sale in reviews]

    @precondition(lambda self: any(one for model in self.models for one in model.reviews))
    @rule(data=st.data(), release=st.booleans())
    def decide_a_review(self, data, release):
        waiting = [(who, n) for who in (0, 1) for n, one in enumerate(self.models[who].reviews) if one]
        who, number = data.draw(st.sampled_from(waiting))
        answer = operations.decide_review(
            review_id=self.reviews[who][number][0], release=release, reason="Looked at", by_user_id=None, at=self.at
        )
        assert answer.cancelled == self.models[who].decide(self.at, number, release=release)

    # -- time ----------------------------------------------------------------------------------------------------------------

    @rule(runs=st.integers(1, 2))
    def jobs(self, runs):
        for _ in range(runs):
            operations.release_holds(at=self.at)
            operations.expire_points(at=self.at)
            operations.evaluate_tiers(at=self.at)
        for model in self.models:
            model.bring_up(self.at)

    @invariant()
    def the_database_agrees(self):
        if not hasattr(self, "members"):
            return
        found = {wallet.member_id: wallet for wallet in Wallet.objects.filter(member__in=self.members, currency=1)}
        for member, model in zip(self.members, self.models, strict=True):
            if member.pk in found:
                self._compare(found[member.pk], model)

    def _compare(self, wallet, model):
        lots = dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))
        still = {last: points for last, points in model.lots.items() if last >= self.day}
        assert {last: points for last, points in lots.items() if last >= self.day} == still
        assert (wallet.debt, wallet.carry_micropoints, wallet.held, wallet.pending) == (
            model.debt, model.carry, model.held, model.pending,
        )  # fmt: skip
        assert wallet.available == sum(lots.values())


def refuses(breaches: list) -> list:
    """The breaches of a verification in words, for an assertion that shows them."""
    return [f"{found.promise.words}: {found.breaches[0]}" for found in breaches if found.breaches]
