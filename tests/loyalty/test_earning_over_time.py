"""Budgets, points that wait, events, referrals; and that any split of purchases and refunds ends at the same."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import explaining, operations, queries, verifying
from loyalty.earning import Term, When, due_units
from loyalty.models import Budget, BudgetSlot, Grant, PendingPoints, Referral, RuleState, Transfer, Wallet
from members.crypto import keyed_hash
from members.models import Household, Identifier
from sales.lines import Line
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import at_once
from tests.loyalty.test_state_rules import LONG_AGO, has, nothing_is_broken, on, publish  # noqa: F401 (a fixture)

ONE_PER_DOLLAR = {"currency": "USD", "points": 1, "per_minor": 100}


# -- budgets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "members", "left"),
    [
        ({"points": 7 * 30 + 3}, 50, 3),
        ({"money_minor": 7 * 30 + 3}, 50, 3_000),  # a point costs a cent, counted in thousandths
        ({"member_points": 7 * 30 + 3}, 1, 0),  # of one member at fifty tills; no slots
    ],
)
def test_a_budget_holds_under_fifty_grants_at_once_and_is_spent_to_the_last(committed_shop, budget, members, left):
    definition = {
        # the bonus stands on a line that earns, so the rate gives a millionth at least
        "earn": [{"currency": "USD", "points": 1, "per_minor": 10**6}],
        "point_cost": {"currency": "USD", "minor_per_1000": 1_000},
        "rules": [{"code": "gift", "bonus_points": 7, "budget": budget}],
    }
    operations.publish_rule_set(definition=definition, live_from=LONG_AGO, name="Gift")
    who = [committed_shop.member() for _ in range(members)]
    answers = at_once([lambda m=who[n % members]: committed_shop.buy(m, 100) for n in range(50)])
    assert sorted(answer.points for answer in answers) == [0] * 20 + [7] * 30
    assert sum(BudgetSlot.objects.values_list("left", flat=True)) == left
    nothing_is_broken()


def test_a_budget_in_money_counts_what_points_cost_and_a_larger_cap_adds_to_it(shop, publish):  # noqa: F811
    rule = {"kind": "visits", "every": 1, "once_a_day": False, "gives": {"points": 50}}
    cost = {"currency": "USD", "minor_per_1000": 800}  # 50 points cost 40 cents
    publish(rule | {"budget": {"money_minor": 100}}, point_cost=cost)
    member = shop.member()
    bought = [shop.buy(member, 100) for _ in range(3)]
    assert [answer.points for answer in bought] == [50, 50, 0]
    shop.refund(bought[0], (1, 100))  # two visits stand: what they gave is kept
    assert has(member) == (100, 0)
    publish(rule | {"budget": {"money_minor": 140}}, point_cost=cost, live_from=MARCH)
    assert shop.buy(member, 100).points == 50  # the cap grew by one more
    assert (Budget.objects.get().cap, sum(BudgetSlot.objects.values_list("left", flat=True))) == (140_000, 20_000)
    nothing_is_broken()
    BudgetSlot.objects.filter(slot=1).update(left=F("left") + 1)
    [broken] = [found for found in verifying.verify() if found.breaches]
    assert broken.breaches == ["rule r0: of 140000 thousandths, 119999 spent, 120000 given"]


def test_a_member_gets_no_more_than_their_own_limit_in_a_month(shop, publish):  # noqa: F811
    publish({"multiply_percent": 300, "budget": {"member_points": 25, "member_period": "month"}}, earn=ONE_PER_DOLLAR)
    member = shop.member()
    days = [("2026-03-01", 1000), ("2026-03-02", 500), ("2026-03-03", 200), ("2026-04-01", 1000)]
    bought = [shop.buy(member, minor, at=on(day)) for day, minor in days]
    assert [answer.points for answer in bought] == [30, 5, 6, 30]
    for answer in bought:  # what the till is told right away is what anybody reads later
        assert answer.explanation == explaining.of_purchase(answer.purchase_id)
    entry = queries.entries(member.pk)[-1]
    assert entry.sentence == "30 points: $10.00 at 1 point per $1, ×3 for r0"
    nothing_is_broken()


# -- points that wait --------------------------------------------------------------------------------------------------


def test_points_wait_fourteen_days_and_a_refund_cancels_them_first(shop, publish):  # noqa: F811
    publish({"kind": "visits", "every": 1, "gives": {"points": 5}}, earn=ONE_PER_DOLLAR, pending={"days": 14})
    member = shop.member()
    bought = shop.buy(member, 1000, at=on("2026-03-01"))
    assert (bought.points, bought.available) == (15, 0)
    balance = queries.balance(member.pk, at=on("2026-03-14"))
    assert (balance.available, balance.pending) == (0, 15)
    balance = queries.balance(member.pk, at=on("2026-03-15"))  # on read, before any job
    assert (balance.available, balance.pending) == (15, 0)
    shop.refund(bought, (1, 400), at=on("2026-03-03"))
    assert (Wallet.objects.get(member=member).pending, has(member)) == (11, (0, 0))
    assert [operations.mature_points(at=on("2026-03-15")).points for _ in range(3)] == [11, 0, 0]
    assert has(member) == (11, 0)
    nothing_is_broken()
    shop.refund(bought, (1, 600), at=on("2026-03-16"))
    assert has(member) == (0, 0)
    nothing_is_broken()


def test_points_wait_for_delivery_and_pay_a_debt_first(shop, publish):  # noqa: F811
    publish(earn=ONE_PER_DOLLAR)
    member = shop.member()
    first = shop.buy(member, 1000, at=on("2026-03-01"))
    shop.redeem(member, 10, at=on("2026-03-01"))
    publish(earn=ONE_PER_DOLLAR, pending={"until": "delivered"}, live_from=on("2026-03-02"))
    shop.refund(first, (1, 300), at=on("2026-03-02"))
    bought = shop.buy(member, 1000, at=on("2026-03-03"))
    assert (has(member), bought.debt_paid) == ((0, 3), 0)
    assert operations.mature(purchase=bought.purchase_id, event="paid", at=on("2026-03-04")) == 0
    given = [operations.mature(purchase=bought.public_id, event="delivered", at=on("2026-03-04")) for _ in range(2)]
    assert (given, has(member)) == ([10, 0], (7, 0))
    assert PendingPoints.objects.get().points_left == 0
    nothing_is_broken()


def test_points_that_have_matured_can_be_spent_before_the_job_has_run(shop, publish):  # noqa: F811
    publish(earn=ONE_PER_DOLLAR, pending={"days": 1})
    member = shop.member()
    shop.buy(member, 1000, at=on("2026-03-01"))
    with pytest.raises(operations.NotEnoughPoints):
        shop.redeem(member, 1, at=on("2026-03-01"))
    assert shop.redeem(member, 10, at=on("2026-03-02")).available == 0


def test_points_left_alone_too_long_are_gone_before_the_next_purchase(shop, publish):  # noqa: F811
    publish(earn=ONE_PER_DOLLAR, expiry={"months": 24, "inactive_months": 6})
    member = shop.member()
    shop.buy(member, 1000, at=on("2026-01-10"))
    assert shop.buy(member, 500, at=on("2026-03-10")).available == 15
    assert shop.buy(member, 700, at=on("2026-12-10")).available == 7
    assert [entry.reason for entry in queries.entries(member.pk)][:2] == ["purchase", "inactivity"]
    nothing_is_broken()


# -- events ------------------------------------------------------------------------------------------------------------


def test_an_event_pays_so_often_in_a_period_and_the_same_act_once(shop, publish):  # noqa: F811
    publish({"kind": "event", "event": "review", "gives": {"points": 20}, "times": 2, "period": "month"})
    member = shop.member()

    def review(key, at=MARCH):
        return operations.record_event(event="review", source="web", client_key=key, at=at, member_id=member.pk)

    given = [review("a"), review("a"), review("b"), review("c"), review("d", MARCH + timedelta(days=31))]
    assert [(done.points, done.is_replay) for done in given] == [
        (20, False), (20, True), (20, False), (0, False), (20, False),
    ]  # fmt: skip
    assert has(member) == (60, 0)
    with pytest.raises(operations.KeyReused):
        operations.record_event(event="survey", source="web", client_key="a", at=MARCH, member_id=member.pk)
    with pytest.raises(operations.BadEvent):
        operations.record_event(event="A review!", source="web", client_key="e", at=MARCH, member_id=member.pk)
    assert queries.entries(member.pk)[0].sentence == "20 points: 20 points for r0 (Review written)"
    nothing_is_broken()


# -- referrals ---------------------------------------------------------------------------------------------------------


REFERRAL = {
    "kind": "referral",
    "gives": {"points": 30},
    "gives_referrer": {"points": 50},
    "minimum_minor": 1000,
    "times": 2,
}


def test_a_referral_pays_both_with_the_first_purchase_that_counts_and_is_taken_back_with_it(shop, publish):  # noqa: F811
    publish(REFERRAL)
    referrer, friend = shop.member(), shop.member()
    code = operations.referral_code(member_id=referrer.pk, at=MARCH)
    assert operations.referral_code(member_id=referrer.pk, at=MARCH) == code
    operations.refer(code=code.lower(), friend_id=friend.pk, at=MARCH)
    assert shop.buy(friend, 999).points == 0
    counted = shop.buy(friend, 1000)
    assert (counted.points, has(referrer)) == (30, (50, 0))
    assert queries.entries(referrer.pk)[0].sentence == "50 points: 50 points for r0 (a friend's first purchase)"
    assert queries.entries(referrer.pk)[0].purchase_id is None
    assert shop.buy(friend, 1000, at=MARCH + timedelta(days=1)).points == 0
    shop.refund(counted, (1, 1000))
    assert (has(friend), has(referrer)) == ((30, 0), (50, 0))  # another purchase stands that counts
    nothing_is_broken()


def test_a_referral_is_taken_back_when_nothing_that_counts_is_left(shop, publish):  # noqa: F811
    publish(REFERRAL)
    referrer, friend = shop.member(), shop.member()
    operations.refer(code=operations.referral_code(member_id=referrer.pk, at=MARCH), friend_id=friend.pk, at=MARCH)
    counted = shop.buy(friend, 1000)
    shop.redeem(referrer, 50)
    shop.refund(counted, (1, 1))
    assert (has(friend), has(referrer), Referral.objects.get().state) == ((0, 0), (0, 50), "taken_back")
    assert shop.buy(friend, 5000).points == 30
    assert (has(referrer), Referral.objects.get().state) == ((0, 0), "paid")
    nothing_is_broken()


def test_a_referrer_is_paid_for_so_many_friends_in_a_period(shop, publish):  # noqa: F811
    publish(REFERRAL)
    referrer = shop.member()
    code = operations.referral_code(member_id=referrer.pk, at=MARCH)
    for n in range(3):
        friend = shop.member()
        operations.refer(code=code, friend_id=friend.pk, at=MARCH)
        assert shop.buy(friend, 1000).points == 30, n
    assert has(referrer) == (100, 0)
    nothing_is_broken()


def test_nobody_refers_themselves_by_whatever_name(shop, publish):  # noqa: F811
    publish(REFERRAL)
    home = Household.objects.create(name="Home")
    referrer, twin, sibling, old = (shop.member() for _ in range(4))
    for member, address in ((referrer, "ada.b@example.com"), (twin, "adab+shop@example.com")):
        Identifier.objects.create(
            member=member, kind="email", value=address, value_hash=keyed_hash(address, kind="email")
        )
    for member in (referrer, sibling):
        member.household = home
        member.save()
    shop.buy(old, 100)
    code = operations.referral_code(member_id=referrer.pk, at=MARCH)
    for friend in (referrer, twin, sibling, old):
        with pytest.raises(operations.CannotRefer):
            operations.refer(code=code, friend_id=friend.pk, at=MARCH)
    with pytest.raises(operations.CannotRefer):
        operations.refer(code="WRONG234", friend_id=shop.member().pk, at=MARCH)
    assert not Referral.objects.exists()


# -- explanations ------------------------------------------------------------------------------------------------------


def test_an_entry_says_in_words_what_a_rule_gave_and_what_a_refund_took(shop, publish):  # noqa: F811
    publish(
        {"kind": "stamps", "every": 1000, "name": "Coffee card", "name_zh": "咖啡卡", "card_size": 2, "card_gives": {"points": 40}},
        {"kind": "streak", "length": 2, "gives": {"points": 5}, "name": "Faithful"},
        earn=ONE_PER_DOLLAR,
    )  # fmt: skip
    member = shop.member()
    shop.buy(member, 1000, at=on("2026-03-02"))
    bought = shop.buy(member, 1000, at=on("2026-03-09"))
    assert [entry.sentence for entry in queries.entries(member.pk)] == [
        (
            "55 points: $10.00 at 1 point per $1, 1 stamp for Coffee card ($10 spent), 40 points for Coffee card ($20 spent), "
            "2 stamps used: Coffee card ($20 spent), 5 points for Faithful (2 weeks in a row)"
        ),
        "10 points: $10.00 at 1 point per $1, 1 stamp for Coffee card ($10 spent)",
    ]
    shop.refund(bought, (1, 1000), at=on("2026-03-10"))
    assert queries.entries(member.pk)[0].sentence == (
        "−55 points: refund of $10.00, 5 points taken back: Faithful (2 weeks in a row) no longer stands, "
        "40 points taken back: Coffee card ($20 spent) no longer stands, 2 stamps given back: Coffee card ($20 spent), "
        "1 stamp taken back: Coffee card ($10 spent) no longer stands"
    )
    with translation.override("zh-hans"):
        assert "咖啡卡" in queries.entries(member.pk)[1].sentence


# -- any split, any order ----------------------------------------------------------------------------------------------

RULES = [
    {"kind": "stamps", "every": 700, "card_size": 3, "card_gives": {"points": 20}},
    {"kind": "visits", "every": 2, "gives": {"points": 11}, "minimum_minor": 300},
    {"kind": "streak", "length": 2, "unit": "day", "gives": {"points": 13}},
    {"kind": "challenge", "measure": "products", "target": 2, "gives": {"points": 17}},
    {"kind": "first_purchase", "gives": {"points": 19}},
]
ACTS = st.lists(
    st.tuples(st.sampled_from(["buy", "buy", "refund", "spend"]), st.integers(0, 5), st.integers(1, 900)),
    min_size=1,
    max_size=14,
)


def expected(purchases, refunded):
    """What stands after all, from nothing but the purchases and how much of each was refunded."""
    left = {n: total - refunded[n] for n, (_day, _product, total) in purchases.items()}
    spend = sum(left.values())
    days = sorted({day for n, (day, _p, _t) in purchases.items() if left[n] >= 1})
    visits = len({day for n, (day, _p, _t) in purchases.items() if left[n] >= 300})
    streaks, run, last = 0, 0, None
    for day in days:
        run = run + 1 if last == day - 1 else 1
        streaks += run % 2 == 0
        last = day
    products = len({product for n, (_d, product, _t) in purchases.items() if left[n] > 0})
    points = spend // 2100 * 20 + visits // 2 * 11 + streaks * 13 + (products >= 2) * 17 + (spend > 0) * 19
    return points, spend // 700 % 3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_any_order_of_purchases_and_refunds_ends_at_what_stands(shop, publish, acts):  # noqa: F811
    publish(*RULES)
    member = shop.member()
    purchases, told, refunded, spent = {}, {}, defaultdict(int), 0
    for n, (act, which, amount) in enumerate(acts):
        if act == "buy":
            product = "milk" if which % 2 else "apples"
            told[n] = shop.buy(member, [Line(product, Decimal(1), amount)], at=on(f"2026-03-1{which}"))
            purchases[n] = (which, product, amount)
        elif act == "refund" and told:
            of = list(told)[which % len(told)]
            part = min(amount, purchases[of][2] - refunded[of])
            if part:
                shop.refund(told[of], (1, part), at=on("2026-03-20"))
                refunded[of] += part
        elif act == "spend" and has(member)[0]:
            part = min(amount % 25 + 1, has(member)[0])
            shop.redeem(member, part)
            spent += part
    points, stamps = expected(purchases, refunded)
    available, debt = has(member)
    assert available - debt == points - spent
    available, debt = has(member, "stamps")
    assert available - debt == stamps


@given(st.integers(1, 50), st.integers(0, 5), st.integers(0, 500))
def test_units_due_never_fall_when_the_measure_grows(every, times, measure):
    term = Term("t", "t", "T", "", "visits", When(), "purchase", "visits", every, times, "ever", {"points": 1})
    assert due_units(term, measure) <= due_units(term, measure + 1) <= due_units(term, measure) + 1


def test_what_was_granted_can_be_recomputed_from_its_row(shop, publish):  # noqa: F811
    publish(*RULES)
    member = shop.member()
    for n in range(6):
        shop.buy(member, [Line("milk" if n % 2 else "apples", Decimal(1), 650)], at=on(f"2026-03-1{n}"))
    for grant in Grant.objects.all():
        times = grant.terms["times"]
        units = grant.measure if grant.terms["measure"] == "streaks" else grant.measure // grant.terms["every"]
        assert grant.units_due == (min(units, times) if times else units)
        assert grant.units == grant.units_due - grant.units_before
        assert abs(grant.amount) in {abs(grant.units * per) for per in grant.terms["gives"].values()}
    assert RuleState.objects.count() == 6
    moved = Transfer.objects.filter(reason="bonus", debit_account=1, credit_account=10)
    assert sum(moved.values_list("points", flat=True)) == sum(g.amount for g in Grant.objects.filter(amount__gt=0))
    nothing_is_broken()
