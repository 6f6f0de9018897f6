"""What-ifs: the engine itself in a sandbox, which reproduces what was and never touches it."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from loyalty import operations, rules
from loyalty.earning import compile_rule_set
from loyalty.models import Award, RuleSet, Transfer, Wallet
from loyalty.simulating import running
from loyalty.simulating.parts import parts_of
from loyalty.simulating.replaying import Replay, Stretch
from loyalty.simulating.sandbox import sandbox
from members import clock
from sales.lines import Line
from sales.models import Purchase

START = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
END = datetime(2026, 9, 1, tzinfo=UTC)
LIVE = {
    "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
    "expiry": {"months": 2},
    "tiers": {"silver": 125, "gold": 150},
    "rules": [
        {"code": "fresh", "multiply_percent": 200, "when": {"categories": ["PRODUCE"]}},
        {"code": "big", "bonus_points": 20, "when": {"basket_minor_from": 9000}},
        {"code": "third", "kind": "visits", "every": 3, "gives": {"points": 15}},
        {"code": "card", "kind": "stamps", "by": "spend", "every": 2000, "card_size": 5, "card_gives": {"points": 40}},
        {
            "code": "goal",
            "kind": "challenge",
            "measure": "spend",
            "target": 15000,
            "gives": {"points": 25},
            "period": "month",
        },
        {"code": "few", "bonus_points": 5, "budget": {"points": 60, "member_points": 20, "member_period": "quarter"}},
        {
            "code": "friends",
            "kind": "referral",
            "gives": {"points": 30},
            "gives_referrer": {"points": 50},
            "minimum_minor": 1000,
        },
        {"code": "tried", "bonus_points": 7, "trial": {"salt": "a trial", "holdout_percent": 50}},
    ],
}


def live_through_months(shop, seed=7, definition=LIVE):
    """Months of purchases, refunds, spending and goodwill of a few members, under two versions of the rules."""
    chance = random.Random(seed)
    operations.publish_rule_set(definition=definition, live_from=START, name="first")
    operations.publish_rule_set(
        definition=definition | {"earn": [{"currency": "USD", "points": 3, "per_minor": 200}]},
        live_from=START + timedelta(days=90), name="second",
    )  # fmt: skip
    members = [shop.member() for _ in range(5)]
    refer(members)
    for day in range(0, 230, 2):
        at = START + timedelta(days=day)
        member = chance.choice(members)
        lines = [
            Line(chance.choice(["milk", "apples", "cigarettes", "bag"]), Decimal(1), chance.randint(50, 9000))
            for _ in range(chance.randint(1, 4))
        ]
        bought = shop.buy(member, lines, at=at)
        if day % 10 == 4:
            shop.refund(bought, (1, lines[0].total_minor // 3), at=at + timedelta(hours=5))
        if day % 14 == 8 and bought.available:
            shop.redeem(member, bought.available // 2 + 1, at=at + timedelta(hours=6))
        if day % 18 == 10 and bought.available > 220:
            pay_with_points(shop, member, lines, at=at + timedelta(hours=4))
        if day % 30 == 6:
            offer = operations.EntitlementIn(
                member.pk, None, "multiply", 300, at + timedelta(hours=1), at + timedelta(days=20), f"offer:{day}"
            )
            operations.entitle([offer])
        if day % 50 == 20:
            shop.adjust(member, 40, at=at + timedelta(hours=7))
    return members


def refer(members):
    """The first brings the fourth."""
    code = operations.referral_code(member_id=members[0].pk, at=START)
    operations.refer(code=code, friend_id=members[3].pk, at=START)


def pay_with_points(shop, member, lines, *, at):
    """What points pay for earns nothing, then and in a replay."""
    operations.record_paid_purchase(
        source="till", client_key=shop.key(), store_code="S1", purchased_at=at, currency="USD", lines=lines,
        member_id=member.pk, spend=operations.Spend(points=100),
    )  # fmt: skip


def everything():
    """All rows of the ledger and of the shop, to see that nothing moved."""
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Transfer, Wallet, Award, RuleSet, Purchase)
    ]  # fmt: skip


# Every movement of a purchase or a refund but the ledger's own keys: state rules, budgets and trials included.
TRANSFERS = """
SELECT w.member_id, c.code, s.source_id, s.client_key, t.seq, t.debit_account, t.credit_account, t.points, t.expires_on, t.reason
  FROM {schema}.loyalty_transfer t JOIN {schema}.loyalty_wallet w ON w.id = t.wallet_id
  JOIN {schema}.loyalty_currency c ON c.id = w.currency_id
  JOIN {schema}.sales_purchase s ON s.id = t.purchase_id
 WHERE t.reason IN ('purchase', 'refund', 'bonus', 'bonus_back') ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
