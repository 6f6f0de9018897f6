"""What stands between a draft and going live: each problem with the step it belongs to, in words."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns import audiences, happenings
from campaigns.journeys import flow, kinds
from campaigns.journeys.kinds import KINDS, Ask, Invalid, clean_one, meaning
from campaigns.models import Audience, Campaign
from emails import checks as email_checks
from emails.models import EmailTemplate
from members.knowing import CustomField

STOP, CAUTION = "stop", "caution"
MESSAGES = ("email", "push")
START, RULES, FLOW = "start", "rules", "flow"


@dataclass(frozen=True)
class Problem:
    """Something wrong; `step` is the step's id, or “start” or “rules” for how members come and go, or “flow”."""

    step: str
    message: str
    level: str = STOP

    @property
    def is_blocking(self) -> bool:
        return self.level == STOP


ENTRY_KINDS = ("event", "audience", "date")
REENTRY = ("never", "after_leaving", "after_days")


def _asks(entry: dict) -> tuple[Ask, ...]:
    at = Ask("at", _("Time"), "time", "09:00")
    if entry.get("kind") == "date":
        return (
            Ask("date", _("Date"), "choice", "birthday", dates),
            Ask("days", _("Days after"), "number", 0, low=-60, high=60), at,
        )  # fmt: skip
    nightly = Ask("every", _("How often"), "choice", "night", lambda: [("night", ""), ("minutes", "")])
    if entry.get("every") == "minutes":
        return (nightly, Ask("minutes", _("Minutes"), "number", 30, low=5, high=10_080))
    return (nightly, at)


def dates() -> list[tuple[str, str]]:
    own = CustomField.objects.filter(kind=CustomField.Kind.DATE, is_personal=False)
    return [
        ("birthday", _("Birthday")), ("anniversary", _("Anniversary of joining")),
        *((f"field:{one.code}", one.label) for one in own),
    ]  # fmt: skip


# -- in their own types ------------------------------------------------------------------------------------------------


def clean_entry(given: dict) -> dict:
    """How members come in, checked. Raises Invalid."""
    kind = given.get("kind")
    if kind not in ENTRY_KINDS:
        raise Invalid(_("Choose how members come in: by an event, an audience or a date."), "kind")
    meant = meaning.clean(given, is_needed=kind == "audience")
    if kind == "event":
        told = {"event": given.get("event", ""), "which": str(given.get("which") or "").strip()}
        kinds.clean_happening(told)
        return {"kind": kind, **told, **meant}
    return {"kind": kind, **meant} | {
        ask.name: clean_one(ask, given.get(ask.name, ask.default)) for ask in _asks(given)
    }


def clean_reentry(given: dict) -> dict:
    rule = given.get("rule") or "never"
    if rule not in REENTRY:
        raise Invalid(_("Choose who may come in again."), "rule")
    if rule != "after_days":
        return {"rule": rule}
    days = clean_one(Ask("days", _("Days"), "number", 90, low=1, high=3650), given.get("days", ""))
    return {"rule": rule, "days": days}


def clean_goal(given: dict | None) -> dict | None:
    if given and given.get("event"):
        told = {"event": given["event"], "which": str(given.get("which") or "").strip()}
        kinds.clean_happening(told)
        return told
    return clean_exit(given)


def clean_exit(given: dict | None) -> dict | None:
    meant = meaning.clean(given, is_needed=False)
    return meant if meant["audience"] else None


def clean_step(step: dict) -> dict:
    """A step's own fields, checked, its paths as they are. Raises Invalid."""
    cleaned = {"type": step["type"], **KINDS[step["type"]].clean(step)}
    cleaned |= meaning.own_of(step, cleaned.get("audience", ""))
    return cleaned | ({"paths": step["paths"]} if "paths" in step else {})


# -- the whole draft ---------------------------------------------------------------------------------------------------


def problems(definition: dict) -> list[Problem]:
    """Everything wrong with a draft, in the order of reading."""
    found = [*_of(START, clean_entry, definition["entry"]), *_of(RULES, clean_reentry, definition["reentry"])]
    found += _of(RULES, clean_goal, definition["goal"]) + _of(RULES, clean_exit, definition["exit"])
    found += _of_audience(START, definition["entry"])
    for rule in ("goal", "exit"):
        found += _of_audience(RULES, definition[rule] or {})
    if not definition["steps"]:
        found.append(Problem(FLOW, _("The journey has no steps yet. Add the first one.")))
    for step, _depth in flow.walk(definition["steps"]):
        found += _of(step["id"], clean_step, step) or _of_step(definition, step)
    return found


def _of(where: str, clean, given) -> list[Problem]:
    try:
        clean(given)
    except Invalid as reason:
        return [Problem(where, str(reason))]
    return []


def _of_audience(where: str, given: dict) -> list[Problem]:
    """An audience that cannot be asked any more stops the journey here, not when a member stands at the step."""
    if not given.get("audience"):
        return []
    try:
        meaning.conditions_of(given)
    except (Audience.DoesNotExist, audiences.Invalid, ValueError) as reason:
        return [Problem(where, str(reason))]
    return []


def _of_step(definition: dict, step: dict) -> list[Problem]:
    asked = {
        "email": _of_email, "branch": lambda _d, s: _of_audience(s["id"], s), "followup": _of_followup, "split": _of_split,
        "variant": _of_variant, "exit": _of_exit,
    }.get(step["type"])  # fmt: skip
    return asked(definition, step) if asked else []


