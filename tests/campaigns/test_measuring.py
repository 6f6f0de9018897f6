import functools
import math
import operator
from datetime import timedelta

import numpy as np
import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from scipy import stats

from campaigns import operations, outcomes, queries, rehearsal, responses
from campaigns.models import Campaign, LiftReport, RehearsalOutcome
from campaigns.tasks import run_due
from delivery.models import Message
from delivery.operations import record_event
from experiments.models import Assignment
from members import clock
from members.models import Consent
from sales.models import Purchase, Source, Store
from tests.campaigns.conftest import deliver
from tests.campaigns.people import AT, sell

pytestmark = pytest.mark.django_db
END = AT + timedelta(days=14)


@pytest.fixture
def sent(town, draft):
    """A sent campaign of 60 members, and what each of them bought in its window, by member id."""

    def make(**changes):
        people, place, products = town(60)
        campaign = operations.launch(campaign=draft(**changes), at=AT)
        deliver(campaign, sent_at=AT)
        operations.finish(campaign=campaign, at=AT)
        spent = {}
        for i, person in enumerate(people):
            if i % 3:
                spent[person.pk] = 1000 + 13 * i * i % 4000
                sell(person, AT + timedelta(days=i % 13), spent[person.pk], products[0], place=place, key=f"in-{i}")
        sell(people[0], END, 99_999, products[0], place=place, key="at the end: too late")
        sell(people[0], AT - timedelta(seconds=1), 99_999, products[0], place=place, key="before: too early")
        return Campaign.objects.get(pk=campaign.pk), people, spent

    return make


def by_arm(campaign, spent):
    """What SQL must find, computed by hand: arm's name → one value per assigned member."""
    found = {}
    for row in Assignment.objects.filter(experiment=campaign.experiment).select_related("arm"):
        found.setdefault(row.arm.name, []).append(spent.get(row.member_id, 0))
    return found


def whole(by_segment):
    return {arm: functools.reduce(operator.add, parts) for arm, parts in by_segment.items()}


def test_the_sums_per_arm_are_those_counted_by_hand_in_one_statement(sent, django_assert_num_queries):
    campaign, _people, spent = sent()
    expected = by_arm(campaign, spent)
    list(campaign.experiment.arms.all())
    subject = outcomes.of_campaign(campaign)
    with django_assert_num_queries(3):  # the arms, whether there are running sums, and the one statement
        found = whole(outcomes.per_arm(subject, until=END))
    for arm, values in expected.items():
        one = found[arm].stats("spend")
        assert (one.n, one.total, one.total_of_squares) == (len(values), sum(values), sum(v * v for v in values))
        assert {found[arm].sums[name] for name in ("buyers", "orders", "visits")} == {sum(v > 0 for v in values)}
    assert sorted(outcomes.values(subject, "spend", until=END)) == sorted(v for arm in expected.values() for v in arm)


def test_a_refund_is_taken_off(sent):
    campaign, people, spent = sent()
    bought = Purchase.objects.get(client_key="in-1")
    Purchase.objects.create(
        source=bought.source, client_key="back", body_hash=b"x" * 16, kind=2, refunds=bought, member=bought.member,
        store=bought.store, purchased_at=bought.purchased_at + timedelta(hours=1), currency="USD", total_minor=-bought.total_minor,
    )  # fmt: skip
    spent[people[1].pk] = 0
    expected = by_arm(campaign, spent)
    found = whole(outcomes.per_arm(outcomes.of_campaign(campaign), until=END))
    assert {arm: one.sums["spend"] for arm, one in found.items()} == {
        arm: sum(values) for arm, values in expected.items()
    }


def test_the_report_says_what_welchs_test_says_of_the_same_members(sent):
    campaign, _people, spent = sent()
    report = operations.measure(campaign=campaign, at=END)
    assert report.is_final
    figures = report.figures
    primary = figures["comparisons"][0]
    arms = by_arm(campaign, spent)
    control, treated = np.array(arms["Holdout"]), np.array(arms["A"] + arms["B"])
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    assert (primary["metric"], primary["control"], primary["treated"]) == ("spend", ["Holdout"], ["A", "B"])
    plain = primary["plain"]
    assert plain["absolute"] == pytest.approx(treated.mean() - control.mean())
    assert plain["p_value"] == pytest.approx(theirs.pvalue)
    assert (plain["low"], plain["high"]) == pytest.approx(tuple(theirs.confidence_interval()))
    assert primary["variance_kept"] <= 1.05
    assert (primary["n_control"], primary["n_treated"]) == (len(control), len(treated))
    assert figures["members_needed"] == math.ceil(15.6977 * control.var(ddof=1) / (0.1 * control.mean()) ** 2)
    assert figures["sample_ratio"]["counts"] == {name: len(values) for name, values in arms.items()}
    again = figures["rerandomised"]
    assert (again["draws"], again["seed"], sum(again["histogram"])) == (1000, campaign.analysis_seed, 1000)
    assert "truth" not in figures


