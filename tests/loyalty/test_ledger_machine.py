"""Random lives of two members, in the database and in the model, compared after every act; and bugs planted to be found."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from loyalty import verifying
from sales.lines import Line
from tests.loyalty.machine import TwoMembers, refuses

PARTS = 3
EXAMPLES, STEPS = 100, 30


def run(shop, *, part: int, examples: int, phases=tuple(Phase)):
    """The machine from a seed that is the same every time; `make drill` draws new ones."""
    machine = seed(part)(type("TwoMembers", (TwoMembers,), {"shop": shop}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("part", range(PARTS))
def test_the_ledger_does_what_two_pages_of_python_do(shop, part):
    run(shop, part=part, examples=EXAMPLES)
    assert refuses(verifying.verify()) == []


def test_quantities_do_not_decide_points(shop):
    member = shop.member()
    assert shop.buy(member, [Line("milk", Decimal(0), 500), Line("milk", Decimal("12.345"), 500)]).points == 10
