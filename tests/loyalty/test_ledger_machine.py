"""Random lives of a member, in the database and in a page of plain Python, compared after every act."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty import operations, queries, verifying
from loyalty.models import Wallet
from tests.loyalty.model import Ledger

BEGIN = date(2024, 1, 5)


class OneMember(RuleBasedStateMachine):
    """Every rule is an act of the ledger; time only moves forward."""

    shop = None

    @initialize()
    def open(self):
        self.savepoint = transaction.savepoint()
        self.member = self.shop.member()
        self.model = Ledger()
        self.day = BEGIN
        self.purchases = []
        self.acts = []

    def teardown(self):
        if hasattr(self, "savepoint"):
            try:
                assert [f.breaches for f in verifying.verify() if f.breaches] == []
            finally:
                transaction.savepoint_rollback(self.savepoint)

    @property
    def at(self):
        return datetime(self.day.year, self.day.month, self.day.day, 15, tzinfo=UTC)

    @rule(days=st.sampled_from([0, 1, 20, 45, 200, 380]))
    def time_passes(self, days):
        self.day += timedelta(days=days)

    @rule(lines=st.lists(st.one_of(st.integers(0, 400), st.integers(5_000, 250_000)), min_size=1, max_size=3))
    def buy(self, lines):
        key = self.shop.key()
        answer = self.shop.buy(self.member, lines, at=self.at, key=key)
        assert answer.points == self.model.buy(self.day, lines)
        self.purchases.append(answer)
        self.acts.append((key, lines, self.at, answer))

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def buy_again_under_the_same_key(self, data):
        key, lines, at, first = data.draw(st.sampled_from(self.acts))
        again = self.shop.buy(self.member, lines, at=at, key=key)
        assert (again.is_replay, again.points, again.available) == (True, first.points, first.available)

    @precondition(lambda self: self.purchases)
    @rule(data=st.data())
    def refund_a_part(self, data):
        number = data.draw(st.integers(0, len(self.purchases) - 1))
        sale = self.model.sales[number]
        line = data.draw(st.integers(0, len(sale.lines) - 1))
        left = sale.lines[line] - sale.refunded[line]
        minor = data.draw(st.sampled_from([left, left // 2, min(left, 1), min(left, 333)]))
        answer = self.shop.refund(self.purchases[number], (line + 1, minor), at=self.at)
        assert answer.points == self.model.refund(self.day, number, line, minor)
        with pytest.raises(operations.CannotRefund):
            self.shop.refund(self.purchases[number], (line + 1, left - minor + 1), at=self.at)

    @rule(points=st.integers(1, 600))
    def redeem(self, points):
        if self.model.redeem(self.day, points):
            self.shop.redeem(self.member, points, at=self.at)
        else:
            with pytest.raises(operations.NotEnoughPoints):
                self.shop.redeem(self.member, points, at=self.at)

    @rule(points=st.integers(-300, 300).filter(bool))
    def adjust(self, points):
        if self.model.adjust(self.day, points):
            self.shop.adjust(self.member, points, at=self.at)
        else:
            with pytest.raises(operations.NotEnoughPoints):
                self.shop.adjust(self.member, points, at=self.at)

    @rule(runs=st.integers(1, 3))
    def jobs(self, runs):
        for _ in range(runs):
            operations.expire_points(at=self.at)
            operations.evaluate_tiers(at=self.at)
        self.model.expire(self.day)

    @invariant()
    def the_database_agrees(self):
        wallet = Wallet.objects.filter(member=self.member).first() if hasattr(self, "member") else None
        if wallet is None:
            return
        model = self.model
        lots = dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))
        unexpired = {last: points for last, points in model.lots.items() if last >= self.day}
        assert {last: points for last, points in lots.items() if last >= self.day} == unexpired
        assert (wallet.debt, wallet.carry_micropoints) == (model.debt, model.carry)
        assert queries.balance(self.member.pk, at=self.at).available == sum(unexpired.values())
        assert queries.tier_progress(self.member.pk, at=self.at).tier.code == model.tier(self.day)[0]


def test_the_ledger_does_what_a_page_of_python_does(shop):
    OneMember.shop = shop
    shop.buy(None, 100)  # makes the source outside the savepoints
    shop.adjust(shop.member(), 1)
    run_state_machine_as_test(
        OneMember,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_quantities_do_not_decide_points(shop):
    member = shop.member()
    from sales.lines import Line

    assert shop.buy(member, [Line("milk", Decimal(0), 500), Line("milk", Decimal("12.345"), 500)]).points == 10
