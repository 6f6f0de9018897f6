"""The flow as the page draws it, and the forms of steps out of what each kind asks."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from campaigns.journeys import checking, flow, kinds
from campaigns.journeys.kinds import KINDS, Ask
from campaigns.journeys.queries import StepCount
from campaigns.offered import is_offered

GROUPS = (
    (kinds.TALK, lambda: _("Say something")), (kinds.GIVE, lambda: _("Give something")), (kinds.TIME, lambda: _("Wait")),
    (kinds.WAY, lambda: _("Part the way")), (kinds.STAFF, lambda: _("Staff and machines")),
)  # fmt: skip


@dataclass
class PathShown:
    label: str
    end: str  # the place of a step added after the last one
    steps: list["StepShown"]


@dataclass
class StepShown:
    """One step as a card of the flow."""

    id: str
    kind: kinds.Kind
    words: str
    place: str  # the place of a step added before this one
    problems: list[checking.Problem]
    count: StepCount
    is_first: bool
    is_last: bool
    paths: list[PathShown] = field(default_factory=list)


def shown(definition: dict, problems: list, counts: dict[str, StepCount]) -> PathShown:
    """The whole flow as one path."""
    by_step: dict[str, list] = {}
    for problem in problems:
        by_step.setdefault(problem.step, []).append(problem)
    return _path("", "", definition["steps"], (by_step, counts))


def _path(label: str, where: str, steps: list[dict], known) -> PathShown:
    cards = [_card(step, f"{where}:{n}", (n == 0, n == len(steps) - 1), known) for n, step in enumerate(steps)]
    return PathShown(label, f"{where}:{len(steps)}", cards)


def _card(step: dict, place: str, edge: tuple[bool, bool], known) -> StepShown:
    by_step, counts = known
    kind = KINDS[step["type"]]
    paths = [
        _path(label_of(step, n), f"{step['id']}.{n}", path["steps"], known)
        for n, path in enumerate(step.get("paths", ()))
    ]
    return StepShown(
        step["id"], kind, kinds.words_of(step), place, by_step.get(step["id"], []), counts.get(step["id"], StepCount()),
        *edge, paths,
    )  # fmt: skip


def label_of(step: dict, number: int) -> str:
    """A path's name: the split's own, else what the kind calls it."""
    return step["paths"][number].get("name") or str(KINDS[step["type"]].paths[number])


def palette() -> list[tuple[str, list[kinds.Kind]]]:
    """Kinds of steps to add, in groups."""
    return [
        (words(), [kind for kind in KINDS.values() if kind.group == group and is_offered(kind.code)])
        for group, words in GROUPS
    ]


# -- forms -------------------------------------------------------------------------------------------------------------


@dataclass
class FieldShown:
    """One field of a form: `kind` says which control; `value` is text, or a list where several may be chosen."""

    name: str
    label: str
    kind: str
    value: object
    choices: list[tuple[str, str]]
    help: str
    low: int
    high: int
    is_needed: bool
    error: str = ""


def form_of(asks: tuple[Ask, ...], given: dict, wrong: kinds.Invalid | None = None) -> list[FieldShown]:
    return [_field(ask, given.get(ask.name, ask.default), wrong) for ask in asks]


def _field(ask: Ask, value, wrong) -> FieldShown:
    chosen = [str(one) for one in value] if ask.kind == "choices" else str(value if value is not None else "")
    choices = [(str(key), str(words)) for key, words in ask.choices()] if ask.choices else []
    error = str(wrong) if wrong and wrong.field == ask.name else ""
    return FieldShown(
        ask.name, str(ask.label), ask.kind, chosen, choices, str(ask.help), ask.low, ask.high, ask.is_needed, error
    )


def asks_of(definition: dict, step: dict) -> tuple[Ask, ...]:
    """What a step asks; where the answers depend on the flow above it, with those."""
    asks = KINDS[step["type"]].asks
    if step["type"] == "followup":
        return (_chosen(asks[0], lambda: _messages_before(definition, step["id"])), *asks[1:])
    if step["type"] == "variant":
        return (_chosen(asks[0], lambda: checking.variant_choices(definition, step["id"])),)
    return asks


def _chosen(ask: Ask, choices) -> Ask:
    return Ask(ask.name, ask.label, "choice", ask.default, choices)


def _messages_before(definition: dict, step_id: str) -> list[tuple[str, str]]:
    sent = [one for one in flow.before(definition, step_id) if KINDS[one["type"]].sends]
    return [(one["id"], f"{one['id']}: {kinds.words_of(one)}") for one in sent]


def read(asks: tuple[Ask, ...], data) -> dict:
    """What a posted form holds, not yet checked."""
    return {
        ask.name: data.getlist(ask.name) if ask.kind == "choices" else data.get(ask.name, "").strip() for ask in asks
    }


def read_paths(data) -> list[dict]:
    """A split's paths out of a posted form: names with their weights; a path without a name is left out."""
    names, weights = data.getlist("path_name"), data.getlist("path_weight")
    return [
        {"name": name.strip()[:60], "weight": int(weight) if weight.isdigit() else 0, "steps": []}
        for name, weight in zip(names, weights, strict=False)
        if name.strip()
    ]
