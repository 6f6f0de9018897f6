"""Dashboard = interface = export = ledger, to the cent: one walk over every figure that speaks of points or money.

The figures are found by the house's own list, and every one of them must have something to show here: a new figure of points or money
fails this test until somebody says what it equals in the ledger, in the purchases or in the frozen reading it is drawn from.
"""

import csv
import html
import io
import re
from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

import care.operations
from api.models import ApiClient
from campaigns import programme_lift, verdicts
from care.models import Survey
from experiments import operations as experiments
from insights.models import Score, ScoreRun
from loyalty import operations as loyalty
from loyalty.models import Currency, PointValue, Transfer, Wallet
from members import clock, operations
from members.models import Member, User
from recommender.models import RankerVersion
from recommender.operations import learn, propose_policy
from reports.panels import PANELS, read
from reports.panels.shop import DAYS
from sales.models import Purchase, PurchaseLine
from tests.journeys.conftest import STEPS, live, put_in
from tests.loyalty.conftest import MARCH, open_shop
from tests.reports.test_machines import _client
from tests.reports.test_pages import signed_in, text_of

NOW = MARCH + timedelta(days=40)
ZONE = ZoneInfo("America/New_York")
SPOKEN = ("money", "points")


@pytest.fixture
def house(db, monkeypatch):
    """A shop of thirty members in which every figure has something to show."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    shop = open_shop()
    people = [shop.member() for _ in range(30)]
    Member.objects.update(joined_at=MARCH - timedelta(days=300))
    _trade(shop, people)
    _serve(people)
    _score(people)
    PointValue.objects.create(
        currency=Currency.objects.get(code="points"),
        money="USD",
        minor_per_1000=900,
        effective_from=MARCH.date() - timedelta(days=400),
        created_at=MARCH,
    )
    put_in(live(STEPS["wait"], STEPS["tag"], at=NOW), people[:12], at=NOW)
    made = experiments.open_control(percent=20, starts_at=MARCH - timedelta(days=1))
    made.experiment.__class__.objects.filter(pk=made.experiment.pk).update(salt="always the same")
    experiments.keep_control(at=MARCH - timedelta(days=1))
    programme_lift.keep(at=NOW)
    return people


def _trade(shop, people):
    """Purchases over five months, points spent and given by hand, a refund, and one who climbs a tier."""
    staff = operations.add_staff(email="sam@example.com", roles=["service"])
    for n, member in enumerate(people):
        for months in (0, 1, 4):
            bought = shop.buy(
                member,
                1_999 + 731 * n,
                at=MARCH - timedelta(days=30 * months, hours=n),
                product=["milk", "apples"][n % 2],
            )
    shop.refund(bought, (1, 500), at=MARCH + timedelta(days=2))
    shop.redeem(people[9], 17, at=MARCH + timedelta(days=3))
    shop.buy(people[3], 120_000, at=MARCH + timedelta(days=4))
    shop.adjust(people[0], 25, at=MARCH + timedelta(days=5))
    loyalty.adjust(
        member_id=people[1].pk, points=40, reason="Late delivery", source="desk", client_key="by-hand", by_user_id=staff.pk,
        at=MARCH + timedelta(days=6),
    )  # fmt: skip
    operations.note_access(user=staff, member_id=people[0].pk, act="awarded", door="pos", at=NOW - timedelta(days=1))


def _serve(people):
    opened = care.operations.open_case(
        topic="", text="Where are my points?", channel="portal", at=NOW - timedelta(days=3), source="test", client_key="1",
        member_id=people[0].pk, store_code="S1",
    )  # fmt: skip
    care.operations.reply(case=opened.case, text="Here.", by_user=None, at=NOW - timedelta(days=2))
    survey = Survey.objects.create(name="Visit", kind="nps", question_en="Would you?")
    care.operations.invite(
        survey=survey, members=Member.objects.filter(pk=people[0].pk), cause="test", at=NOW - timedelta(days=1)
    )
    care.operations.answer(token=survey.invitations.get().token, score=9, at=NOW - timedelta(hours=3))


def _score(people):
    for kind, value in (("rfm", 345), ("value", 12_345), ("churn", 0.25)):
        run = ScoreRun.objects.create(
            kind=kind, model="test", status="live", at=NOW, currency="USD", metrics={"auc": 0.7}
        )
        Score.objects.bulk_create(
            Score(run=run, member=one, value=value if kind == "rfm" else value * (1 + n))
            for n, one in enumerate(people)
        )
    RankerVersion.objects.create(
        slot="buy_again", ranker="test", status="live", trained_from=MARCH, trained_until=NOW, evaluated_until=NOW, seed=1,
        metrics={"ndcg": 0.2},
    )  # fmt: skip
    learn(cause="campaign:1", outcomes=[], at=NOW)
    propose_policy(kind="thompson", at=NOW)


# -- what each of them is, from the rows themselves -------------------------------------------------------------------


def _local(moment):
    return moment.astimezone(ZONE).date()


def _purchases(days: int):
    return [one for one in Purchase.objects.select_related("store") if NOW - timedelta(days=days) < one.purchased_at <= NOW]  # fmt: skip


def _by(rows, of, value) -> dict:
    held = defaultdict(int)
    for one in rows:
        held[of(one)] += value(one)
    return held


def _moved(table, *ways: tuple[set, set, int]) -> list[int]:
    """Points of each month that went from one set of accounts to another, times a sign; an empty set is any account."""
    held = defaultdict(int)
    for one in Transfer.objects.filter(wallet__currency__code="points"):
        for debit, credit, sign in ways:
            if (not debit or one.debit_account in debit) and (not credit or one.credit_account in credit):
                held[_local(one.occurred_at).replace(day=1)] += sign * one.points
                break
    return [held[month] for month in table.values("month")]


def _closing(table) -> list[int]:
    """The last month closes at what the wallets hold, which the till reads; each other where the next one opens."""
    held = sum(sum(row) for row in Wallet.objects.values_list("available", "pending", "held"))
    return [*table.values("opening")[1:], held]


def _opening(table) -> list[int]:
    return [0, *table.values("closing")[:-1]]


def _weeks(table) -> list[int]:
    held = _by(
        _purchases(364),
        lambda one: _local(one.purchased_at) - timedelta(days=_local(one.purchased_at).weekday()),
        lambda one: one.total_minor,
    )
    return [held[week] for week in table.values("week")]


def _stores(table) -> list[int]:
    held = _by(_purchases(DAYS), lambda one: one.store.code, lambda one: one.total_minor)
    return [held[code] for code in table.values("code")]


def _mean_sale(table) -> list[int]:
    held = defaultdict(list)
    for one in _purchases(DAYS):
        if one.kind == Purchase.Kind.SALE:
            held[one.store.code].append(one.total_minor)
    return [int(sum(held[code]) / len(held[code]) + 0.5) for code in table.values("code")]


def _types(table) -> list[int]:
    known = {one.pk for one in _purchases(DAYS)}
    lines = [one for one in PurchaseLine.objects.select_related("product__category") if one.purchase_id in known]
    held = _by(lines, lambda one: one.product.category.name, lambda one: one.total_minor)
    return [held[name] for name in table.values("type")]


def _trending(oldest: int, newest: int):
    """Sales a week of a category, store or brand between so many days ago, of members who had joined before both windows."""

    def found(table) -> list[int]:
        held = defaultdict(int)
        begin = NOW - timedelta(days=112)
        lines = PurchaseLine.objects.select_related("product__category__parent", "purchase__store", "purchase__member")
        for one in lines.filter(purchase__kind=Purchase.Kind.SALE, purchase__member__joined_at__lte=begin):
            if NOW - timedelta(days=oldest) < one.purchase.purchased_at <= NOW - timedelta(days=newest):
                shelf = one.product.category
                shelf = shelf.parent if shelf.level == 3 else shelf
                for named in (
                    ("Category", shelf.name),
                    ("Store", one.purchase.store.name),
                    ("Brand", one.product.brand),
                ):
                    held[named] += one.total_minor
        return [round(held[named] / 8) for named in zip(table.values("kind"), table.values("name"), strict=True)]

    return found


def _by_hand(table) -> list[int]:
    given = Transfer.objects.filter(by_user__isnull=False, reason__in=["goodwill", "correction"]).select_related(
        "by_user"
    )
    held = _by(given, lambda one: one.by_user.email, lambda one: one.points)
    return [held[person] for person in table.values("person")]


def _tenths(figure):
    """Thirty members' scores, three to a tenth."""

    def found(_table) -> list[int]:
        values = sorted(Score.objects.filter(run__kind="value").values_list("value", flat=True))
        return [round(figure(values[n : n + 3])) for n in range(0, 30, 3)]

    return found


