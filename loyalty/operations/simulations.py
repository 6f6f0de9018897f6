"""What-ifs: asked for, run once, kept. A run writes its own row and nothing else."""

import logging
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext as _

from loyalty.authoring.models import RuleDraft, Simulation
from loyalty.earning import compile_rule_set
from loyalty.models import RuleSet
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import _programme_zone
from sales.models import Purchase

log = logging.getLogger(__name__)
State = Simulation.State


class CannotSimulate(LedgerRefusal):
    """A what-if that cannot be asked so."""


def ask_what_if(
    *,
    since: date,
    until: date,
    at: datetime,
    draft: RuleDraft | None = None,
    rule_set: RuleSet | None = None,
    store_codes: list[str] | None = None,
    by_user_id: int | None = None,
) -> Simulation:
    """Keep a what-if to be run: the days `since` to `until`, both included. Raises CannotSimulate, earning.InvalidRuleSet."""
    if until < since:
        raise CannotSimulate(_("The last day comes before the first. Choose a later one."))
    about = draft or rule_set
    if about is None:
        raise CannotSimulate(_("Choose the draft or the version to try."))
    compile_rule_set(about.definition)
    return Simulation.objects.create(
        draft=draft, rule_set=rule_set, definition=about.definition, since=since, until=until,
        store_codes=store_codes or [], by_user_id=by_user_id, created_at=at,
    )  # fmt: skip


def run_what_if(
    *, simulation_id: int, at: datetime, done: Callable[[int, int], object] | None = None, processes: int | None = None
) -> Simulation:
    """Run a what-if that waits; one that runs or ran already is left as it is. `done` hears of progress, as its row does.

    `processes`: how many replay beside each other at most; None leaves it to the size of the history and the machine.
    """
    claimed = Simulation.objects.filter(pk=simulation_id, state=State.WAITING).update(
        state=State.RUNNING, started_at=at
    )
    asked = Simulation.objects.get(pk=simulation_id)
    if not claimed:
        return asked
    real, begun = connections[DEFAULT_DB_ALIAS], time.monotonic()
    hears = _Progress(real, simulation_id, done)
    try:
        asked.result = _replayed(asked, hears, processes)
        asked.state = State.DONE
    except Exception as reason:
        log.exception("what-if %s failed", simulation_id)
        asked.state, asked.error = State.FAILED, f"{type(reason).__name__}: {reason}"
    asked.purchases_done, asked.purchases_total = hears.done, hears.total
    asked.finished_at = at + timedelta(seconds=time.monotonic() - begun)
    asked.save(update_fields=["result", "state", "error", "purchases_done", "purchases_total", "finished_at"])
    return asked


def _replayed(asked: Simulation, hears: "_Progress", processes: int | None) -> dict:
    from loyalty.simulating import running  # the engine's verbs, of which this is one
    from loyalty.simulating.replaying import Stretch

    stretch = Stretch(_midnight(asked.since), _midnight(asked.until + timedelta(days=1)), frozenset(asked.store_codes))
    if processes is None:
        processes = running.processes_for(Purchase.objects.filter(purchased_at__lt=stretch.until).count())
    return running.run(stretch, asked.definition, done=hears, processes=processes)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_programme_zone())


class _Progress:
    """Tells how far a run is, in its row, through the connection that is not the sandbox's."""

    def __init__(self, connection, simulation_id: int, also: Callable[[int, int], object] | None):
        self._connection, self._id, self._also, self.done, self.total = connection, simulation_id, also, 0, 0

    def __call__(self, done: int, total: int):
        self.done, self.total = done, total
        with self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE loyalty_simulation SET purchases_done = %s, purchases_total = %s WHERE id = %s",
                [done, total, self._id],
            )
        if self._also:
            self._also(done, total)