def test_a_final_report_is_made_once_and_an_early_look_says_so(sent):
    campaign, *_ = sent()
    look = operations.measure(campaign=campaign, at=AT + timedelta(days=3))
    assert not look.is_final
    assert Campaign.objects.get(pk=campaign.pk).status == Campaign.Status.SENT
    final = operations.measure(campaign=campaign, at=END)
    assert operations.measure(campaign=campaign, at=END + timedelta(days=9)) == final
    assert Campaign.objects.get(pk=campaign.pk).status == Campaign.Status.MEASURED
    assert queries.final_report(campaign) == queries.latest_report(campaign) == final
    assert LiftReport.objects.count() == 2


def test_a_report_is_never_changed(sent):
    campaign, *_ = sent()
    report = operations.measure(campaign=campaign, at=END)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        LiftReport.objects.filter(pk=report.pk).update(figures={})


def test_without_a_holdout_variants_are_compared_and_no_lift_is_claimed(sent):
    campaign, *_ = sent(holdout_percent=0)
    figures = operations.measure(campaign=campaign, at=END).figures
    assert {(c["control"][0], c["treated"][0]) for c in figures["comparisons"]} == {("A", "B")}
    assert figures["rerandomised"] is None


def test_opens_and_clicks_are_told_beside_and_decide_nothing(sent):
    campaign, *_ = sent()
    before = outcomes.per_arm(outcomes.of_campaign(campaign), until=END)
    messages = list(Message.objects.filter(cause=campaign.cause).order_by("pk")[:5])
    for message in messages:
        record_event(message_id=message.pk, kind="opened", at=AT)
    record_event(message_id=messages[0].pk, kind="clicked", at=AT, link="0")
    record_event(message_id=messages[1].pk, kind="clicked", at=AT, link="0", is_machine=True)
    told = responses.responses(campaign)
    assert sum(arm.get("opened", 0) for arm in told.values()) == 5
    assert sum(arm.get("clicked", 0) for arm in told.values()) == 1
    assert outcomes.per_arm(outcomes.of_campaign(campaign), until=END) == before


def test_what_was_never_launched_cannot_be_measured(town, draft):
    town(3)
    with pytest.raises(operations.CannotMeasure, match="not been launched"):
        operations.measure(campaign=draft(), at=AT)


def test_what_was_learned_is_kept_in_words(sent):
    campaign, *_ = sent()
    operations.measure(campaign=campaign, at=END)
    learning = queries.latest_learning()
    assert learning.campaign_id == campaign.pk
    assert learning.verdict


def test_the_clockwork_measures_when_the_window_has_ended(sent, monkeypatch):
    campaign, *_ = sent()
    monkeypatch.setattr(clock, "now", lambda: END - timedelta(minutes=1))
    assert run_due()["measured"] == 0
    monkeypatch.setattr(clock, "now", lambda: END)
    assert run_due()["measured"] == 1
    assert run_due()["measured"] == 0
    assert LiftReport.objects.get().campaign_id == campaign.pk


@pytest.mark.parametrize("late", ["a later receipt", "two weeks"])
def test_the_clockwork_waits_for_receipts_that_may_still_be_on_their_way(sent, monkeypatch, late):
    campaign, *_ = sent()
    ended = Purchase.objects.latest("purchased_at").purchased_at + timedelta(seconds=1)
    Campaign.objects.filter(pk=campaign.pk).update(outcome_ends_at=ended)
    monkeypatch.setattr(clock, "now", lambda: ended + timedelta(days=13))
    assert run_due()["measured"] == 0
    if late == "two weeks":
        monkeypatch.setattr(clock, "now", lambda: ended + timedelta(days=14))
    else:
        Purchase.objects.create(
            source=Source.objects.first(), client_key="late", body_hash=b"x" * 16, member=campaign.experiment.assignments.first().member,
            store=Store.objects.first(), purchased_at=ended, currency="USD", total_minor=100,
        )  # fmt: skip
    assert run_due()["measured"] == 1


