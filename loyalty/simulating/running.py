"""A what-if from end to end: as many processes as the machine has cores, each replaying a part of the members; their reports summed."""

import contextlib
import gc
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from django.db import DEFAULT_DB_ALIAS, connections

from loyalty import rules
from loyalty.earning import compile_rule_set
from loyalty.simulating.parts import Part, parts_of
from loyalty.simulating.replaying import Replay, Replayed, Stretch
from loyalty.simulating.reporting import Counted, count, report
from loyalty.simulating.sandbox import sandbox

WORTH_ANOTHER = 5_000
"""Purchases for which another process is worth its beginning."""
PROCESSES_MAX = 8


class PartFailed(RuntimeError):
    """A process could not replay its part; says why."""


def run(stretch: Stretch, definition: dict, *, done: Callable[[int, int], object], processes: int) -> dict:
    """Replay the stretch under the definition; the result as it is kept. `done` hears of progress over all parts."""
    begun = time.monotonic()
    asked = [*rules.known().rule_sets, compile_rule_set(definition)]  # of then, and of the draft
    parts = parts_of(asked, most=min(processes, PROCESSES_MAX))
    if len(parts) == 1:
        counted, replayed = _replay(stretch, definition, done, parts[0])
    else:
        counted, replayed = _beside_each_other(stretch, definition, done, parts)
    seconds = time.monotonic() - begun
    said = asdict(replayed) | {
        "seconds": round(seconds, 1), "processes": len(parts),
        "per_minute": round((replayed.purchases + replayed.refunds) / max(seconds, 1e-9) * 60),
    }  # fmt: skip
    return report(counted, stretch, definition) | {"replayed": said}


def processes_for(purchases: int) -> int:
    """How many processes so many purchases are worth: no more than there are cores."""
    return max(1, min(len(os.sched_getaffinity(0)), purchases // WORTH_ANOTHER))


def _replay(stretch: Stretch, definition: dict, done, part: Part) -> tuple[Counted, Replayed]:
    with sandbox():
        replayed = Replay(stretch, definition, done=done, part=part).run()
        return count(stretch, part), replayed


def _beside_each_other(stretch: Stretch, definition: dict, done, parts: list[Part]) -> tuple[Counted, Replayed]:
    """Each part in a process of its own. Raises PartFailed when one does not come to its end."""
    with _children(parts, lambda part, tell: _replay(stretch, definition, tell, part)) as heard:
        through = dict.fromkeys(range(len(parts)), (0, 0))
        answers: list = []
        for number, said in heard:
            if "failed" in said:
                raise PartFailed(said["failed"])
            if "counted" in said:
                answers.append((Counted(**said["counted"]), Replayed(**said["replayed"])))
            else:
                through[number] = said["done"], said["total"]
                done(sum(n for n, _ in through.values()), sum(total for _, total in through.values()))
    if len(answers) < len(parts):
        raise PartFailed("A process ended before its part was replayed.")
    counted, replayed = zip(*answers, strict=True)
    return Counted.together(counted), Replayed.together(replayed)


@contextlib.contextmanager
def _children(parts: list[Part], act) -> Iterator[Iterator[tuple[int, dict]]]:
    """Fork a process for each part; yields what they say, by the part's number, until all have ended.

    Forked by hand: the worker that runs the task is itself a child of Celery's, and such may have none of multiprocessing's.
    """
    ends: dict[Connection, int] = {}
    children = []
    for part in parts:
        ours, theirs = Pipe(duplex=False)
        pid = os.fork()
        if not pid:
            _be_child(part, act, theirs)
        theirs.close()
        ends[ours] = part.number
        children.append(pid)
    try:
        yield _hear(ends)
    finally:
        for end in ends:
            end.close()
        for pid in children:
            _end(pid)


def _be_child(part: Part, act, end: Connection):
    """What the child does: never returns, and leaves the connections it was born with alone, which are its parent's."""
    try:
        # A replay makes millions of objects and hardly any cycle; what was loaded before is never looked through again.
        gc.freeze()
        gc.set_threshold(1_000_000, *gc.get_threshold()[1:])
        connections[DEFAULT_DB_ALIAS] = connections[DEFAULT_DB_ALIAS].copy()
        counted, replayed = act(part, lambda done, total: _say(end, {"done": done, "total": total}))
        _say(end, {"counted": asdict(counted), "replayed": asdict(replayed)})
        os._exit(0)
    except BaseException as reason:  # noqa: BLE001 (the parent raises it)
        _say(end, {"failed": f"{type(reason).__name__}: {reason}"})
    finally:
        os._exit(1)


def _say(end: Connection, what: dict):
    with contextlib.suppress(OSError):
        end.send_bytes(json.dumps(what).encode())


def _hear(ends: dict[Connection, int]) -> Iterator[tuple[int, dict]]:
    waiting = dict(ends)
    while waiting:
        for end in wait(list(waiting)):
            try:
                yield waiting[end], json.loads(end.recv_bytes())
            except EOFError:
                del waiting[end]


def _end(pid: int):
    """Wait for a child; one that still runs, because another failed, is stopped."""
    if os.waitpid(pid, os.WNOHANG) == (0, 0):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