AWARDS = """
SELECT s.source_id, s.client_key, a.points, a.tier_id, a.tier_percent, a.carry_before, a.carry_after, a.debt_paid, a.available_after,
       a.tier_after_id
  FROM {schema}.loyalty_award a JOIN {schema}.sales_purchase s ON s.id = a.purchase_id ORDER BY 1, 2
"""


def told(question, schema):
    with connection.cursor() as cursor:
        cursor.execute(question.format(schema=schema))
        return cursor.fetchall()


def test_replaying_the_rules_that_were_live_reproduces_every_award(committed_shop):
    live_through_months(committed_shop)
    before = everything()
    with sandbox():
        found = Replay(Stretch(START, END), None, done=lambda _done, _total: None).run()
        replayed, real = told(AWARDS, "pg_temp"), told(AWARDS, "public")
        moved_again, moved = told(TRANSFERS, "pg_temp"), told(TRANSFERS, "public")
    assert len(real) > 100
    assert Award.objects.filter(entitlements__isnull=False).count() > 3
    assert replayed == real
    assert moved_again == moved
    assert {row[9] for row in moved} == {"purchase", "refund", "bonus", "bonus_back"}
    assert found.refused == {}
    assert (found.refunds, found.moves > 5, found.short) == (23, True, 0)
    assert everything() == before


def test_parts_replayed_beside_each_other_come_to_the_same_as_everybody_in_one(committed_shop):
    apart = without_shared_budget(LIVE)
    live_through_months(committed_shop, definition=apart)
    before = everything()
    alone, beside = (what_if(apart, processes=n) for n in (1, 3))
    assert (alone.error, beside.error) == ("", "")
    assert [one.result["replayed"]["processes"] for one in (alone, beside)] == [1, 3]
    assert (beside.purchases_done, beside.purchases_total) == (alone.purchases_done, alone.purchases_total)
    told = [without_time(one.result) for one in (alone, beside)]
    assert told[0] == told[1]
    assert told[0]["members"]["worse"] > 1
    assert rules.known().latest_id == RuleSet.objects.order_by("pk").last().pk  # nothing of a what-if is remembered
    assert everything() == before


def without_shared_budget(definition):
    return definition | {"rules": [rule for rule in definition["rules"] if rule["code"] != "few"]}


def without_time(result):
    replayed = {
        name: told for name, told in result["replayed"].items() if name in {"purchases", "refunds", "moves", "short"}
    }
    return result | {"replayed": replayed}


def test_members_who_are_tied_stay_in_one_part_and_a_budget_for_all_ties_everybody(committed_shop):
    shop = committed_shop
    members = [shop.member() for _ in range(5)]
    refer(members)
    limited, free = (compile_rule_set(one) for one in (LIVE, without_shared_budget(LIVE)))
    assert len(parts_of([free, limited], most=2)) == 1
    parts = parts_of([free], most=2)
    assert [members[0].pk in part.mine for part in parts] == [members[3].pk in part.mine for part in parts]
    with connection.cursor() as cursor:
        held = []
        for part in parts:
            cursor.execute(f"SELECT id FROM members_member m WHERE {part.holds('m.id')}", part.given)
            held.append({row[0] for row in cursor.fetchall()})
    assert held[0] | held[1] == {member.pk for member in members}
    assert not held[0] & held[1]
    assert any({members[0].pk, members[3].pk} <= part for part in held)


