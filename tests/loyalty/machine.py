"""Random lives of a few members, in the database and in the model, compared after every act. Used by tests and drills."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loyalty import operations
from loyalty.models import RuleSet, Transfer, Wallet
from tests.loyalty.model import Ledger, Rules

BEGIN = date(2024, 1, 5)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_WALLETS = """
SELECT member_id, lot_expires_on, lot_points, debt, carry_micropoints, held, pending, available, merged_into_id
  FROM loyalty_wallet WHERE member_id = ANY (%s) AND currency_id = 1
"""
WHO = st.integers(0, 9)  # taken modulo the number of members
SHARE = st.sampled_from(["one", "third", "third", "all", "too many"])
PLAIN = Rules()
WITH_VISITS = Rules(visits_every=1, visits_points=30)
THIRD_VISIT = Rules(visits_every=3, visits_points=30)
WAITING = Rules(waits_days=14, visits_every=2, visits_points=30)


class Found(NamedTuple):
    """A wallet as the database has it, in the order of `_WALLETS`."""

    member_id: int
    lot_expires_on: list[date]
    lot_points: list[int]
    debt: int
    carry_micropoints: int
    held: int
    pending: int
    available: int
    merged_into_id: int | None


def part_of(there: int, share: str) -> int:
    """So many points of those that are there."""
    return {"one": 1, "third": max(1, there // 3), "all": max(1, there), "too many": there + 1}[share]


def pick(data, there: list):
    """One of those that are there. Its place is drawn, not the thing, which would be put into words each time."""
    return there[data.draw(st.integers(0, len(there) - 1))]


def definition(rules: Rules) -> dict:
    """The rule set that says in the product's words what the model's rules say."""
    made = {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "expiry": {"months": 12},
        "tiers": {"silver": 125, "gold": 150},
    }
    if rules.waits_days:
        made["pending"] = {"days": rules.waits_days}
    if rules.visits_every:
        gives = {"points": rules.visits_points}
        visits = {"code": "visits", "name": "Visits", "kind": "visits", "once_a_day": False, "gives": gives}
        made["rules"] = [visits | {"every": rules.visits_every}]
    return made


def open_programme(rules: Rules):
    """The rules of the lives that follow, and gifts without limits."""
    if rules != PLAIN or RuleSet.objects.count() > 1:
        operations.publish_rule_set(definition=definition(rules), live_from=LONG_AGO, name="Of these lives")
    operations.set_gift_policy(is_open=True, points_min=1, points_per_day_max=10**9, points_per_month_max=10**9)


@contextlib.contextmanager
def refused(kind: type[Exception]):
    """What is inside must be refused in this way. Unlike pytest's own, its failure is an ordinary assertion."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


