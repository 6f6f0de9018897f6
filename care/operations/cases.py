"""Cases: opened once for one asking, routed at once, answered, and closed only with an outcome."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from care import mentions, routing, signals
from care.models import MENTION, Case, CaseEntry, Route, Team, Topic
from care.operations.tasks import add_task
from members import modules
from sales.models import Store

Kind = CaseEntry.Kind


class UnknownTopic(ValueError):
    """No topic has this code; the text names those there are."""


class CannotClose(ValueError):
    """A case closes once, and with an outcome."""


class Opened(NamedTuple):
    """A case, and whether the same asking had opened it before."""

    case: Case
    is_replay: bool


@transaction.atomic
def open_case(
    *, topic="", text, channel, at, source, client_key, member_id=None, subject="", store_code="", receipt="",
    feeling=None, cause="",
) -> Opened:  # fmt: skip
    """Open a case and give it to the team of its topic and store, with both clocks set.

    Without a topic the words decide (care/routing.py), and "other" where they say nothing. The same `(source,
    client_key)` answers the same case. Raises UnknownTopic, and ValueError for a store there is none of.
    """
    about = _topic(topic, f"{subject} {text}")
    store = _store(store_code)
    made, is_new = Case.objects.get_or_create(
        source=source,
        client_key=client_key,
        defaults={
            "member_id": member_id, "topic": about, "team_id": _team(about, store), "store": store, "channel": channel,
            "subject": subject[:200] or _first_words(text), "receipt": receipt[:120], "cause": cause,
            "feeling": feeling, "opened_at": at, "reply_due_at": at + timedelta(hours=about.reply_hours),
            "close_due_at": at + timedelta(hours=about.close_hours),
        },
    )  # fmt: skip
    if is_new:
        _write(made, Kind.HEARD, text, at=at)
        _tell(signals.case_opened, case_id=made.pk)
    return Opened(made, not is_new)


def _topic(code: str, text: str) -> Topic:
    topics = {topic.code: topic for topic in Topic.objects.all()}
    if code and code not in topics:
        raise UnknownTopic(
            _("There is no topic “%(code)s”. There are: %(codes)s.")
            % {"code": code, "codes": ", ".join(sorted(topics))}
        )
    return topics[code or routing.guess_topic(text, {one.code: one.words for one in topics.values()}).topic or "other"]


def _store(code: str) -> Store | None:
    if not code:
        return None
    store = Store.objects.filter(code=code).first()
    if store is None:
        raise ValueError(_("There is no store “%(code)s”. Leave it out, or give the code of a store.") % {"code": code})
    return store


def _team(topic: Topic, store: Store | None) -> int:
    routes = dict(Route.objects.filter(store=store).values_list("topic_id", "team_id")) if store else {}
    return routing.team_for(topic.pk, usual=topic.team_id, routes=routes)


def _first_words(text: str, length: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def _write(case: Case, kind: str, text: str = "", *, at, by_user=None, detail="", client_key=None) -> CaseEntry:
    return CaseEntry.objects.create(
        case=case, kind=kind, text=text, at=at, by_user=by_user, detail=detail[:200], client_key=client_key
    )


def _tell(signal, **news):
    transaction.on_commit(partial(signal.send_robust, sender=Case, **news))


def _locked(case: Case) -> Case:
    return Case.objects.select_for_update(of=("self",)).get(pk=case.pk)


@transaction.atomic
def hear(*, case, text, at, channel, source, client_key) -> CaseEntry:
    """A further word of the member. A closed case opens again; the same key is heard once."""
    case, key = _locked(case), f"{source}:{client_key}"[:160]
    known = CaseEntry.objects.filter(client_key=key).first()
    if known:
        return known
    if case.status == Case.Status.CLOSED:
        _reopen(case, at=at)
    Case.objects.filter(pk=case.pk).update(status=Case.Status.OPEN)
    return _write(case, Kind.HEARD, text, at=at, detail=channel, client_key=key)


@transaction.atomic
def reply(*, case, text, by_user, at) -> CaseEntry:
    """Answer the member: stops the first clock, and announces it so that somebody sends it."""
    case = _locked(case)
    changed = {"status": Case.Status.WAITING} if case.status != Case.Status.CLOSED else {}
    if case.first_replied_at is None:
        changed["first_replied_at"] = at
    if case.owner_id is None and by_user is not None:
        changed["owner"] = by_user
    Case.objects.filter(pk=case.pk).update(**changed)
    entry = _write(case, Kind.REPLIED, text, at=at, by_user=by_user)
    _tell(signals.case_replied, case_id=case.pk, entry_id=entry.pk)
    return entry


@transaction.atomic
def answer_by_itself(*, case, text, article, at) -> CaseEntry:
    """A help page answers, once. It stops no clock and closes nothing: a person reads the case all the same."""
    case, key = _locked(case), f"page:{case.pk}"
    known = CaseEntry.objects.filter(client_key=key).first()
    if known:
        return known
    entry = _write(case, Kind.AUTO, text, at=at, detail=article, client_key=key)
    _tell(signals.case_replied, case_id=case.pk, entry_id=entry.pk)
    return entry


class Noted(NamedTuple):
    """A note, who was told of it, and the names in it that nobody who may open the case answers to."""

    entry: CaseEntry
    told: list
    unknown: tuple[str, ...]


@transaction.atomic
def note(*, case, text, by_user, at, colleagues=()) -> Noted:
    """A word among staff; the member never reads it.

    Who is called in it (“@sam”) and is one of `colleagues`, the users who may open the case, finds it among their tasks at once.
    """
    entry = _write(case, Kind.NOTE, text, at=at, by_user=by_user)
    by_id = {one.pk: one for one in colleagues}
    meant = mentions.called(text, {pk: one.email for pk, one in by_id.items()})
    others = [by_id[pk] for pk in meant.ids if by_id[pk] != by_user] if modules.is_on("tasks") else []
    for one in others:
        team = one.care_teams.order_by("pk").first() or case.team
        add_task(
            title=_("%(who)s asks you to read a note in %(number)s") % {"who": _named(by_user), "number": case.number}, at=at, owner=one,
            team=team.code, cause=f"{MENTION}{case.public_id}:{entry.pk}:{one.pk}", member_id=case.member_id,
        )  # fmt: skip
    return Noted(entry, others, meant.unknown)


def _named(user) -> str:
    return (user.get_full_name() or user.email) if user else _("Somebody")


@transaction.atomic
def assign(*, case, by_user, at, team: Team | None = None, owner=None) -> None:
    """Give a case to another team, or to one person. The clocks run on."""
    case = _locked(case)
    changed = {}
    if team is not None and team.pk != case.team_id:
        changed |= {"team": team, "owner": None}
        _write(case, Kind.ROUTED, at=at, by_user=by_user, detail=team.code)
    if owner is not None:
        changed["owner"] = owner
    if changed:
        Case.objects.filter(pk=case.pk).update(**changed)


@transaction.atomic
def close(*, case, outcome, by_user, at, text="") -> None:
    """Close with an outcome; with a text, that is the last reply. Raises CannotClose."""
    case = _locked(case)
    if outcome not in Case.Outcome.values:
        raise CannotClose(_("Say how it ended: a case closes only with an outcome."))
    if case.status == Case.Status.CLOSED:
        raise CannotClose(_("This case is closed already. Open it again to change its outcome."))
    if text:
        reply(case=case, text=text, by_user=by_user, at=at)
    Case.objects.filter(pk=case.pk).update(status=Case.Status.CLOSED, outcome=outcome, closed_at=at)
    _write(case, Kind.CLOSED, at=at, by_user=by_user, detail=outcome)
    _tell(signals.case_closed, case_id=case.pk)


@transaction.atomic
def reopen(*, case, by_user, at, text="") -> None:
    """Open a closed case again; its second clock starts anew."""
    case = _locked(case)
    if case.status == Case.Status.CLOSED:
        _reopen(case, at=at, by_user=by_user, text=text)


def _reopen(case: Case, *, at, by_user=None, text=""):
    Case.objects.filter(pk=case.pk).update(
        status=Case.Status.OPEN, outcome="", closed_at=None, escalated_at=None,
        close_due_at=at + timedelta(hours=case.topic.close_hours),
    )  # fmt: skip
    _write(case, Kind.REOPENED, text, at=at, by_user=by_user)


@transaction.atomic
def escalate_overdue(*, at) -> int:
    """Mark open cases past their clock, once each; lists show them first. Returns how many are new."""
    late = list(
        Case.objects.overdue(at=at).filter(escalated_at__isnull=True).select_for_update(skip_locked=True, of=("self",))
    )
    Case.objects.filter(pk__in=[case.pk for case in late]).update(escalated_at=at)
    CaseEntry.objects.bulk_create([CaseEntry(case=case, kind=Kind.ESCALATED, at=at) for case in late])
    return len(late)
