"""One purchase becomes points: exactly, once, explained."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from loyalty import operations, queries
from loyalty.models import Award, Transfer, Wallet
from loyalty.operations import PurchaseIn, Recorded
from sales.lines import Line
from sales.models import Purchase
from tests.loyalty.conftest import MARCH


def test_a_purchase_earns_one_point_per_dollar_and_carries_the_rest(shop):
    member = shop.member()
    answer = shop.buy(member, 2460)
    assert (answer.points, answer.available, answer.tier_code, answer.is_replay) == (24, 24, "member", False)
    wallet = queries.wallet_of(member.pk)
    assert (wallet.available, wallet.carry_micropoints, wallet.version) == (24, 600_000, 1)
    assert (wallet.lot_expires_on, wallet.lot_points) == ([date(2027, 3, 31)], [24])
    [entry] = queries.entries(member.pk)
    assert entry.sentence == "24 points: $24.60 at 1 point per $1, 0.60 carried to next time"


def test_remainders_add_up_to_a_point(shop):
    member = shop.member()
    assert [shop.buy(member, 2460).points, shop.buy(member, 40).points] == [24, 1]
    assert queries.wallet_of(member.pk).carry_micropoints == 0
    assert queries.entries(member.pk)[0].sentence == "1 point: $0.40 at 1 point per $1, 0.60 carried over from before"


def test_the_same_key_and_body_is_answered_the_same_by_one_query(shop, django_assert_num_queries):
    member = shop.member()
    first = shop.buy(member, 2460, key="r1")
    shop.buy(member, 1000)
    with django_assert_num_queries(1):
        again = shop.buy(member, 2460, key="r1")
    assert again.is_replay
    assert (again.purchase_id, again.public_id, again.points, again.available) == (
        first.purchase_id, first.public_id, 24, 24,
    )  # fmt: skip
    assert again.explanation == first.explanation
    assert queries.wallet_of(member.pk).available == 34


def test_a_new_purchase_costs_one_query(shop, django_assert_num_queries):
    member = shop.member()
    shop.buy(member, 100)  # makes the source
    shop.buy(member, 100)  # and remembers it
    with django_assert_num_queries(1):
        shop.buy(member, [1000, 2000, 3000])


def test_the_same_key_with_another_body_moves_nothing(shop):
    member = shop.member()
    shop.buy(member, 2460, key="r1")
    before = Wallet.objects.values().get(member=member)
    with pytest.raises(operations.KeyReused, match="r1"):
        shop.buy(member, 2461, key="r1")
    assert Wallet.objects.values().get(member=member) == before
    assert (Purchase.objects.count(), Transfer.objects.count(), Award.objects.count()) == (1, 1, 1)


def test_a_key_of_goodwill_names_no_purchase(shop):
    member = shop.member()
    operations.adjust(
        member_id=member.pk, points=5, reason="Sorry", source="till", client_key="k", by_user_id=None, at=MARCH
    )
    with pytest.raises(operations.KeyReused):
        shop.buy(member, 100, key="k")
    with pytest.raises(operations.KeyReused):
        shop.redeem(member, 5, key="k")
    shop.buy(member, 30, key="zero points")
    with pytest.raises(operations.KeyReused):
        shop.redeem(member, 5, key="zero points")


def test_a_member_is_found_by_a_card(shop):
    member = shop.member(card="2900000000019")
    answer = shop.buy(None, 500, member_reference=("card", "2900000000019"))
    assert (answer.points, answer.member_id) == (5, member.pk)


def test_an_unknown_card_moves_nothing_and_says_what_to_do(shop):
    with pytest.raises(operations.UnknownMember, match="enrol the member first"):
        shop.buy(None, 500, member_reference=("card", "2900000000019"), key="late")
    assert not Purchase.objects.exists()
    shop.member(card="2900000000019")
    assert shop.buy(None, 500, member_reference=("card", "2900000000019"), key="late").points == 5


def test_a_purchase_without_a_member_is_stored_and_earns_nothing(shop):
    answer = shop.buy(None, 500)
    assert (answer.points, answer.available, answer.member_id) == (0, None, None)
    assert Purchase.objects.get().total_minor == 500
    assert not Transfer.objects.exists()
    assert answer.explanation["earns_for_nobody"]


def test_excluded_goods_and_services_earn_nothing_and_the_explanation_says_so(shop):
    member = shop.member()
    lines = [Line("milk", Decimal(1), 1000), Line("cigarettes", Decimal(1), 900), Line("bag", Decimal(1), 100)]
    answer = shop.buy(member, lines)
    assert answer.points == 10
    assert answer.explanation["excluded"] == {"tobacco": [2], "service": [3]}


def test_one_bad_purchase_never_holds_up_the_others(shop):
    member = shop.member()
    line = [Line("milk", Decimal(1), 1000)]
    taken = shop.buy(member, 1000, key="taken")

    def purchase(key, lines=line, store="S1", **who):
        return PurchaseIn("till", key, store, MARCH, "USD", lines, **who)

    shop.adjust(member, 3, key="goodwill")
    batch = [
        purchase("a", member_id=member.pk),
        purchase("b", member_reference=("card", "nobody")),
        purchase("taken", [Line("milk", Decimal(1), 1001)], member_id=member.pk),
        purchase("c", store="nowhere", member_id=member.pk),
        purchase("d", [Line("milk", Decimal(1), -5)], member_id=member.pk),
        purchase("a", member_id=member.pk),
        purchase("e", member_id=member.pk)._replace(currency="EUR"),
        purchase("goodwill", member_id=member.pk)._replace(source="desk"),
        purchase("f", member_id=10**9),
        purchase("taken", member_id=member.pk),
        purchase("g"),
    ]
    answers = operations.record_purchases(batch)
    kinds = [type(a).__name__ if isinstance(a, Exception) else (a.points, a.is_replay) for a in answers]
    assert kinds == [
        (10, False), "UnknownMember", "KeyReused", "UnknownStore", "BadPurchase", (10, True), "BadPurchase", "KeyReused",
        "UnknownMember", (10, True), (0, False),
    ]  # fmt: skip
    assert answers[9].purchase_id == taken.purchase_id
    assert queries.wallet_of(member.pk).available == 23


def test_a_batch_and_single_purchases_come_to_the_same(shop):
    one, other = shop.member(), shop.member()
    start = datetime(2025, 1, 15, tzinfo=UTC)
    amounts = [2460, 99, 130_000, 77, 5_000, 1, 60_060, 240_000]
    for n, minor in enumerate(amounts):
        shop.buy(one, minor, at=start + timedelta(days=40 * n))
    operations.record_purchases(
        [
            PurchaseIn(
                "till",
                f"batch-{n}",
                "S1",
                start + timedelta(days=40 * n),
                "USD",
                [Line("milk", Decimal(1), minor)],
                other.pk,
            )
            for n, minor in enumerate(amounts)
        ]
    )
    fields = [f.name for f in Wallet._meta.fields if f.name not in {"id", "public_id", "member"}]
    assert Wallet.objects.values(*fields).get(member=one) == Wallet.objects.values(*fields).get(member=other)
    assert [e.points for e in queries.entries(one.pk)] == [e.points for e in queries.entries(other.pk)]


def test_news_is_told_after_commit_and_only_once(shop, django_capture_on_commit_callbacks):
    from loyalty import signals

    told = []

    def hear(purchase_ids, **_):
        told.append(purchase_ids)

    signals.purchases_recorded.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            answer = shop.buy(shop.member(), 100, key="r1")
            assert told == []
        with django_capture_on_commit_callbacks(execute=True):
            shop.buy(None, 100, key="other")
            with pytest.raises(operations.KeyReused):
                shop.buy(None, 100, key="r1")
    finally:
        signals.purchases_recorded.disconnect(hear)
    assert told[0] == [answer.purchase_id]
    assert len(told) == 2
    assert isinstance(answer, Recorded)


def test_rules_published_elsewhere_are_noticed_by_the_next_purchase(shop, django_assert_num_queries):
    from loyalty import rules
    from loyalty.models import RuleSet

    member = shop.member()
    assert shop.buy(member, 1000).points == 10
    definition = rules.known().rule_sets[-1]
    published = RuleSet.objects.get(pk=definition.id)
    doubled = published.definition | {"earn": [{"currency": "USD", "points": 2, "per_minor": 100}]}
    RuleSet.objects.create(version=2, name="Twice", definition=doubled, live_from=MARCH)  # by another process
    assert shop.buy(member, 1000).points == 20
    assert shop.buy(member, 1000, at=MARCH - timedelta(days=1)).points == 10
