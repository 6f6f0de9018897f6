"""Running sums: whenever they were last brought further, a report read by them says what the purchases say."""

import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import operations, outcomes
from campaigns.models import Campaign
from campaigns.tallies import keeping, reading, refreshing
from campaigns.tallies.models import Tally, TallyMark
from loyalty import operations as ledger
from loyalty.models import Account, Transfer
from loyalty.operations import points as posting
from members.models import Consent
from sales.models import Margin, Product, Purchase
from tests.campaigns.conftest import deliver
from tests.campaigns.people import AT, sell

END = AT + timedelta(days=14)


@pytest.fixture
def sent(db, town, draft):
    return launch(town, draft)


def launch(town, draft, margins=()):
    people, place, products = town(12)
    for product, percent in zip(products, margins, strict=False):
        Margin.objects.create(category=product.category, percent=percent)
    campaign = operations.launch(campaign=draft(), at=AT)
    deliver(campaign, sent_at=AT)
    operations.finish(campaign=campaign, at=AT)
    return Campaign.objects.get(pk=campaign.pk), people, place, products


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "refund", "points", "taken back", "spend", "leave", "keep", "keep", "keep"]),
        st.integers(0, 11),
        st.integers(-2, 15),
        st.integers(1, 9_000),
    ),
    min_size=6,
    max_size=40,
)


@pytest.fixture(params=[(), (-7, 45)], ids=["one margin", "margins of categories"])
def sent_anyhow(db, town, draft, request):
    return launch(town, draft, request.param)


