"""The flow of a journey as plain data: read from top to bottom, taken apart into steps, and edited.

A definition is {"entry": {…}, "reentry": {…}, "goal": {…} | None, "exit": {…} | None, "steps": [step, …], "last_id": n}. A step
is {"id": "s3", "type": code, …its own fields}; one that parts the way has "paths": [{"name": …, "steps": […]}, …], and after
any path's last step the way goes on with the step below. There are no loops, so the order of reading is an order of time.
Ids are never given twice in a journey: who is inside an old version may be moved to the same step of a new one.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Step = dict[str, Any]
Definition = dict[str, Any]
STEPS_MAX, DEPTH_MAX, PATHS_MAX = 60, 5, 5

EMPTY: Definition = {"entry": {}, "reentry": {"rule": "never"}, "goal": None, "exit": None, "steps": [], "last_id": 0}


class BadPlace(ValueError):
    """A place in the flow that is not there (any more)."""


@dataclass(frozen=True)
class Node:
    """One step with where the way goes on: `next` after it, `paths` the first step of each path; None is the journey's end."""

    id: str
    type: str
    step: Step
    next: str | None
    paths: tuple[str | None, ...] = ()

    def path(self, number: int) -> str | None:
        return self.paths[number]


def nodes(definition: Definition) -> dict[str, Node]:
    """Every step by its id, in the order of reading."""
    found: dict[str, Node] = {}
    _lay_out(definition["steps"], None, found)
    return found


def _lay_out(steps: list[Step], after: str | None, found: dict[str, Node]) -> None:
    for place, step in enumerate(steps):
        follows = steps[place + 1]["id"] if place + 1 < len(steps) else after
        inner = [path["steps"] for path in step.get("paths", ())]
        firsts = tuple(path[0]["id"] if path else follows for path in inner)
        found[step["id"]] = Node(step["id"], step["type"], step, follows, firsts)
        for path in inner:
            _lay_out(path, follows, found)


def first(definition: Definition) -> str | None:
    return definition["steps"][0]["id"] if definition["steps"] else None


def walk(steps: list[Step], depth: int = 1) -> Iterator[tuple[Step, int]]:
    """Every step with how deep it stands, in the order of reading."""
    for step in steps:
        yield step, depth
        for path in step.get("paths", ()):
            yield from walk(path["steps"], depth + 1)


def find(definition: Definition, step_id: str) -> Step:
    for step, _depth in walk(definition["steps"]):
        if step["id"] == step_id:
            return step
    raise BadPlace(step_id)


def before(definition: Definition, step_id: str) -> list[Step]:
    """The steps a member may have come through when they stand at this one: those read before it."""
    found: list[Step] = []
    for step, _depth in walk(definition["steps"]):
        if step["id"] == step_id:
            return found
        found.append(step)
    return found


# -- editing: each answers a new definition ----------------------------------------------------------------------------


def insert(definition: Definition, place: str, step: Step) -> tuple[Definition, str]:
    """The definition with a step put at a place such as ":0" or "s3.1:2" (path 1 of s3, third), and the id it got."""
    edited = copy.deepcopy(definition)
    steps, index, depth = _container(edited, place)
    if len(list(walk(edited["steps"]))) >= STEPS_MAX or (step.get("paths") and depth >= DEPTH_MAX):
        raise BadPlace(place)
    number = edited.get("last_id", 0) + 1
    edited["last_id"] = number
    steps.insert(index, {**copy.deepcopy(step), "id": f"s{number}"})
    return edited, f"s{number}"


def _container(definition: Definition, place: str) -> tuple[list[Step], int, int]:
    where, _, index = place.rpartition(":")
    if not index.isdigit():
        raise BadPlace(place)
    if not where:
        return definition["steps"], int(index), 1
    step_id, _, path = where.rpartition(".")
    for step, depth in walk(definition["steps"]):
        if step["id"] == step_id and path.isdigit() and int(path) < len(step.get("paths", ())):
            return step["paths"][int(path)]["steps"], int(index), depth + 1
    raise BadPlace(place)


def replace(definition: Definition, step_id: str, changed: Step) -> Definition:
    """The definition with a step's own fields changed; its id, and the steps of paths that stay, are kept."""
    edited = copy.deepcopy(definition)
    step = find(edited, step_id)
    kept = step.get("paths", [])
    step_type = step["type"]
    step.clear()
    step.update({**copy.deepcopy(changed), "id": step_id, "type": step_type})
    for number, path in enumerate(step.get("paths", ())):
        path["steps"] = kept[number]["steps"] if number < len(kept) else []
    return edited


def remove(definition: Definition, step_id: str) -> Definition:
    """The definition without a step and all that stands inside it."""
    edited = copy.deepcopy(definition)
    steps, index = _siblings(edited["steps"], step_id)
    del steps[index]
    return edited


def move(definition: Definition, step_id: str, by: int) -> Definition:
    """The definition with a step moved up (-1) or down (+1) among its neighbours; at the edge it stays."""
    edited = copy.deepcopy(definition)
    steps, index = _siblings(edited["steps"], step_id)
    if 0 <= index + by < len(steps):
        steps.insert(index + by, steps.pop(index))
    return edited


def _siblings(steps: list[Step], step_id: str) -> tuple[list[Step], int]:
    for index, step in enumerate(steps):
        if step["id"] == step_id:
            return steps, index
        for path in step.get("paths", ()):
            try:
                return _siblings(path["steps"], step_id)
            except BadPlace:
                continue
    raise BadPlace(step_id)