class Members(RuleBasedStateMachine):
    """Every rule is an act of the ledger; time only moves forward. `shop` gives the acts in one line each."""

    shop = None
    says = PLAIN
    count = 2

    @initialize()
    def open(self):
        self.members = [self.shop.member() for _ in range(self.count)]
        self.models = [Ledger(rules=self.says, place=n) for n in range(self.count)]
        self.day = BEGIN
        self.sales, self.holds, self.reviews, self.merges, self.acts = [], [], [], [], []
        # So that every life has something to spend, refund and pass on, and two together reach a tier that neither has.
        for who in range(self.count):
            self._buy(who, [60_000 + 12_345 * (who + 1), 399])

    @property
    def at(self):
        return datetime(self.day.year, self.day.month, self.day.day, 15, tzinfo=UTC)

    def _whose(self, who):
        """A member, and the ledger that its acts are booked in."""
        return self.members[who % self.count], self.models[who % self.count].root

    @rule(days=st.sampled_from([0, 1, 20, 45, 200, 380, 400]))
    def time_passes(self, days):
        self.day += timedelta(days=days)

    # -- purchases -----------------------------------------------------------------------------------------------------------

    @rule(who=WHO, lines=st.lists(st.one_of(st.integers(0, 400), st.integers(5_000, 250_000)), min_size=1, max_size=3))
    def buy(self, who, lines):
        self._buy(who, lines)

    def _buy(self, who, lines):
        member, model = self._whose(who)
        key = self.shop.key()
        answer = self.shop.buy(member, lines, at=self.at, key=key)
        assert answer.points == model.buy(self.day, lines)
        self.sales.append((model, len(model.sales) - 1, answer))
        self.acts.append((member, key, lines, self.at, answer))

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def buy_again_under_the_same_key(self, data):
        member, key, lines, at, first = pick(data, self.acts)
        again = self.shop.buy(member, lines, at=at, key=key)
        assert (again.is_replay, again.points, again.available) == (True, first.points, first.available)
        with refused(operations.KeyReused):
            self.shop.buy(member, [*lines, 1], at=at, key=key)

    @precondition(lambda self: self.sales)
    @rule(data=st.data())
    def refund_a_part(self, data):
        model, number, sold = pick(data, self.sales)
        sale = model.sales[number]
        line = data.draw(st.integers(0, len(sale.lines) - 1))
        left = sale.lines[line] - sale.refunded[line]
        minor = data.draw(st.sampled_from([left, left // 2, min(left, 1), min(left, 333)]))
        self._refund(model, number, sold, line, minor)
        with refused(operations.CannotRefund):
            self.shop.refund(sold, (line + 1, left - minor + 1), at=self.at)

    def _refund(self, model, number, sold, line, minor):
        answer = self.shop.refund(sold, (line + 1, minor), at=self.at)
        assert answer.points == model.refund(self.at, number, line, minor)

    # -- spending ------------------------------------------------------------------------------------------------------------

    @rule(who=WHO, share=SHARE)
    def redeem(self, who, share):
        self._redeem(who, share)

    def _redeem(self, who, share):
        member, model = self._whose(who)
        points = part_of(model.available, share)
        self._agree(model.redeem(self.at, points), self.shop.redeem, member, points)

    def _sales_to_return(self):
        return [one for one in self.sales if one[0].sales[one[1]].refunded != one[0].sales[one[1]].lines]

    @precondition(lambda self: self._sales_to_return())
    @rule(data=st.data())
    def spend_all_and_return_a_sale(self, data):
        """By chance alone a debt is rare, and a debt of the right member at the right moment rarer."""
        model, number, sold = pick(data, self._sales_to_return())
        self._redeem(self.models.index(model), "all")
        sale = model.sales[number]
        for line, (minor, back) in enumerate(zip(list(sale.lines), list(sale.refunded), strict=True)):
            if minor > back:
                self._refund(model, number, sold, line, minor - back)

    @rule(who=WHO, points=st.integers(-300, 300).filter(bool))
    def adjust(self, who, points):
        member, model = self._whose(who)
        self._agree(model.adjust(self.at, points), self.shop.adjust, member, points)

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

    @rule(who=WHO, share=SHARE, days=st.sampled_from([1, 30, 300]))
    def hold(self, who, share, days):
        member, model = self._whose(who)
        points = part_of(model.available, share)
        until = self.at + timedelta(days=days)
        act = lambda *said, at, key: self.shop.hold(*said, at=at, key=key, until=until)  # noqa: E731
        answer = self._agree(model.hold(self.at, points, until), act, member, points)
        if answer:
            self.holds.append((model, len(model.holds) - 1, answer.hold.public_id))

    @precondition(lambda self: self.holds)
    @rule(
        data=st.data(),
        parts=st.lists(st.sampled_from([0, 1, 2, 2, 3, 4]), min_size=1, max_size=2),
        lets_go=st.booleans(),
    )
    def end_a_hold(self, data, parts, lets_go):
        """Once or twice: capture nothing (a void), a point, half or all of what the model still holds, or more than that."""
        hold = pick(data, self.holds)
        for part in parts:
            self._end(*hold, part, lets_go)

    def _end(self, model, number, public_id, part, lets_go):
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

    # -- between members -----------------------------------------------------------------------------------------------------

    @rule(giver=WHO, taker=WHO, share=SHARE)
    def give(self, giver, taker, share):
        (giver, model), (taker, other) = self._whose(giver), self._whose(taker)
        points = part_of(model.available, share)
        if model is other:  # to oneself, or to another record of oneself: nothing moves
            with refused(operations.CannotGive):
                self.shop.give(giver, taker, points, at=self.at, key=self.shop.key())
            return
        self._agree(model.give(self.at, other, points), self.shop.give, giver, taker, points)

    @rule(survivor=WHO, absorbed=WHO)
    def merge(self, survivor, absorbed):
        self._merge(survivor % self.count, absorbed % self.count)

    def _debtors(self):
        """Places of those who owe and have somebody to be merged into."""
        alone = [place for place, model in enumerate(self.models) if not model.merged_into]
        return [place for place in alone if self.models[place].debt] if len(alone) > 1 else []

    @precondition(lambda self: self._debtors())
    @rule(data=st.data())
    def merge_who_owes(self, data):
        absorbed = pick(data, self._debtors())
        others = [place for place, model in enumerate(self.models) if not model.merged_into and place != absorbed]
        self._merge(pick(data, others), absorbed)

    def _merge(self, survivor, absorbed):
        pair = [self.models[survivor], self.models[absorbed]]
        if survivor == absorbed or any(model.merged_into for model in pair):
            with refused(operations.CannotMerge):
                self.shop.merge(self.members[survivor], self.members[absorbed], at=self.at)
            return
        pair[0].merge(self.at, pair[1])
        self.merges.append((pair[1], self.shop.merge(self.members[survivor], self.members[absorbed], at=self.at)))
        self._tiers_agree(survivor)

    def _tiers_agree(self, *places):
        """Of those whose tiers have just been evaluated; any other's may be that of the month it was touched in."""
        wallets = Wallet.objects.filter(member__in=self.members, currency=1)
        held = dict(wallets.values_list("member", "tier__code"))
        for place in places:
            assert held[self.members[place].pk] == self.models[place].tier(self.day)[0]

    @precondition(lambda self: self.merges)
    @rule(data=st.data())
    def unmerge(self, data):
        model, made = pick(data, self.merges)
        if model.unmerge(self.at):
            self.shop.unmerge(made, at=self.at)
            self.merges.remove((model, made))
        else:
            with refused(operations.CannotMerge):
                self.shop.unmerge(made, at=self.at)

    # -- reviews -------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.sales and self.says == PLAIN)
    @rule(data=st.data())
    def review_a_sale(self, data):
        model, number, sold = pick(data, self.sales)
        sale = model.sales[number]
        if not sale.given or any(reviewed is sale for _model, _number, _id, reviewed in self.reviews):
            return
        act = Transfer.objects.get(purchase_id=sold.purchase_id, credit_account=10, reason="purchase")
        answer = operations.hold_for_review(
            wallet_id=act.wallet_id, version=act.version, pattern="velocity", facts={}, at=self.at
        )
        assert answer.held == model.review(self.at, number)
        self.reviews.append((model, len(model.reviews) - 1, answer.review_id, sale))

    def _open_reviews(self):
        return [one for one in self.reviews if one[0].reviews[one[1]]]

    @precondition(lambda self: self._open_reviews())
    @rule(data=st.data(), release=st.booleans())
    def decide_a_review(self, data, release):
        model, number, review_id, _sale = pick(data, self._open_reviews())
        answer = operations.decide_review(
            review_id=review_id, release=release, reason="Looked at", by_user_id=None, at=self.at
        )
        assert answer.cancelled == model.decide(self.at, number, release=release)

    # -- time ----------------------------------------------------------------------------------------------------------------

    @rule(runs=st.integers(1, 2))
    def jobs(self, runs):
        for _ in range(runs):
            operations.release_holds(at=self.at)
            operations.mature_points(at=self.at)
            operations.expire_points(at=self.at)
            operations.evaluate_tiers(at=self.at)
        for model in self.models:
            model.live_until(self.at)
        self._tiers_agree(*(place for place, model in enumerate(self.models) if not model.merged_into))

    @invariant()
    def the_database_agrees(self):
        if not hasattr(self, "members"):
            return
        with (
            connection.prepared_cursor() as cursor
        ):  # after every act: built anew by the ORM it took longer than most acts
            cursor.execute(_WALLETS, [[member.pk for member in self.members]])
            found = {wallet.member_id: wallet for wallet in map(Found._make, cursor.fetchall())}
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
        assert (wallet.merged_into_id is None) == (model.merged_into is None)


def refuses(breaches: list) -> list:
    """The breaches of a verification in words, for an assertion that shows them."""
    return [f"{found.promise.words}: {found.breaches[0]}" for found in breaches if found.breaches]
