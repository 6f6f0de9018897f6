"""Who is about to leave is found with the reason, suggested what fits, within caps and budgets, and a holdout stays alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

import care.operations
from campaigns import programme_lift
from campaigns.models import EarlyWarning, Intervention, MemberDriver, RetentionRules
from campaigns.retention import finding, operations, queries
from care.models import Task
from experiments import operations as experiments
from experiments.models import Assignment
from loyalty.models import Entitlement
from loyalty.operations import PurchaseIn, record_purchases, refund
from members import operations as members
from members.models import MemberTag
from sales.lines import Line
from sales.models import Purchase, Source, Store
from sales.operations import ensure_products, ensure_stores
from tests.campaigns.conftest import sale

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
RULES = RetentionRules(pk=1)


@pytest.fixture(autouse=True)
def shelf():
    ensure_stores([("292", "Store 292")])
    ensure_products(
        [
            ("milk", "Milk", "GROCERY > MILK > WHOLE MILK", "Meadow", False, ""),
            ("beans", "Beans", "GROCERY > COFFEE > GROUND COFFEE", "Harbour", False, ""),
            ("repair", "Repair", "SERVICE > REPAIR > SHOES", "", True, ""),
        ]
    )


def somebody(number: int):
    return members.enrol(at=AT - timedelta(days=400), source="test", email=f"r{number}@example.com")


def bought(member, days_ago, *, code="milk", minor=500):
    return [
        PurchaseIn(
            source="test", client_key=f"{member.pk}-{code}-{day}", member_id=member.pk, store_code="292",
            purchased_at=AT - timedelta(days=day), currency="USD", lines=[Line(code, Decimal(1), minor)],
        )
        for day in days_ago
    ]  # fmt: skip


WEEKLY = range(3, 224, 7)
STOPPED = range(66, 224, 7)


def decliners(many: int, first: int = 0):
    people = [somebody(number) for number in range(first, first + many)]
    record_purchases([one for member in people for one in bought(member, STOPPED)])
    return people


def intervention(**said) -> Intervention:
    return Intervention.objects.create(
        **{
            "name": "Win them back",
            "driver": "brand",
            "action": "offer",
            "budget_minor": 100_000,
            "holdout_percent": 10,
        }
        | said
    )


def test_planted_decliners_and_returners_are_found_with_their_reason_and_nobody_else():
    steady, gone, returner, rare = (somebody(number) for number in range(4))
    record_purchases(
        [*bought(steady, WEEKLY), *bought(gone, STOPPED), *bought(returner, WEEKLY), *bought(rare, (70, 130, 190))]
    )
    for receipt in Purchase.objects.filter(member=returner, purchased_at__gt=AT - timedelta(days=28)).order_by("pk"):
        refund(
            source="test", client_key=f"back-{receipt.pk}", purchase_id=receipt.pk, lines=[(1, 1, 500)],
            refunded_at=receipt.purchased_at + timedelta(days=1),
        )  # fmt: skip
    found = {one.member_id: [reason["code"] for reason in one.reasons] for one in finding.at_risk(rules=RULES, at=AT)}
    assert found == {gone.pk: ["fewer"], returner.pk: ["returns"]}
    operations.watch(at=AT)
    assert "7.7 was usual" in queries.of_member(gone.pk).words
    assert "Returned something 4 times in the last 56 days" in queries.of_member(returner.pk).words


def test_they_are_found_before_the_day_on_which_they_would_have_lapsed():
    """A weekly shopper who stops is warned of while the life-cycle still calls them at risk, not lapsed (eight of their gaps)."""
    gone = somebody(1)
    record_purchases(bought(gone, STOPPED))
    last = AT - timedelta(days=66)
    days = [
        day
        for day in range(81)
        if any(one.member_id == gone.pk for one in finding.at_risk(rules=RULES, at=last + timedelta(days=day)))
    ]
    assert days
    assert days[0] < 8 * 10


def test_who_spends_much_and_sounds_displeased_is_on_the_list_with_what_they_feel():
    rich, poor, calm = (somebody(number) for number in range(3))
    record_purchases(
        [*bought(rich, WEEKLY, minor=9000), *bought(poor, WEEKLY, minor=100), *bought(calm, WEEKLY, minor=150)]
    )
    for member, feeling in ((rich, -80), (poor, -80), (calm, 60)):
        care.operations.open_case(
            topic="complaint", text="…", channel="form", at=AT - timedelta(days=5), source="t", client_key=str(member.pk),
            member_id=member.pk, feeling=feeling,
        )  # fmt: skip
    operations.watch(at=AT)
    (row,) = queries.rows(queries.standing())
    assert (row.warning.member_id, row.feeling, row.warning.spend_minor) == (rich.pk, -80, 9000 * len(WEEKLY))


def test_drivers_follow_rules_that_can_be_seen_and_changed():
    price, service, brand, mixed = (somebody(number) for number in range(4))
    record_purchases(
        [
            *(
                one
                for member in (price, service)
                for code in ("milk", "beans")
                for one in bought(member, range(10, 220, 20), code=code)
            ),
            *bought(brand, range(10, 220, 10), code="beans"),
            *(one for code in ("milk", "beans") for one in bought(mixed, range(10, 220, 20), code=code)),
        ]
    )
    RetentionRules.objects.create(pk=1, brand_percent=60)
    for number in range(3):
        members.note_touchpoint(
            kind="call", at=AT - timedelta(days=number), source="t", client_key=str(number), member_id=service.pk
        )
    with_benefit(price)
    operations.watch(at=AT)
    drivers = dict(MemberDriver.objects.values_list("member", "driver"))
    assert drivers == {price.pk: "price", service.pk: "service", brand.pk: "brand", mixed.pk: "none"}
    assert finding.drivers_by(RetentionRules.current()) == {"price": 1, "service": 1, "brand": 1, "none": 1}
    assert finding.drivers_by(RetentionRules(pk=1, brand_percent=50))["brand"] == 2
    MemberDriver.objects.update(since=AT - timedelta(days=9))
    operations.watch(at=AT)
    assert set(MemberDriver.objects.values_list("since", flat=True)) == {AT - timedelta(days=9)}


def with_benefit(member):
    from loyalty.spending.models import Tender

    receipts = Purchase.objects.filter(member=member).order_by("pk")
    Tender.objects.bulk_create(
        Tender(
            purchase=receipt,
            seq=1,
            kind="benefit",
            client_key=f"t{receipt.pk}",
            said_hash=b"0" * 16,
            minor=50,
            line_minor=[50],
        )
        for receipt in receipts[: receipts.count() * 2 // 3]
    )


def test_a_holdout_is_left_alone_by_chance_and_stays_comparable():
    decliners(40)
    intervention(holdout_percent=50, is_by_itself=True)
    told = operations.watch(at=AT)
    assert told["suggested"] + told["held_out"] == 40
    alone = set(EarlyWarning.objects.filter(state="held_out").values_list("member", flat=True))
    given = set(Entitlement.objects.values_list("member", flat=True))
    assert len(given) == told["suggested"] > 5
    assert len(alone) == told["held_out"] > 5
    assert not alone & given
    arms = dict(Assignment.objects.values_list("member", "arm__is_holdout"))
    assert alone == {who for who, is_holdout in arms.items() if is_holdout}
    assert operations.watch(at=AT + timedelta(hours=6)) == {
        "drivers": 0,
        "noted": 0,
        "ended": 0,
        "suggested": 0,
        "held_out": 0,
    }
    assert Entitlement.objects.count() == len(given)


def test_what_cannot_be_done_by_itself_stays_suggested_and_stops_nothing_else():
    decliners(6)
    intervention(action="call", holdout_percent=5, is_by_itself=True)
    members.switch_modules(off=["tasks"], by_user=None, at=AT)
    told = operations.watch(at=AT)
    assert told["suggested"] == EarlyWarning.objects.filter(state="suggested").count() > 0
    assert not Task.objects.exists()


def test_suggesting_to_three_costs_as_many_queries_as_to_one():
    """Chance is asked of all at once; where nothing is reserved, no budget ever ends the round."""
    one = intervention(action="access", cost_minor=0, holdout_percent=5)
    told, asked = [], []
    for first, many in ((0, 1), (1, 1), (2, 3)):  # the first round makes the experiment
        decliners(many, first)
        finding.keep_drivers(rules=RULES, at=AT)
        operations.warn(rules=RULES, at=AT)
        with CaptureQueriesContext(connection) as queries_made:
            told.append(sum(operations.suggest(at=AT).values()))
        asked.append(len(queries_made))
    assert told == [1, 1, 3]
    assert asked[1] == asked[2]
    drawn = dict(EarlyWarning.objects.values_list("member", "state"))
    arms = dict(Assignment.objects.values_list("member", "arm__is_holdout"))
    assert {who for who, state in drawn.items() if state == "held_out"} == {who for who, held in arms.items() if held}
    assert one.warnings.count() == 5


def test_who_was_drawn_before_stays_where_they_are_whatever_the_bucket_says():
    people = decliners(4)
    one = intervention(action="access", holdout_percent=50)
    alone = operations._experiment(one, AT).arms.get(is_holdout=True)
    Assignment.objects.bulk_create(
        Assignment(experiment=one.experiment, member=member, arm=alone, bucket=0, propensity=0.5, assigned_at=AT)
        for member in people
    )
    assert operations.watch(at=AT)["held_out"] == 4


def test_its_lift_is_read_as_any_campaigns():
    people = decliners(40)
    one = intervention(holdout_percent=50, is_by_itself=True)
    assert queries.lift(one, at=AT) is None
    operations.watch(at=AT)
    programme_lift.keep(at=AT)
    given = set(Entitlement.objects.values_list("member", flat=True))
    spends = {member: 1000 + 40 * place + 4000 * (member.pk in given) for place, member in enumerate(people)}
    record_purchases([sale for member, minor in spends.items() for sale in bought(member, [-3], minor=minor)])
    one.refresh_from_db()
    read = queries.lift(one, at=AT + timedelta(days=20)).figures
    assert {arm["name"]: arm["n"] for arm in read["arms"]} == {"Left alone": 40 - len(given), "Approached": len(given)}
    spend = next(c for c in read["comparisons"] if c["metric"] == read["primary"])
    assert spend["low"] < 4000 < spend["high"]
    assert spend["low"] > 0


def test_no_budget_is_passed_and_chance_is_asked_only_while_there_is_money():
    decliners(12)
    one = intervention(most_off_minor=1000, budget_minor=4000, holdout_percent=5, is_by_itself=True)
    operations.watch(at=AT)
    one.refresh_from_db()
    assert EarlyWarning.objects.filter(state="given").count() == 4
    assert operations.left_minor(one) == 0
    assert set(EarlyWarning.objects.filter(state="noted").values_list("why_not", flat=True)) == {"budget"}
    assert Assignment.objects.count() == EarlyWarning.objects.exclude(state="noted").count()
    assert Entitlement.objects.filter(budget=one.cause, budget_minor=4000, max_minor=1000).count() == 4


def test_a_member_gets_one_in_so_many_days_and_the_control_group_none():
    first, second = decliners(2)
    intervention(holdout_percent=5, rest_days=90)
    experiments.open_control(percent=20, starts_at=AT - timedelta(days=1))
    experiments.keep_control(at=AT)
    held = set(Assignment.objects.filter(arm__is_holdout=True).values_list("member", flat=True))
    operations.watch(at=AT)
    reasons = dict(EarlyWarning.objects.values_list("member", "why_not"))
    assert {who for who, why in reasons.items() if why == "control"} == held & {first.pk, second.pk}
    EarlyWarning.objects.filter(state__in=["suggested", "held_out"]).update(ended_at=AT)
    again = operations.watch(at=AT + timedelta(days=1))
    assert (again["suggested"], again["held_out"]) == (0, 0)
    assert set(
        EarlyWarning.objects.filter(ended_at=None).exclude(why_not="control").values_list("why_not", flat=True)
    ) <= {"resting"}


@pytest.mark.parametrize(("driver", "action"), [("service", "call"), ("brand", "access"), ("price", "offer")])
def test_each_driver_has_its_own_action(driver, action):
    (member,) = decliners(1)
    one = intervention(name=driver, driver=driver, action=action)
    EarlyWarning.objects.create(
        member=member, reasons=[{"code": "fewer", "recent": 0, "usual": 7.7, "days": 56}], driver=driver, noticed_at=AT,
        state="suggested", intervention=one, decided_at=AT,
    )  # fmt: skip
    warning = EarlyWarning.objects.get()
    for _twice in range(2):
        operations.act(warning=warning, by_user=None, at=AT)
    assert Task.objects.filter(member=member).count() == (driver == "service")
    assert MemberTag.objects.filter(member=member, tag__code="early_access").count() == (driver == "brand")
    assert Entitlement.objects.filter(member=member).count() == (driver == "price")


def test_who_stays_for_service_can_be_given_no_discount():
    with pytest.raises(IntegrityError, match="who_stays_for_service_is_given_no_discount"), transaction.atomic():
        intervention(driver="service", action="offer")


def test_a_warning_ends_when_they_buy_as_before_and_a_dismissed_one_frees_its_money():
    (member,) = decliners(1)
    one = intervention(holdout_percent=5)
    operations.watch(at=AT)
    warning = EarlyWarning.objects.get()
    if warning.state == "suggested":
        operations.dismiss(warning=warning, by_user=None, at=AT)
        assert operations.left_minor(one) == one.budget_minor
    with pytest.raises(operations.CannotAct):
        operations.act(warning=warning, by_user=None, at=AT)
    record_purchases(bought(member, [-day for day in range(1, 50, 5)]))
    assert operations.watch(at=AT + timedelta(days=51))["ended"] == 1
    assert not queries.standing().exists()


def test_the_list_costs_as_many_queries_for_thirty_as_for_one(django_assert_max_num_queries):
    decliners(5)
    operations.watch(at=AT)
    with django_assert_max_num_queries(3):
        assert len(queries.rows(queries.standing())) == 5


def test_warnings_are_truer_than_a_rule_of_days():
    """Of people of every habit: who buys less or returns much, found by the rules, against “nothing bought for two weeks”."""
    people = [somebody(number) for number in range(60)]
    steady, monthly, stopped, returning, away = (people[n : n + 12] for n in range(0, 60, 12))
    place = (Source.objects.create(code="habits"), Store.objects.get(code="292"))
    days = dict.fromkeys(map(id, steady), range(1, 224, 7)) | dict.fromkeys(map(id, monthly), range(20, 224, 28))
    days |= dict.fromkeys(map(id, stopped), range(40, 224, 7)) | dict.fromkeys(map(id, returning), range(2, 224, 7))
    days |= dict.fromkeys(map(id, away), range(22, 224, 7))  # three weeks on a journey
    bought_ = Purchase.objects.bulk_create(
        sale(one, AT - timedelta(days=day), 500, place, f"h{one.pk}-{day}") for one in people for day in days[id(one)]
    )
    theirs = {one.pk for one in returning}
    back = [one for one in bought_ if one.member_id in theirs and one.purchased_at > AT - timedelta(days=30)]
    Purchase.objects.bulk_create(
        Purchase(
            source=place[0], client_key=f"back-{one.pk}", body_hash=b"x" * 16, member_id=one.member_id, store=place[1], currency="USD",
            purchased_at=one.purchased_at + timedelta(days=1), total_minor=-500, kind=Purchase.Kind.REFUND, refunds=one,
        )
        for one in back
    )  # fmt: skip
    leaving = {one.pk for one in (*stopped, *returning)}
    found = {one.member_id for one in finding.at_risk(rules=RULES, at=AT)}
    silent = {one.pk for one in people if min(days[id(one)]) > 14}
    assert precision_and_recall(found, leaving) == (1, 1)
    assert precision_and_recall(silent, leaving) == (1 / 3, 1 / 2)


def precision_and_recall(found: set, true: set) -> tuple[float, float]:
    return len(found & true) / len(found), len(found & true) / len(true)