def test_a_part_that_breaks_fails_the_whole_what_if_and_says_why(committed_shop, monkeypatch):
    shop = committed_shop
    shop.buy(shop.member(), 10_000, at=START)

    def broken(*_):
        raise ValueError("no more disk")

    monkeypatch.setattr(running, "count", broken)
    done = what_if({"earn": LIVE["earn"]}, processes=2)
    assert (done.state, done.result, done.error) == ("failed", None, "PartFailed: ValueError: no more disk")


def test_nothing_but_temporary_tables_can_be_written_inside(committed_shop):
    live_through_months(committed_shop)
    with sandbox(), connection.cursor() as cursor, pytest.raises(Exception, match="read-only transaction"):
        cursor.execute("UPDATE public.loyalty_wallet SET available = 0")


FIRST_DAY, LAST_DAY = START.date(), (END - timedelta(days=1)).date()


def what_if(definition, *, since=FIRST_DAY, until=LAST_DAY, stores=(), processes=None):
    draft = operations.create_draft(name="draft", definition=definition, by_user_id=None, at=END)
    asked = operations.ask_what_if(draft=draft, since=since, until=until, store_codes=list(stores), at=END)
    return operations.run_what_if(simulation_id=asked.pk, at=END, processes=processes)


def test_a_what_if_says_what_twice_the_points_would_have_cost_and_to_whom(
    committed_shop, tmp_path, capsys, monkeypatch
):
    shop = committed_shop
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 10_000, at=START)
    shop.buy(ben, 5_000, at=START + timedelta(days=40), product="apples")
    before = everything()
    plain = {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "rules": [{"code": "fresh", "multiply_percent": 300, "when": {"categories": ["PRODUCE"]}}],
    }
    operations.set_point_value(
        currency="points", money="USD", minor_per_1000=800, effective_from=START.date(), note="", by_user_id=None, at=START
    )  # fmt: skip
    done = what_if(plain)
    assert done.error == ""
    assert everything() == before
    assert (done.state, done.purchases_done, done.percent) == ("done", 2, 100)
    assert done.result["points"]["issued"] == [150, 250]
    assert done.result["points"]["outstanding"] == [150, 250]
    assert done.result["money"] == {"cost_minor": [120, 200], "liability_minor": [120, 200]}
    assert done.result["months"] == [["2026-01", 100, 100], ["2026-02", 50, 150]]
    assert done.result["members"] == {
        "better": 1, "worse": 0, "same": 1, "best": [[ben.pk, 50, 150]], "worst": [],
    }  # fmt: skip
    monkeypatch.setattr(clock, "now", lambda: END)
    (tmp_path / "fresh.json").write_text(json.dumps(plain))
    call_command("simulate_rules", "--draft", str(tmp_path / "fresh.json"), "--from=2026-01-01", "--until=2026-08-31")
    printed, bar = capsys.readouterr()
    assert "Points issued: 150 → 250" in printed
    assert "Liability at the end, USD: 1.20 → 2.00" in printed
    assert "Members with more points: 1; with fewer: 0; the same: 1" in printed
    assert "2/2" in bar


def test_before_the_stretch_the_rules_of_then_hold(committed_shop):
    shop = committed_shop
    member = shop.member()
    shop.buy(member, 150, at=START)  # leaves half a point to be carried
    shop.buy(member, 150, at=START + timedelta(days=60))
    double = {"earn": [{"currency": "USD", "points": 2, "per_minor": 100}]}
    done = what_if(double, since=(START + timedelta(days=30)).date())
    assert done.result["points"]["issued"] == [2, 3]  # 1.5 carried over + 1.5, and 0.5 carried over + 3


def test_points_that_would_not_have_been_earned_cannot_have_been_spent(committed_shop):
    shop = committed_shop
    member = shop.member()
    shop.buy(member, 10_000, at=START)
    shop.redeem(member, 80, at=START + timedelta(days=1))
    half = {"earn": [{"currency": "USD", "points": 1, "per_minor": 200}]}
    done = what_if(half)
    assert done.result["points"]["redeemed"] == [80, 50]
    assert done.result["points"]["outstanding"] == [20, 0]
    assert done.result["replayed"]["short"] == 30