@pytest.fixture
def rehearsed(town, draft):
    def make(count=60, **changes):
        town(count)
        campaign = operations.launch(campaign=draft(kind="rehearsal", **changes), at=AT)
        deliver(campaign, sent_at=AT)
        operations.finish(campaign=campaign, at=AT)
        return Campaign.objects.get(pk=campaign.pk)

    return make


def test_a_rehearsal_invents_no_purchase_no_consent_and_moves_no_point(rehearsed):
    campaign = rehearsed()
    before = [list(model.objects.order_by("pk").values_list()) for model in (Purchase, Consent)]
    rehearsal.simulate(campaign=campaign, at=AT, effect={"purchases": 1.0, "unsubscribes": 0.5}, seed=7)
    operations.measure(campaign=campaign, at=AT)
    assert [list(model.objects.order_by("pk").values_list()) for model in (Purchase, Consent)] == before
    assert RehearsalOutcome.objects.filter(is_unsubscribed=True).exists()


def test_a_rehearsal_is_simulated_once_and_the_same_seed_gives_the_same_people(rehearsed):
    campaign = rehearsed()
    rehearsal.simulate(campaign=campaign, at=AT, seed=7)
    first = list(RehearsalOutcome.objects.order_by("member_id").values_list("member_id", "orders", "spend_minor"))
    rehearsal.simulate(campaign=campaign, at=AT, seed=8)
    assert (
        list(RehearsalOutcome.objects.order_by("member_id").values_list("member_id", "orders", "spend_minor")) == first
    )
    assert len(first) == 60


def test_only_who_was_sent_it_opens_clicks_or_leaves(rehearsed):
    campaign = rehearsed()
    rehearsal.simulate(campaign=campaign, at=AT, effect={"opens": 1.0, "clicks": 1.0, "unsubscribes": 1.0}, seed=1)
    held = Assignment.objects.filter(arm__is_holdout=True).values("member")
    assert not RehearsalOutcome.objects.filter(member__in=held, is_opened=True).exists()
    assert not RehearsalOutcome.objects.exclude(member__in=held).filter(is_unsubscribed=False).exists()


def test_a_rehearsals_report_shows_the_estimate_beside_the_truth(rehearsed):
    """A planted doubling among 800 members is found, and the interval holds the planted figure."""
    campaign = rehearsed(800, holdout_percent=50)
    rehearsal.simulate(campaign=campaign, at=AT, effect={"purchases": 1.0}, seed=11)
    report = operations.measure(campaign=campaign, at=AT)
    primary = report.figures["comparisons"][0]
    assert report.is_final
    assert report.figures["truth"]["purchases"] == 1.0
    assert primary["relative_low"] < 1.0 < primary["relative_high"]
    assert primary["low"] > 0
    assert report.figures["kind"] == "rehearsal"


def test_a_rehearsal_never_enters_programme_totals(rehearsed, sent):
    campaign = rehearsed(20)
    rehearsal.simulate(campaign=campaign, at=AT)
    operations.measure(campaign=campaign, at=AT)
    assert campaign not in queries.programme()
    assert queries.programme().count() == 0


def test_a_real_campaign_is_never_simulated(sent):
    campaign, *_ = sent()
    with pytest.raises(ValueError, match="real"):
        rehearsal.simulate(campaign=campaign, at=AT)
    assert not RehearsalOutcome.objects.exists()


def test_the_clockwork_rehearses_by_itself(rehearsed, monkeypatch):
    campaign = rehearsed(20)
    monkeypatch.setattr(clock, "now", lambda: AT)
    assert run_due()["measured"] == 1
    assert queries.final_report(campaign).figures["truth"]["seed"] == campaign.rehearsal.seed


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_is_imported_once_and_its_lift_is_unknown(town):
    people, *_ = town(10)
    rows = [
        {
            "name": "Campaign 18", "started_at": AT, "ended_at": AT + timedelta(days=60),
            "reached": [p.pk for p in people[:8]], "redemptions": {people[0].pk: 3, people[9].pk: 1},
        }
    ]  # fmt: skip
    (campaign,) = operations.import_history(rows)
    assert operations.import_history(rows) == [campaign]
    assert (campaign.audience_size, campaign.historical_responses.count()) == (9, 9)
    assert sum(campaign.historical_responses.values_list("redemptions", flat=True)) == 4
    with pytest.raises(operations.CannotMeasure, match="not randomised"):
        operations.measure(campaign=campaign, at=AT)
    assert queries.funnel(campaign).audience == 0
    assert campaign not in queries.programme()
