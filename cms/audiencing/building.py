"""The audience builder: a tree of conditions as form fields, and form fields as a tree.

Each node has a place such as 0.2.1, the root is 0; its fields are n.<place>.<name>. The page works without a script: each
button posts the whole form and says in `act` what to change.
"""

import copy
import json
from dataclasses import dataclass, field

from campaigns.audiences import MATCHES
from campaigns.conditions import CONDITIONS, GROUPS, Invalid
from campaigns.offered import is_offered

NODES_MAX = 60
UNDO_MAX = 20
"""So many changes can be taken back, one after another."""


@dataclass
class FieldShown:
    name: str
    label: str
    kind: str
    value: object
    choices: list
    low: int = 0
    high: int = 0
    is_optional: bool = False


@dataclass
class NodeShown:
    """One node as the page draws it."""

    place: str
    is_group: bool
    match: str = "all"
    code: str = ""
    label: str = ""
    error: str = ""
    fields: list[FieldShown] = field(default_factory=list)
    inside: list["NodeShown"] = field(default_factory=list)
    depth: int = 1


def read(data, root: str = "0") -> dict:
    """The tree a posted form holds under this place; not yet checked."""
    return _read(data, root) or {"match": "all", "conditions": []}


def _read(data, place):
    kind = data.get(f"n.{place}.kind")
    if kind == "group":
        match = data.get(f"n.{place}.match", "all")
        inside = [_read(data, f"{place}.{i}") for i in range(NODES_MAX) if f"n.{place}.{i}.kind" in data]
        return {"match": match if match in MATCHES else "all", "conditions": [node for node in inside if node]}
    if kind in CONDITIONS:
        return {"type": kind} | {
            one.name: _value(data, f"n.{place}.{one.name}", one) for one in CONDITIONS[kind].fields
        }
    return None


def _value(data, name, one):
    return data.getlist(name) if one.kind == "choices" else data.get(name, "")


def change(tree: dict, act: str) -> dict:
    """The tree after one button: add:<place>:<code>, group:<place>, remove:<place>. Anything else leaves it as it is."""
    verb, _, rest = act.partition(":")
    place, _, code = rest.partition(":")
    try:
        if verb == "add" and code in CONDITIONS:
            _at(tree, place)["conditions"].append(
                {"type": code} | {one.name: one.default for one in CONDITIONS[code].fields}
            )
        elif verb == "group":
            _at(tree, place)["conditions"].append({"match": "any", "conditions": []})
        elif verb == "remove" and "." in place:
            parent, _, index = place.rpartition(".")
            _at(tree, parent)["conditions"].pop(int(index))
    except (KeyError, IndexError, ValueError):
        return tree
    return tree


def after(data) -> tuple[dict, list[dict]]:
    """The tree after the button that was pressed, and the trees before it, oldest first: `undo` goes back to the last of them."""
    tree, past = read(data), _past(data)
    act = data.get("act", "")
    if act == "undo":
        return (past[-1], past[:-1]) if past else (tree, [])
    if not act:
        return tree, past
    before = copy.deepcopy(tree)
    changed = change(tree, act)
    return changed, (past if changed == before else [*past, before][-UNDO_MAX:])


def _past(data) -> list[dict]:
    """The trees that the page carries along; what is not a list of trees is nobody's past."""
    try:
        told = json.loads(data.get("past") or "[]")
    except ValueError:
        return []
    return [tree for tree in told if _is_tree(tree)][-UNDO_MAX:] if isinstance(told, list) else []


def _is_tree(node) -> bool:
    if not isinstance(node, dict):
        return False
    if "conditions" in node:
        return isinstance(node["conditions"], list) and all(_is_tree(inner) for inner in node["conditions"])
    return node.get("type") in CONDITIONS


def focus_after(tree: dict, act: str) -> str:
    """Where the keyboard goes on after a button: to what was added, or to the group that something was taken from."""
    verb, _, rest = act.partition(":")
    place = rest.partition(":")[0]
    if verb == "remove":
        return place.rpartition(".")[0]
    try:
        return f"{place}.{len(_at(tree, place)['conditions']) - 1}" if verb in ("add", "group") else ""
    except (KeyError, IndexError, ValueError):
        return ""


def _at(tree, place):
    node = tree
    for index in place.split(".")[1:]:
        node = node["conditions"][int(index)]
    return node


def shown(node: dict, place: str = "0", depth: int = 1) -> NodeShown:
    """The tree as the page draws it, each condition with what is wrong with it, if anything."""
    if "conditions" in node:
        inside = [shown(inner, f"{place}.{i}", depth + 1) for i, inner in enumerate(node["conditions"])]
        return NodeShown(place, is_group=True, match=node.get("match", "all"), inside=inside, depth=depth)
    condition = CONDITIONS[node["type"]]
    fields = [_field(one, place, node.get(one.name, one.default)) for one in condition.fields]
    return NodeShown(
        place, is_group=False, code=condition.code, label=condition.label, error=_error(condition, node), fields=fields
    )


def _field(one, place, value):
    choices = one.choices()
    if one.kind == "choices":
        value = [str(v) for v in ([value] if isinstance(value, str) else value or [])]
    return FieldShown(
        f"n.{place}.{one.name}",
        one.label,
        one.kind,
        str(value) if one.kind in ("category", "choice") else value,
        choices,
        one.low,
        one.high,
        one.is_optional,
    )


def _error(condition, node) -> str:
    try:
        condition.clean({key: value for key, value in node.items() if key != "type"})
    except Invalid as reason:
        return str(reason)
    return ""


def groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be added, by the room that is asked."""
    found = [(label, [(one.code, one.label) for one in told if is_offered(one.code)]) for label, told in GROUPS]
    return [(label, conditions) for label, conditions in found if conditions]