def _frozen(of):
    def found(_table) -> list[int]:
        firsts = [verdicts.primary_of(one.figures) for one in programme_lift.days(limit=9)]
        return [round(of(first)) for first in firsts]

    return found


TRUTH = {
    ("earn_and_burn", "opening"): _opening,
    ("earn_and_burn", "issued"): lambda table: _moved(table, ({1, 6, 7, 8}, set(), 1)),
    ("earn_and_burn", "redeemed"): lambda table: _moved(table, (set(), {2, 8}, 1), ({2}, set(), -1)),
    ("earn_and_burn", "expired"): lambda table: _moved(table, (set(), {3}, 1), ({3}, set(), -1)),
    ("earn_and_burn", "cancelled"): lambda table: _moved(table, (set(), {1, 4, 6, 7}, 1), ({4}, set(), -1)),
    ("earn_and_burn", "owed_more"): lambda table: _moved(table, ({13}, set(), 1), (set(), {13}, -1)),
    ("earn_and_burn", "closing"): _closing,
    ("weeks", "sales"): _weeks,
    ("stores", "sales"): _stores,
    ("stores", "mean"): _mean_sale,
    ("products", "sales"): _types,
    ("sales_trends", "before"): _trending(112, 56),
    ("sales_trends", "now"): _trending(56, 0),
    ("staff", "points"): _by_hand,
    ("value", "low"): _tenths(min),
    ("value", "mean"): _tenths(lambda values: sum(values) / len(values)),
    ("value", "high"): _tenths(max),
    ("programme_lift", "difference"): _frozen(lambda first: first["absolute"]),
    ("programme_lift", "low"): _frozen(lambda first: first["live"]["low"]),
    ("programme_lift", "high"): _frozen(lambda first: first["live"]["high"]),
}