def _of_email(_definition, step) -> list[Problem]:
    template = EmailTemplate.objects.get(pk=step["template"])
    return [
        Problem(step["id"], _("The e-mail “%(name)s” is not ready: %(why)s") % {"name": template.name, "why": problem.message})
        for problem in email_checks.problems(template)
        if problem.level == email_checks.ERROR
    ]  # fmt: skip


def _of_followup(definition, step) -> list[Problem]:
    earlier = {one["id"]: one for one in flow.before(definition, step["id"])}
    about = earlier.get(step["step"])
    if about is None or about["type"] not in MESSAGES:
        return [Problem(step["id"], _("Name the step of an e-mail or push message that comes before this one."))]
    waits = [one for one in flow.before(definition, step["id"]) if one["type"] in kinds.WAITS]
    order = [one["id"] for one in flow.before(definition, step["id"])]
    if not any(order.index(one["id"]) > order.index(about["id"]) for one in waits):
        return [
            Problem(step["id"], _("Nothing waits between the message and this question: the answer will be no."), CAUTION)
        ]  # fmt: skip
    return []


def _of_split(_definition, step) -> list[Problem]:
    names = [path.get("name", "").strip() for path in step["paths"]]
    if not 2 <= len(names) <= flow.PATHS_MAX or len(set(names)) < len(names) or not all(names):
        return [Problem(step["id"], _("A split has two to five paths, each with a name of its own."))]
    if any(not 1 <= path.get("weight", 1) <= 1000 for path in step["paths"]):
        return [Problem(step["id"], _("A path's weight lies between 1 and 1,000."))]
    return []


def _of_variant(definition, step) -> list[Problem]:
    if step["arm"] not in dict(variant_choices(definition, step["id"])):
        return [
            Problem(
                step["id"], _("Choose a path of a split before this step, or a variant of a campaign that has begun.")
            )
        ]
    return []


def variant_choices(definition: dict, step_id: str) -> list[tuple[str, str]]:
    """Where chance has put members before: splits above the step, and campaigns that were planned."""
    splits = [one for one in flow.before(definition, step_id) if one["type"] == "split"]
    found = [
        (f"{one['id']}:{path['name']}", _("path %(name)s of step %(step)s") % {"name": path["name"], "step": one["id"]})
        for one in splits
        for path in one["paths"]
    ]
    begun = (
        Campaign.objects.filter(experiment__isnull=False).order_by("-planned_at", "-pk").prefetch_related("variants")
    )
    for campaign in begun[:20]:
        found += [
            (f"campaign:{campaign.pk}:{one.name}", f"{campaign.name}: {one.name}") for one in campaign.variants.all()
        ]
    return found


def _of_exit(definition, step) -> list[Problem]:
    node = flow.nodes(definition)[step["id"]]
    siblings = _after(definition["steps"], step["id"])
    if node.next and siblings:
        return [Problem(step["id"], _("The steps below this end are never reached."), CAUTION)]
    return []


def _after(steps: list[dict], step_id: str) -> list[dict]:
    for index, step in enumerate(steps):
        if step["id"] == step_id:
            return steps[index + 1 :]
        for path in step.get("paths", ()):
            if found := _after(path["steps"], step_id):
                return found
    return []


def words_of_entry(entry: dict) -> str:
    """How members come in, as a sentence, whatever is still missing."""
    said = {"event": _event_words, "audience": _audience_words, "date": _date_words}.get(entry.get("kind"))
    return said(entry) if said else _("Nobody comes in yet: choose how.")


def _event_words(entry: dict) -> str:
    told = {"event": happenings.words_of(entry), "audience": meaning.words(entry)}
    if meaning.is_own(entry):
        return _("When this happens: %(event)s, to members for whom this holds: %(audience)s") % told
    if entry.get("audience"):
        return _("When this happens: %(event)s, to members in “%(audience)s”") % told
    return _("When this happens: %(event)s") % told


def _audience_words(entry: dict) -> str:
    told = {"audience": meaning.words(entry), "time": entry.get("at", ""), "n": entry.get("minutes", "")}
    if entry.get("every") == "minutes":
        return _("Members in “%(audience)s”, looked for every %(n)s minutes") % told
    return _("Members in “%(audience)s”, looked for every day at %(time)s") % told


def _date_words(entry: dict) -> str:
    days = int(entry.get("days") or 0)
    told = {"date": dict(dates()).get(entry.get("date"), "?"), "n": abs(days), "time": entry.get("at", "")}
    if days < 0:
        return _("%(date)s, %(n)s days before, at %(time)s where the member is") % told
    if days > 0:
        return _("%(date)s, %(n)s days after, at %(time)s where the member is") % told
    return _("%(date)s, on the day, at %(time)s where the member is") % told


def words_of_rules(definition: dict) -> list[str]:
    """Who may come in again, what is the goal, and who leaves early."""
    rule = definition["reentry"]
    again = {
        "never": _("Each member once"), "after_leaving": _("Again after leaving"),
        "after_days": _("Again after %(n)s days") % {"n": rule.get("days", "?")},
    }[rule.get("rule", "never")]  # fmt: skip
    said, goal = [again], definition["goal"]
    if goal:
        what = happenings.words_of(goal) if goal.get("event") else meaning.words(goal)
        said.append(_("Goal: %(what)s") % {"what": what})
    if definition["exit"]:
        leaves = _("Who comes into “%(audience)s” leaves")
        if meaning.is_own(definition["exit"]):
            leaves = _("Who meets this leaves: %(audience)s")
        said.append(leaves % {"audience": meaning.words(definition["exit"])})
    return said
