"""Random lives of two members, in the database and in the model, compared after every act; and bugs planted to be found."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from loyalty import verifying
from sales.lines import Line
from tests.loyalty.machine import PLAIN, THIRD_VISIT, WAITING, Members, open_programme, refuses

PARTS = [(PLAIN, 2), (THIRD_VISIT, 3), (WAITING, 3)]
EXAMPLES, STEPS = 100, 30


def run(shop, *, part: int, examples: int, rules=PLAIN, members: int = 2, phases=tuple(Phase)):
    """The machine from a seed that is the same every time; `make drill` draws new ones."""
    open_programme(rules)
    machine = seed(part)(type("Members", (Members,), {"shop": shop, "says": rules, "count": members}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("part", range(len(PARTS)), ids=["plain", "visits", "waiting, three members"])
def test_the_ledger_does_what_a_few_pages_of_python_do(committed_shop, part):
    """In a database of its own: in one long transaction beside other tests' dead rows it takes four times as long."""
    rules, members = PARTS[part]
    run(committed_shop, part=part, examples=EXAMPLES, rules=rules, members=members)
    assert refuses(verifying.verify()) == []


def test_quantities_do_not_decide_points(shop):
    member = shop.member()
    assert shop.buy(member, [Line("milk", Decimal(0), 500), Line("milk", Decimal("12.345"), 500)]).points == 10