# -- what each door says of it -----------------------------------------------------------------------------------------


def _number(words: str) -> int:
    """A figure of a page in minor units or points: 1234 of “$12.34”, -5 of “−5”."""
    digits = int(re.sub(r"\D", "", words))
    return -digits if words.lstrip("$").startswith(("-", "−")) else digits


def _on_the_page(page: str, place: int) -> list[int]:
    """The column of the page's table, row by row, without its total."""
    body = page.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in body.split("<tr>")[1:]]
    return [_number(html.unescape(row[place])) for row in rows]


def test_every_figure_of_points_or_money_is_the_same_on_page_interface_and_exports_and_in_the_ledger(house):
    machine, analyst = _client("reports", ApiClient.Scope.REPORTS), signed_in("analyst")
    marketer = signed_in("marketer")
    assert User.objects.filter(email="marketer@example.com").exists()
    tables = {code: read(panel, at=NOW) for code, panel in PANELS.items()}
    assert [code for code, table in tables.items() if table is None] == [], "every figure has something to show here"
    spoken = {(code, c.code) for code, table in tables.items() for c in table.columns if c.unit in SPOKEN}
    assert spoken == set(TRUTH), "each figure of points or money says what it equals"
    for code, column in sorted(spoken):
        place, expected = tables[code].place(column), TRUTH[code, column](tables[code])
        told = machine.get(f"figures/{code}").json()
        rows = list(csv.reader(io.StringIO(analyst.get(f"/reports/figures/{code}.csv").content.decode("utf-8-sig"))))
        parquet = pq.read_table(io.BytesIO(analyst.get(f"/reports/figures/{code}.parquet").content))
        page = text_of(marketer.get(f"/reports/figures/{code}/"))
        named = f"{code} {column}"
        assert _on_the_page(page, place) == expected, named
        shown = [None if n in told["hidden_rows"] else value for n, value in enumerate(expected)]
        assert [row[place] for row in told["rows"]] == shown, named
        assert [int(row[place]) if row[place] else None for row in rows[1 : 1 + len(expected)]] == shown, named
        assert parquet.column(column).to_pylist() == shown, named
        total = told["total"] and told["total"][place]
        assert total is None or total == sum(expected), named


def test_first_page_and_liability_say_what_the_wallets_hold(house):
    client = signed_in("marketer")
    held = sum(sum(row) for row in Wallet.objects.values_list("available", "pending", "held"))
    owed = text_of(client.get("/reports/liability/"))
    assert f"Cohorts add up to {held:,} points, the ledger holds {held:,}." in owed
    assert f"{held:,}" in text_of(client.get("/reports/"))
    rows = list(csv.reader(io.StringIO(client.get("/reports/liability.csv").content.decode("utf-8-sig"))))
    assert int(next(row for row in rows if row[1] == "TOTAL")[6]) == held
    months = list(csv.reader(io.StringIO(client.get("/reports/movements.csv").content.decode("utf-8-sig"))))
    assert int(next(row for row in months if row[1] == "TOTAL")[-1]) == held
