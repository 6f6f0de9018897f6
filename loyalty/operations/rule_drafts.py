"""Drafts of rule sets: made, changed part by part, submitted, published. Every act leaves a row of who did it and when.

A part is "basics" (everything but the rules), "rules.<code>" or "exclude.<code>". Whoever saves a part says which state of
it they had before their eyes (`seen`, from `mark_of`); if somebody else changed that very part meanwhile, the save is refused
and both stand side by side. Two people at two rules never get in each other's way.
"""

import copy
import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.authoring.models import RuleAct, RuleDraft, RulePolicy
from loyalty.earning import compile_rule_set
from loyalty.models import Award, RuleSet
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.rule_sets import CannotPublish, publish_rule_set

BASICS = "basics"
LISTS = ("rules", "exclude")
Act, State = RuleAct.Act, RuleDraft.State


class CannotChange(LedgerRefusal):
    """A draft that is no longer open, or a part that cannot be saved so."""


class DraftConflict(CannotChange):
    """Somebody else changed this part meanwhile. `theirs` is what stands now (None: removed), `act` who did it and when."""

    def __init__(self, theirs: Any, act: RuleAct | None):
        self.theirs, self.act = theirs, act
        who = str(act.by_user or _("Somebody")) if act else _("Somebody")
        super().__init__(
            _("%(who)s changed this meanwhile. Look at both, then keep yours or take theirs.") % {"who": who}
        )


# -- parts -------------------------------------------------------------------------------------------------------------


def part_of(definition: dict, part: str) -> Any:
    """What a definition says in one part; None where it has no such rule."""
    section, _dot, code = part.partition(".")
    if part == BASICS:
        return {key: value for key, value in definition.items() if key not in LISTS}
    if section not in LISTS:
        raise ValueError(f"{part!r} is no part of a rule set. Use basics, rules.<code> or exclude.<code>.")
    return next((entry for entry in definition.get(section, []) if entry.get("code") == code), None)


def with_part(definition: dict, part: str, value: Any) -> dict:
    """The definition with one part replaced; a rule is removed by None and added at the end when it is new."""
    changed = copy.deepcopy(definition)
    section, _dot, code = part.partition(".")
    if part == BASICS:
        return value | {key: changed[key] for key in LISTS if key in changed}
    entries = changed.setdefault(section, [])
    place = next((n for n, entry in enumerate(entries) if entry.get("code") == code), len(entries))
    entries[place : place + 1] = [] if value is None else [value]
    return changed


