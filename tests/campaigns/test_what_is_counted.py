"""Each outcome of a report is what a loop over the members counts, in each arm; and its money is that of the outcomes."""

from datetime import timedelta

import pytest

from campaigns import figures, goals, operations, outcomes, responses
from campaigns.figures import pairs
from campaigns.metrics import BY_NAME
from delivery.models import Message
from delivery.operations import record_event
from experiments.models import Assignment
from insights import lift
from loyalty import operations as loyalty
from loyalty.models import Account, Currency, PointValue, Transfer
from loyalty.operations import points as posting
from members.operations import give_consent
from recommender.models import Decision
from sales.models import Margin, Purchase, PurchaseLine
from tests.campaigns.conftest import deliver
from tests.campaigns.people import AT, sell

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
END = AT + 14 * DAY
MARGIN, DAIRY_MARGIN, POINT_PER_1000, MAIL_PER_1000 = 30, 12, 800, 500


@pytest.fixture
def told(town, draft, settings):
    """A campaign with offers whose members did something of everything; the report, and what each member did, counted here."""
    settings.MARGIN_PERCENT, settings.SEND_COST_PER_1000 = MARGIN, {"email": MAIL_PER_1000}
    people, place, products = town(48)
    Margin.objects.create(
        category=products[0].category.parent, percent=DAIRY_MARGIN
    )  # milk is dairy, tea has no margin of its own
    PointValue.objects.create(
        currency=Currency.objects.get(code="points"),
        money="USD",
        minor_per_1000=POINT_PER_1000,
        effective_from=AT.date() - DAY,
        created_at=AT,
    )
    campaign = operations.launch(campaign=draft(offers_buy_again=1), at=AT)
    deliver(campaign, sent_at=AT)
    did = {one.pk: dict.fromkeys([*BY_NAME, "spend"], 0) for one in people}
    for i, one in enumerate(people):
        decide(campaign, one, products[0])
        mine = did[one.pk]
        for n in range(i % 4):  # two on the first day, then a day each
            sell(
                one,
                AT + timedelta(hours=2) + max(0, n - 1) * DAY,
                900 + 70 * i,
                products[n % 2],
                place=place,
                key=f"in-{i}-{n}",
            )
            mine["spend"] += 900 + 70 * i
            mine["margin"] += (900 + 70 * i) * (DAIRY_MARGIN, MARGIN)[n % 2] / 100
            mine["orders"] += 1
        mine["visits"] = max(0, i % 4 - 1) or int(i % 4 > 0)
        mine["buyers"] = mine["redeemers"] = int(i % 4 > 0)
        mine["units"] = (i % 4 + 1) // 2
        if i % 4 == 3:
            give_back(one, f"in-{i}-2", place)
            mine["spend"] -= 900 + 70 * i
            mine["margin"] -= (900 + 70 * i) * DAIRY_MARGIN / 100
        said = {"member_id": one.pk, "source": "test", "at": AT + DAY}
        if i % 3 == 0:
            issue(points=100 + i, client_key=f"given-{i}", **said)
            mine["points_earned"] = 100 + i
        if i % 6 == 0:
            loyalty.redeem(points=40, client_key=f"spent-{i}", **said)
            mine["points_spent"] = 40
        if i % 10 == 1:
            give_consent(member=one, channel="email", is_granted=False, at=AT + DAY, source="test")
            mine["withdrew"] = 1
        mine["net"] = mine["margin"] - mine["points_earned"] * POINT_PER_1000 / 1000
    for message in Message.objects.filter(cause=campaign.cause).order_by("pk")[::9]:
        record_event(message_id=message.pk, kind="complained", at=AT + DAY)
        did[message.member_id]["complained"] = 1
    return campaign, operations.measure(campaign=campaign, at=END).figures, did


