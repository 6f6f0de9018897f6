"""What staff have to do, and the sales they work on."""

from datetime import UTC, datetime, timedelta

import pytest

from care import operations, queries
from care.models import Stage, Task
from members import operations as members

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def maria():
    return members.enrol(at=AT, source="test", given_name="Maria", email="maria@example.com")


@pytest.fixture
def sam():
    return members.add_staff(email="sam@example.com", roles=["service"])


def test_one_cause_makes_one_task_done_once_with_an_outcome(maria, sam):
    first, again = (
        operations.add_task(title="Call back", cause="stage:1", at=AT, member_id=maria.pk, team="stores")
        for _n in range(2)
    )
    assert first == again
    with pytest.raises(operations.CannotFinish, match="only with an outcome"):
        operations.finish_task(task=first, outcome=" ", by_user=sam, at=AT)
    operations.finish_task(task=first, outcome="Reached her", by_user=sam, at=AT)
    with pytest.raises(operations.CannotFinish, match="done already"):
        operations.finish_task(task=first, outcome="Again", by_user=sam, at=AT)
    done = Task.objects.get()
    assert (done.outcome, done.owner, done.done_at, queries.open_tasks().count()) == ("Reached her", sam, AT, 0)


def test_an_unknown_team_is_refused_with_those_there_are(maria):
    with pytest.raises(ValueError, match="There are: product, programme, service, stores"):
        operations.add_task(title="Call", cause="x", at=AT, team="moon")


def test_the_pipeline_adds_up_and_keeps_every_move(maria, sam):
    stages = list(Stage.objects.all())
    deals = [
        operations.open_opportunity(
            name=f"Canteen {n}", member_id=maria.pk, value_minor=10_000 * n, currency="USD", owner=sam, at=AT
        )
        for n in (1, 2, 3)
    ]
    operations.move_opportunity(opportunity=deals[1], stage=stages[2], by_user=sam, at=AT + timedelta(days=1))
    operations.close_opportunity(opportunity=deals[2], is_won=True, at=AT + timedelta(days=2))
    with pytest.raises(operations.CannotMove):
        operations.move_opportunity(opportunity=deals[2], stage=stages[0], by_user=sam, at=AT)
    figures = [(row["count"], row["value_minor"], row["weighted_minor"]) for row in queries.pipeline(currency="USD")]
    assert figures == [(1, 10_000, 1_000), (0, 0, 0), (1, 20_000, 12_000), (0, 0, 0)]
    assert [change.stage for change in deals[1].history.all()] == [stages[0], stages[2]]