def mark_of(value: Any) -> str:
    """A short name for exactly this content of a part, to notice that it changed."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


# -- verbs -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_draft(
    *, name: str, definition: dict, by_user_id: int | None, at: datetime, based_on: RuleSet | None = None
) -> RuleDraft:
    """Begin a draft, from a version (a clone), a template, or nothing."""
    draft = RuleDraft.objects.create(
        name=name, definition=copy.deepcopy(definition), based_on=based_on, created_at=at, updated_at=at
    )
    _note(draft, Act.CREATED, by_user_id, at)
    return draft


@transaction.atomic
def save_part(*, draft_id: int, part: str, value: Any, seen: str, by_user_id: int | None, at: datetime) -> RuleDraft:
    """Save one part of a draft; None removes a rule. A submitted draft becomes open again.

    Raises DraftConflict when the part is no longer what `seen` names, CannotChange when the draft is closed or a new rule's
    code is taken.
    """
    draft = _locked(draft_id)
    theirs = part_of(draft.definition, part)
    if mark_of(theirs) != seen:
        if seen == mark_of(None) and theirs != value:
            raise CannotChange(_("A rule of this draft has this code already. Choose another code."))
        if theirs != value:
            raise DraftConflict(theirs, draft.acts.filter(part=part).select_related("by_user").first())
    if theirs == value:
        return draft
    draft.definition = with_part(draft.definition, part, value)
    draft.state, draft.updated_at = State.OPEN, at
    draft.save(update_fields=["definition", "state", "updated_at"])
    _note(draft, Act.CHANGED, by_user_id, at, part=part)
    return draft


@transaction.atomic
def rename_draft(*, draft_id: int, name: str, by_user_id: int | None, at: datetime) -> RuleDraft:
    draft = _locked(draft_id)
    if name != draft.name:
        draft.name, draft.updated_at = name, at
        draft.save(update_fields=["name", "updated_at"])
        _note(draft, Act.CHANGED, by_user_id, at, part="name")
    return draft


@transaction.atomic
def submit_draft(*, draft_id: int, by_user_id: int | None, at: datetime) -> RuleDraft:
    """Say that a draft is ready. Raises earning.InvalidRuleSet with every fault it still has."""
    draft = _locked(draft_id)
    compile_rule_set(draft.definition)
    if draft.state == State.OPEN:
        _become(draft, State.SUBMITTED, at)
        _note(draft, Act.SUBMITTED, by_user_id, at)
    return draft


@transaction.atomic
def withdraw_draft(*, draft_id: int, by_user_id: int | None, at: datetime) -> RuleDraft:
    """Take a submitted draft back to edit it."""
    draft = _locked(draft_id)
    if draft.state == State.SUBMITTED:
        _become(draft, State.OPEN, at)
        _note(draft, Act.WITHDRAWN, by_user_id, at)
    return draft


@transaction.atomic
def discard_draft(*, draft_id: int, by_user_id: int | None, at: datetime) -> RuleDraft:
    draft = _locked(draft_id)
    _become(draft, State.DISCARDED, at)
    _note(draft, Act.DISCARDED, by_user_id, at)
    return draft


@transaction.atomic
def publish_draft(*, draft_id: int, live_from: datetime, by_user_id: int | None, at: datetime) -> RuleSet:
    """Publish a submitted draft as the next version, in force from `live_from`. From then on it never changes.

    Raises CannotPublish (not submitted; by who submitted it where another must; in the past of what was posted; before a version
    that is already scheduled) and earning.InvalidRuleSet.
    """
    draft = _locked(draft_id)
    if draft.state != State.SUBMITTED:
        raise CannotPublish(_("Submit the draft first, so that what is published is what was looked at."))
    if approver_differs() and _submitted_by(draft) == by_user_id:
        raise CannotPublish(_("You submitted this draft. Ask a colleague to publish it."))
    refuse_the_past(live_from, at=at)
    made = publish_rule_set(definition=draft.definition, live_from=live_from, name=draft.name, at=at)
    draft.published_as = made
    draft.state, draft.updated_at = State.PUBLISHED, at
    draft.save(update_fields=["published_as", "state", "updated_at"])
    _note(draft, Act.PUBLISHED, by_user_id, at, rule_set=made)
    return made


@transaction.atomic
def call_off(*, version: int, by_user_id: int | None, at: datetime) -> RuleSet:
    """Retire a scheduled version before it goes live: the rules in force until then are published again from its moment.

    Of two versions that go live together the later one counts, so the one called off is never in force and nothing that was
    published is touched. Raises CannotPublish if it is live already or not the newest.
    """
    scheduled = RuleSet.objects.get(version=version)
    if scheduled.live_from <= at:
        raise CannotPublish(
            _("Version %(version)s is in force already. Publish another one instead.") % {"version": version}
        )
    before = RuleSet.objects.filter(live_from__lt=scheduled.live_from).order_by("-live_from", "-version").first()
    if before is None:
        raise CannotPublish(_("No rules are in force before version %(version)s.") % {"version": version})
    made = publish_rule_set(definition=before.definition, live_from=scheduled.live_from, name=before.name, at=at)
    RuleAct.objects.create(rule_set=scheduled, act=Act.CALLED_OFF, by_user_id=by_user_id, at=at)
    RuleAct.objects.create(rule_set=made, act=Act.PUBLISHED, definition=made.definition, by_user_id=by_user_id, at=at)
    return made


def approver_differs() -> bool:
    """Whether who publishes a draft must be somebody else than who submitted it."""
    return RulePolicy.objects.filter(pk=1, approver_differs=True).exists()


def set_rule_policy(*, approver_differs: bool) -> RulePolicy:
    """Say whether a second person publishes; it counts from the next publication."""
    return RulePolicy.objects.update_or_create(pk=1, defaults={"approver_differs": approver_differs})[0]


def _submitted_by(draft: RuleDraft) -> int | None:
    return draft.acts.filter(act=Act.SUBMITTED).order_by("-at", "-pk").values_list("by_user_id", flat=True).first()


def refuse_the_past(live_from: datetime, *, at: datetime) -> None:
    """A version begins now or later, and after every purchase that was posted: what was earned keeps its rules."""
    if live_from < at:
        raise CannotPublish(_("Choose a moment that is still to come; the past keeps its rules."))
    if Award.objects.filter(purchase__purchased_at__gte=live_from).exists():
        raise CannotPublish(
            _("Purchases of that time were posted already. Choose a later moment; the past keeps its rules.")
        )


# -- within ------------------------------------------------------------------------------------------------------------


def _locked(draft_id: int) -> RuleDraft:
    draft = RuleDraft.objects.select_for_update().get(pk=draft_id)
    if not draft.is_editable:
        raise CannotChange(_("This draft is closed. Clone it to go on from it."))
    return draft


def _become(draft: RuleDraft, state: str, at: datetime) -> None:
    draft.state, draft.updated_at = state, at
    draft.save(update_fields=["state", "updated_at"])


def _note(draft, act, by_user_id, at, *, part="", rule_set=None) -> None:
    RuleAct.objects.create(
        draft=draft, rule_set=rule_set, act=act, part=part, definition=draft.definition, by_user_id=by_user_id, at=at
    )