@given(acts=ACTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_report_by_running_sums_is_the_report_by_purchases_whenever_they_were_folded(sent_anyhow, acts):
    sent = sent_anyhow
    campaign, *_ = sent
    subject = outcomes.of_campaign(campaign)
    with transaction.atomic():
        for _ in range(3):
            keep(subject)
        assert Tally.objects.filter(experiment=campaign.experiment).exists()
        for number, act in enumerate(acts):
            do(sent, number, act)
        assert reading.mark_for(subject, until=END) is not None
        by_sums = numbers(outcomes.per_arm(subject, until=END))
        keeping.drop(campaign.experiment_id)
        assert reading.mark_for(subject, until=END) is None
        by_purchases = numbers(outcomes.per_arm(subject, until=END))
        # Margins are no whole numbers, and two plans add them up in different orders.
        assert by_sums == {where: pytest.approx(held, rel=1e-12, abs=1e-9) for where, held in by_purchases.items()}
        transaction.set_rollback(True)


def numbers(read) -> dict[tuple, float]:
    """Everything of a report, each number by where it stands."""
    return {
        (arm, segment, what): held
        for arm, parts in read.items()
        for segment, part in enumerate(parts)
        for what, held in {"n": part.n, **part.sums, **part.products}.items()
    }


def keep(subject):
    """Within a test's one transaction nothing is ever over, so the wait is taken as done."""
    TallyMark.objects.filter(settles_at__isnull=False).update(settles_at=0)
    return keeping.keep(subject, end=END)


def do(sent, number, told):
    campaign, people, place, products = sent
    act, who, day, amount = told
    at, key = AT + timedelta(days=day, hours=number % 24), f"{act}-{number}"
    said = {"member_id": people[who].pk, "source": "test", "client_key": key, "at": at}
    if act == "buy":
        sell(people[who], at, amount, products[number % 2], place=place, key=key)
    elif act == "refund" and (sold := Purchase.objects.filter(member=people[who], kind=1).last()):
        Purchase.objects.create(
            source=sold.source, client_key=key, body_hash=b"x" * 16, kind=2, refunds=sold, member=sold.member, store=sold.store,
            purchased_at=at, currency="USD", total_minor=-(sold.total_minor // 2),
        )  # fmt: skip
    elif act == "points":
        posting._move(
            points=amount, account=Account.ISSUED, reason=Transfer.Reason.PURCHASE, note="", by_user_id=None, **said
        )
    elif act == "taken back":
        ledger.adjust(points=200, reason="test", by_user_id=None, **said | {"client_key": f"for {key}"})
        ledger.adjust(points=-min(200, amount), reason="test", by_user_id=None, **said)
    elif act == "spend":
        ledger.adjust(points=100, reason="test", by_user_id=None, **said | {"client_key": f"for {key}"})
        ledger.redeem(points=100, **said)
    elif act == "leave":
        Consent.objects.create(member=people[who], channel="email", is_granted=False, at=at, source="test")
    elif act == "keep":
        keep(outcomes.of_campaign(campaign))


def test_sums_that_hold_more_than_is_asked_for_are_not_used(sent):
    campaign, people, place, products = sent
    subject = outcomes.of_campaign(campaign)
    sell(people[0], AT + timedelta(days=5), 500, products[0], place=place, key="fifth day")
    for _ in range(3):
        keep(subject)
    assert reading.mark_for(subject, until=AT + timedelta(days=5)) is None
    assert reading.mark_for(subject, until=AT + timedelta(days=5, seconds=1)) is not None


def test_a_product_that_finds_its_category_later_has_the_sums_begun_anew(db, town, draft):
    sent = launch(town, draft, (60, 45))
    campaign, products = sent[0], sent[3]
    subject = outcomes.of_campaign(campaign)
    Product.objects.filter(pk=products[0].pk).update(category=None)  # a till sold it before the catalogue told of it
    do(sent, 0, ("buy", 3, 1, 5_000))
    for _ in range(3):
        keep(subject)
    assert sum(outcomes.values(subject, "net", until=END)) == 5_000
    assert reading.mark_for(subject, until=END) is not None
    Product.objects.filter(pk=products[0].pk).update(category=products[0].category)
    assert reading.mark_for(subject, until=END) is None
    assert sum(part.sums["net"] for parts in outcomes.per_arm(subject, until=END).values() for part in parts) == 3_000
    assert [keep(subject) for _ in range(3)] == ["noted", "settling", "begun"]
    assert reading.mark_for(subject, until=END) is not None
    assert sum(part.sums["net"] for parts in outcomes.per_arm(subject, until=END).values() for part in parts) == 3_000


def test_what_an_open_transaction_may_still_write_is_not_passed_over(committed_db, town, draft):
    campaign, people, place, products = launch(town, draft)
    subject = outcomes.of_campaign(campaign)
    assert keeping.keep(subject, end=END) == "noted"
    role = connection.get_connection_params()
    with psycopg.connect(
        **{name: role[name] for name in ("host", "port", "user", "password", "dbname") if role.get(name)}
    ) as till:
        till.execute("SELECT pg_current_xact_id()")
        assert keeping.keep(subject, end=END) == "settling"
        assert keeping.keep(subject, end=END) == "waiting"
        till.rollback()
    sell(people[0], AT + timedelta(days=1), 700, products[0], place=place, key="meanwhile")
    assert kept_in_the_end(subject) == "begun"
    before = sum(tally.spend_minor for tally in Tally.objects.filter(experiment=campaign.experiment))
    assert keeping.keep(subject, end=END) == "settling"
    assert kept_in_the_end(subject) == "folded"
    after = sum(tally.spend_minor for tally in Tally.objects.filter(experiment=campaign.experiment))
    assert (before, after) == (0, 700)


def kept_in_the_end(subject):
    """Transactions are one server's: those of tests beside this one are waited for too."""
    while (said := keeping.keep(subject, end=END)) == "waiting":
        time.sleep(0.05)
    return said


def test_the_beat_keeps_sums_of_large_campaigns_and_drops_them_after_the_last_reading(sent, monkeypatch):
    campaign, *_ = sent
    assert refreshing.refresh(at=AT) == {}
    monkeypatch.setattr(keeping, "MEMBERS_MIN", 10)
    assert refreshing.refresh(at=AT) == {"noted": 1}
    Campaign.objects.filter(pk=campaign.pk).update(status=Campaign.Status.MEASURED)
    assert refreshing.refresh(at=END) == {"dropped": 1}
    assert (TallyMark.objects.count(), Tally.objects.count()) == (0, 0)
