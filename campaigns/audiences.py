"""Audiences: a tree of conditions that becomes one SQL statement, and can say why a member is in or out.

A group is {"match": "all" | "any" | "none", "conditions": [...]} and may hold groups; a condition is {"type": code, ...its
fields}. “none” is true for who meets none of what is inside. An empty group is no restriction.
"""

from dataclasses import dataclass, field

from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.conditions import CONDITIONS, Invalid
from members.models import Member

MATCHES = ("all", "any", "none")
DEPTH_MAX, CONDITIONS_MAX = 4, 40

__all__ = ["CONDITIONS", "Invalid", "Reason", "clean", "compile", "count", "explain", "sentences"]


@dataclass(frozen=True)
class Reason:
    """One line of “why”: the condition in words, whether the member meets it, and what is inside if it is a group."""

    words: str
    is_met: bool
    inside: list["Reason"] = field(default_factory=list)


def clean(tree: dict) -> dict:
    """The tree with every parameter checked and in its own type. Raises Invalid, saying what to change."""
    cleaned = _clean_group(tree or {"match": "all", "conditions": []}, depth=1)
    if len(list(_leaves(cleaned))) > CONDITIONS_MAX:
        raise Invalid(_("An audience holds at most %(n)s conditions.") % {"n": CONDITIONS_MAX})
    return cleaned


def _clean_group(tree, depth):
    if depth > DEPTH_MAX:
        raise Invalid(_("Groups nest at most %(n)s deep.") % {"n": DEPTH_MAX})
    if (
        not isinstance(tree, dict)
        or tree.get("match", "all") not in MATCHES
        or not isinstance(tree.get("conditions", []), list)
    ):
        raise Invalid(_("A group says “all”, “any” or “none” and lists its conditions."))
    nodes = [_clean_node(node, depth) for node in tree.get("conditions", [])]
    return {"match": tree.get("match", "all"), "conditions": nodes}


def _clean_node(node, depth):
    if isinstance(node, dict) and "conditions" in node:
        return _clean_group(node, depth + 1)
    code = node.get("type") if isinstance(node, dict) else None
    if code not in CONDITIONS:
        raise Invalid(_("There is no condition “%(code)s”.") % {"code": code})
    return {"type": code, **CONDITIONS[code].clean(node)}


def _leaves(group):
    for node in group["conditions"]:
        if "conditions" in node:
            yield from _leaves(node)
        else:
            yield node


def _parameters(node) -> dict:
    return {key: value for key, value in node.items() if key != "type"}


def _q(node, at) -> Q:
    if "conditions" not in node:
        return CONDITIONS[node["type"]].q(at, **_parameters(node))
    asked = [_q(inner, at) for inner in node["conditions"]]
    if not asked:
        return Q()
    joined = asked[0]
    for q in asked[1:]:
        joined = joined & q if node["match"] == "all" else joined | q
    return ~joined if node["match"] == "none" else joined


def compile(tree: dict, *, at):  # noqa: A001 - it is what it does: a tree becomes a statement
    """The active members the tree describes at this moment, as a QuerySet that is one SQL statement. Raises Invalid."""
    return Member.objects.active().filter(_q(clean(tree), at))


def count(tree: dict, *, at) -> int:
    return compile(tree, at=at).count()


def sentences(tree: dict) -> Reason:
    """The tree in words; `is_met` means nothing here."""
    return _reason(clean(tree), {})


def explain(tree: dict, member_id: int, *, at) -> Reason:
    """Why this member is in or out, condition by condition. One query, whatever the tree holds."""
    cleaned = clean(tree)
    leaves = list(_leaves(cleaned))
    asked = {f"met_{i}": CONDITIONS[leaf["type"]].q(at, **_parameters(leaf)) for i, leaf in enumerate(leaves)}
    found = Member.objects.filter(pk=member_id).annotate(**asked).values(*asked, "status").get()
    met = {id(leaf): bool(found[f"met_{i}"]) for i, leaf in enumerate(leaves)}
    whole = _reason(cleaned, met)
    if found["status"] != Member.Status.ACTIVE:
        return Reason(_("Is an active member"), is_met=False, inside=[whole])
    return whole


def _reason(node, met) -> Reason:
    if "conditions" not in node:
        return Reason(CONDITIONS[node["type"]].words(**_parameters(node)), met.get(id(node), False))
    inside = [_reason(inner, met) for inner in node["conditions"]]
    answers = [reason.is_met for reason in inside]
    is_met = {"all": all(answers), "any": any(answers) or not answers, "none": not any(answers)}[node["match"]]
    return Reason(_group_words(node["match"], bool(answers)), is_met, inside)


def _group_words(match: str, has_conditions: bool) -> str:
    if not has_conditions:
        return _("Every active member")
    return {"all": _("All of these hold"), "any": _("At least one of these holds"), "none": _("None of these holds")}[
        match
    ]