def issue(*, at, **said):
    """Points as a rule gives them; what staff give out of goodwill is no outcome."""
    posting._move(account=Account.ISSUED, reason=Transfer.Reason.PURCHASE, note="", by_user_id=None, at=at, **said)
    goodwill = said | {"client_key": f"goodwill {said['client_key']}", "points": 5}
    loyalty.adjust(reason="test", by_user_id=None, at=at, **goodwill)


def decide(campaign, member, product):
    Decision.objects.create(
        cause=campaign.cause, member=member, slot="buy_again", position=1, category=product.category, benefit="none", amount=0,
        propensity=1.0, policy="test", reason_code="popular", decided_at=AT,
    )  # fmt: skip


def give_back(member, key, place):
    sold = Purchase.objects.get(client_key=key)
    back = Purchase.objects.create(
        source=place[0], client_key=f"back-{key}", body_hash=b"x" * 16, kind=2, refunds=sold, member=member, store=place[1],
        purchased_at=sold.purchased_at + timedelta(hours=1), currency="USD", total_minor=-sold.total_minor,
    )  # fmt: skip
    line = sold.lines.get()
    PurchaseLine.objects.create(
        purchase=back, line_no=1, product=line.product, quantity=-1, total_minor=-line.total_minor, refunds_line_no=1
    )


def by_arm(campaign, did) -> dict[str, list[dict]]:
    held = {}
    for row in Assignment.objects.filter(experiment=campaign.experiment).select_related("arm"):
        held.setdefault(row.arm.name, []).append(did[row.member_id])
    return held


def test_every_outcome_of_every_arm_is_what_a_loop_over_its_members_counts(told):
    campaign, report, did = told
    assert len(report["arms"]) == 3
    members = by_arm(campaign, did)
    for arm in report["arms"]:
        mine = members[arm["name"]]
        assert arm["n"] == len(mine)
        for metric, measure in BY_NAME.items():
            summed = sum(one[measure.metric.numerator] for one in mine)
            below = sum(one[measure.metric.denominator] for one in mine) if measure.metric.denominator else len(mine)
            assert arm[metric]["sum"] == pytest.approx(summed), (arm["name"], metric)
            assert arm[metric]["mean"] == pytest.approx(summed / below), (arm["name"], metric)
    for metric in BY_NAME:
        assert any(arm[metric]["sum"] for arm in report["arms"]), f"somebody did something of {metric}"
    guards = {one["metric"] for one in report["comparisons"] if one["role"] == "guardrail"}
    assert guards == {"withdrew", "complained"}


def test_a_margin_changed_after_planning_changes_no_report(told):
    campaign, report, _did = told
    Margin.objects.update(percent=90)
    again = figures.read(outcomes.of_campaign(campaign), until=END, is_final=True, planned_end=END)
    assert [arm["margin"] for arm in again["arms"]] == [arm["margin"] for arm in report["arms"]]
    assert again["plan"]["margins"] == report["plan"]["margins"] == 2  # dairy, and milk below it


def test_what_a_member_beyond_the_cap_keeps_is_cut_as_their_spend_is(told):
    campaign, _report, did = told
    subject = outcomes.of_campaign(campaign)
    subject.plan.spend_cap_minor = 3_000  # as if it had been planned so
    read = figures.read(subject, until=END, is_final=True, planned_end=END)
    assert any(one["spend"] > 3_000 for one in did.values())
    for arm in read["arms"]:
        mine = by_arm(campaign, did)[arm["name"]]
        kept = sum(one["margin"] * min(1, 3_000 / one["spend"]) if one["spend"] else 0 for one in mine)
        assert arm["margin"]["sum"] == pytest.approx(kept)


