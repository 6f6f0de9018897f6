"""What is foretold of a member stands in their profile and goes over the wire: each score with doubt, reason, moment, and what was before."""

from datetime import UTC, date, datetime, timedelta

import pytest

from api.models import ApiClient
from api.operations import create_client
from insights.models import Score, ScoreRun
from sales.models import Category
from tests.desk.test_service import text_of

AT = datetime(2026, 3, 9, 15, tzinfo=UTC)


def said(member, kind, value, *, at=AT, status="live", **more):
    facts = {"horizon_days": 84, "currency": "USD"} if kind in ("value", "purchases") else {}
    run = ScoreRun.objects.create(kind=kind, model="m-1", status=status, at=at, **facts)
    return Score.objects.create(run=run, member=member, value=value, **more)


@pytest.fixture
def scored(help_desk):
    maria, milk = help_desk.maria, Category.objects.filter(level=3).order_by("pk").first()
    for week, value in ((2, 0.31), (1, 0.42)):
        said(maria, "churn", value, at=AT - timedelta(weeks=week), status="retired")
    said(maria, "churn", 0.57, reason_code="own_rhythm", reason_params={"usual": 7, "days": 19})
    said(maria, "churn", 0.99, at=AT + timedelta(days=1), status="refused")
    said(maria, "value", 12_345, low=4_000, high=20_050)
    said(maria, "rfm", 543)
    said(maria, "alive", 1.0, reason_code="bought_again", reason_params={"times": 0, "weeks": 9})
    said(maria, "price_driven", 0.8, reason_code="marked_down", reason_params={"percent": 40})
    said(maria, "next_purchase", 3, on=date(2026, 3, 12))
    said(maria, "replenishment", 5, on=date(2026, 3, 14), category=milk)
    return maria, milk


def test_the_profile_tells_every_score_with_its_doubt_its_reason_and_what_was_before(desk, help_desk, scored):
    page = " ".join(text_of(desk.get(f"{help_desk.page}timeline/")).split())
    _maria, milk = scored
    for words in (
        "Risk of leaving 57% Usually every 7 days, last 19 days ago",
        "03/02/2026 · 42% 02/23/2026 · 31%",
        "Value expected $123.45 within 84 days (95 % of such members: $40.00 to $200.50)",
        "RFM cell recency 5, frequency 4, money 3 of 5",
        "Looks for price more than 80% of the members 40 % of what they buy is marked down",
        "Next purchase 03/12/2026",
        f"Product needed again {milk.name}: 03/14/2026",
    ):
        assert words in page, words
    assert "99%" not in page  # what was refused is not read
    assert "Still a customer" not in page  # of who came once the model knows nothing


def test_without_scores_there_is_no_card_and_many_cost_no_more_statements(
    desk, help_desk, scored, django_assert_max_num_queries
):
    with django_assert_max_num_queries(47):
        desk.get(f"{help_desk.page}timeline/")
    Score.objects.all().delete()
    assert "What is foretold" not in text_of(desk.get(f"{help_desk.page}timeline/"))


def test_the_interface_tells_the_same_to_who_may_read_profiles(client, scored):
    maria, milk = scored

    def ask(*scopes, of=maria.public_id):
        _client, token = create_client(name=str(scopes), source="crm", scopes=list(scopes))
        return client.get(f"/api/v1/members/{of}/scores", headers={"Authorization": f"Bearer {token}"})

    told = {one["kind"]: one for one in ask(ApiClient.Scope.PROFILE).json()["scores"]}
    assert told["churn"] == {
        "kind": "churn", "value": 0.57, "low": None, "high": None, "on": None, "product_type": None, "horizon_days": 0, "currency": "",
        "reason": "Usually every 7 days, last 19 days ago", "as_of": "2026-03-09T15:00:00Z", "model": "m-1",
        "earlier": [{"value": 0.42, "as_of": "2026-03-02T15:00:00Z"}, {"value": 0.31, "as_of": "2026-02-23T15:00:00Z"}],
    }  # fmt: skip
    assert (told["value"]["value"], told["value"]["low"], told["value"]["currency"]) == (12_345, 4_000, "USD")
    assert (told["replenishment"]["product_type"], told["replenishment"]["on"]) == (milk.pk, "2026-03-14")
    assert ask(ApiClient.Scope.MEMBERS).status_code == 403
    assert ask(ApiClient.Scope.PROFILE, of="00000000-0000-0000-0000-000000000007").status_code == 404
