"""Bugs planted in the posting functions, one of each kind: the machine must find every one of them, or it proves nothing."""

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import Phase
from hypothesis.errors import HypothesisException

from config.db.functions import functions_defined
from tests.loyalty.conftest import open_shop
from tests.loyalty.mutations import MUTATIONS, mutated, rules_for
from tests.loyalty.test_ledger_machine import run
from tests.loyalty.test_verify_ledger import as_owner  # noqa: F401 (a fixture)

SHOWN = [  # all others in `make drill`
    "double post", "overspend", "refund keeps points", "expired lot spent", "a gift to oneself creates",
    "a merge keeps the points twice",
]  # fmt: skip


@pytest.mark.parametrize("bug", SHOWN)
def test_a_planted_bug_is_found(as_owner, db, bug):  # noqa: F811
    """As the owner of the functions, in a transaction that ends with the test."""
    file, old, new = MUTATIONS[bug]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL check_function_bodies = off")
        cursor.execute(mutated(file, old, new))
    with pytest.raises((AssertionError, DatabaseError, ExceptionGroup, HypothesisException)), transaction.atomic():
        run(open_shop(), part=7, examples=150, rules=rules_for(bug), phases=(Phase.generate,))


def test_every_mutation_changes_a_function_that_is_there():
    for file, old, new in MUTATIONS.values():
        text = mutated(file, old, new)
        assert old != new
        assert functions_defined(text)