def test_what_is_left_is_revenue_at_its_margin_less_points_and_less_sending_with_the_differences_own_interval(told):
    campaign, report, did = told
    members = by_arm(campaign, did)
    held, sent = members["Holdout"], [*members["A"], *members["B"]]
    first = {
        metric: next(one for one in report["comparisons"] if one["metric"] == metric)
        for metric in ("spend", "net", "points_earned")
    }

    def per_member(people, what):
        return sum(one[what] for one in people) / len(people)

    for metric in ("spend", "net"):
        assert first[metric]["plain"]["absolute"] == pytest.approx(per_member(sent, metric) - per_member(held, metric))
    worth, letters = report["worth"], Message.objects.filter(cause=campaign.cause, state="sent").count()
    assert (worth["messages"], worth["send_cost"]) == (letters, pytest.approx(letters * MAIL_PER_1000 / 1000))
    points = (per_member(sent, "points_earned") - per_member(held, "points_earned")) * len(sent)
    assert worth["reward_cost"] == pytest.approx(points * POINT_PER_1000 / 1000)
    for part, metric, cost in (("revenue", "spend", 0), ("net", "net", worth["send_cost"])):
        ends = [worth[part][end] for end in ("total", "low", "high")]
        assert ends == pytest.approx([first[metric][end] * len(sent) - cost for end in ("absolute", "low", "high")])
    buyers = next(one for one in report["comparisons"] if one["metric"] == "buyers")
    assert report["number_needed"]["number"] == pytest.approx(1 / abs(buyers["absolute"]))


def test_every_comparison_is_corrected_for_all_of_them_and_the_search_of_segments_for_the_whole_search(told):
    campaign, report, _did = told
    made = [one for one in report["comparisons"] if not one.get("cannot")]
    assert [one["p_adjusted"] for one in made] == pytest.approx(lift.holm([one["p_value"] for one in made]))
    assert {(one["metric"], tuple(one["treated"])) for one in made} >= {
        ("spend", ("A", "B")),
        ("orders", ("A",)),
        ("buyers", ("B",)),
    }
    searched = report["segments"]
    against_held = [pair for pair in pairs(list(campaign.experiment.arms.all())) if pair[0][0].is_holdout]
    assert len(searched) == len(BY_NAME) * len(against_held) * len(outcomes.SEGMENTS)
    found = [one for one in searched if not one.get("cannot")]
    adjusted = lift.benjamini_hochberg([one["p_value"] for one in found])
    assert [one["p_adjusted"] for one in found] == pytest.approx(adjusted)
    assert all(one["p_adjusted"] >= one["p_value"] for one in [*made, *found])


def test_at_an_early_look_no_row_shows_a_narrower_interval_than_one_that_holds_at_every_look(told):
    campaign, *_ = told
    early = figures.read(outcomes.of_campaign(campaign), until=AT + 5 * DAY, is_final=False, planned_end=END)
    rows = [one for one in [*early["comparisons"], *early["segments"]] if not one.get("cannot")]
    assert len(rows) > 40
    assert all(one["live"]["low"] < one["low"] < one["high"] < one["live"]["high"] for one in rows)


def test_what_is_learned_from_is_each_decided_offer_with_its_arm_and_whether_it_was_bought(told):
    campaign, _report, did = told
    arms = {
        row.member_id: row.arm.is_holdout
        for row in Assignment.objects.filter(experiment=campaign.experiment).select_related("arm")
    }
    [category] = set(Decision.objects.values_list("category", flat=True))
    expected = {(pk, category, arms[pk], bool(one["redeemers"])) for pk, one in did.items()}
    assert set(responses.of_offers(campaign, until=END)) == expected


def test_opens_move_neither_the_winner_nor_the_shares(town, draft):
    people, place, products = town(40)
    campaign = operations.launch(
        campaign=draft(choice="winner", test_percent=50, decide_hours=24, goal="buyers"), at=AT
    )
    deliver(campaign, sent_at=AT)
    for i, one in enumerate(people[::3]):
        sell(one, AT + timedelta(hours=2), 900 + i, products[0], place=place, key=f"won-{i}")
    before = goals.reached(campaign, until=AT + DAY)
    for message in Message.objects.filter(cause=campaign.cause):
        record_event(message_id=message.pk, kind="opened", at=AT + timedelta(hours=1))
    assert goals.reached(campaign, until=AT + DAY) == before
    assert sum(one.total for one in before) > 0
