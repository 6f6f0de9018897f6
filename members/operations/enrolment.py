"""Enrolling: one member at the till, or a file of them. One path, set-based: a single member is a list of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4
from zoneinfo import available_timezones

from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from members import cards, normalise
from members.bulk import copy_objects, copy_rows
from members.crypto import encrypt, keyed_hash
from members.models import Consent, ErasedIdentifier, Member
from members.operations import confirming
from members.queries import confirmed_topics
from members.signals import members_changed

KINDS = ("card", "phone", "email", "external")
FIELD_OF_KIND = {"external": "external_id"}
CARD_TRIES = 5
TOKEN_COLUMNS = ("member_id", "kind", "token_hash")


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """Somebody to enrol. `consents`: channels granted for marketing, or (channel, purpose, is_granted).

    `is_confirmed`: whoever tells us answers for it that a yes by e-mail was confirmed before, where it was given.
    """

    given_name: str = ""
    family_name: str = ""
    email: str = ""
    phone: str = ""
    card: str = ""
    external_id: str = ""
    language: str = "en"
    time_zone: str = "America/New_York"
    country: str = ""
    birth_month: int | None = None
    birth_day: int | None = None
    joined_at: datetime | None = None
    public_id: UUID | None = None
    lifecycle_stage: str = Member.LifecycleStage.CONTACT
    consents: Iterable = ()
    is_confirmed: bool = False


@dataclass(frozen=True)
class RowError:
    """Why one row was not enrolled. `member_id` names the member who already holds the identifier, if one does."""

    row: int
    field: str
    message: str
    member_id: int | None = None


@dataclass(frozen=True)
class EnrolledMany:
    """`member_ids` is as long as the input and in its order; None where `errors` says why."""

    member_ids: list[int | None]
    errors: list[RowError]


class CannotEnrol(Exception):
    """A field of the new member cannot stand. `field` names it, the text says what to do."""

    def __init__(self, message: str, *, field: str):
        super().__init__(message)
        self.field = field


class AlreadyKnown(CannotEnrol):
    """The identifier in `field` belongs to somebody already; `member_id` says to whom, for staff who may know."""

    def __init__(self, message: str, *, field: str, member_id: int | None):
        super().__init__(message, field=field)
        self.member_id = member_id


@dataclass
class _Draft:
    """One row on its way in: normalised identifiers by kind, with their hashes."""

    row: int
    new: NewMember
    values: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, bytes] = field(default_factory=dict)
    member: Member | None = None


def enrol(*, at, source: str, **fields) -> Member:
    """Enrol one member; a card is made when none is given.

    Raises AlreadyKnown naming the field that is taken, or CannotEnrol naming the field that cannot be read.
    """
    done = enrol_many([NewMember(**fields)], at=at, source=source)
    for error in done.errors:
        if error.member_id is not None:
            raise AlreadyKnown(error.message, field=error.field, member_id=error.member_id)
        raise CannotEnrol(error.message, field=error.field)
    member = Member.objects.get(pk=done.member_ids[0])
    _welcome_back(member)
    return member


def _welcome_back(member: Member):
    """Who was erased and now joins again is no longer kept out of imports."""
    for kind, value_hash in member.identifiers.values_list("kind", "value_hash"):
        ErasedIdentifier.objects.filter(kind=kind, value_hash=value_hash).delete()


def enrol_many(rows: Iterable[NewMember | Mapping], *, at, source: str, is_asked_for: bool = True) -> EnrolledMany:
    """Enrol many members in a handful of statements. A row that cannot stand is told in `errors`; all others are in.

    `is_asked_for`: the people ask for it themselves, here and now. An import says False, and who was erased stays out.
    """
    rows = [row if isinstance(row, NewMember) else NewMember(**row) for row in rows]
    errors: dict[int, RowError] = {}
    drafts = [draft for number, row in enumerate(rows) if (draft := _draft(number, row, errors))]
    if not is_asked_for:
        drafts = _refuse_erased(drafts, errors)
    while drafts:  # again only if another enrolment took an identifier between our look and our writing
        drafts = _refuse_taken(drafts, errors)
        try:
            with transaction.atomic():
                if drafts:
                    _write(drafts, at=at, source=source)
            break
        except IntegrityError as clash:
            if "one_member_for_one_identifier" not in str(clash):
                raise
    ids = {draft.row: draft.member.pk for draft in drafts}
    if ids:
        transaction.on_commit(partial(members_changed.send_robust, sender=Member, member_ids=list(ids.values())))
    return EnrolledMany([ids.get(number) for number in range(len(rows))], [errors[n] for n in sorted(errors)])


def _draft(row: int, new: NewMember, errors: dict) -> _Draft | None:
    draft = _Draft(row, new)
    for kind in KINDS:
        name = FIELD_OF_KIND.get(kind, kind)
        text = getattr(new, name)
        if not text:
            continue
        try:
            value = (
                normalise.phone(text, country=new.country or "US")
                if kind == "phone"
                else normalise.NORMALISERS[kind](text)
            )
        except ValueError as reason:
            errors[row] = RowError(row, name, str(reason))
            return None
        draft.values[kind], draft.hashes[kind] = value, keyed_hash(value, kind=kind)
    problem = _problem(new)
    if problem:
        errors[row] = RowError(row, *problem)
        return None
    if "card" not in draft.values:
        _give_card(draft)
    return draft


_TIME_ZONES = available_timezones()


def _problem(new: NewMember) -> tuple[str, str] | None:
    if new.time_zone not in _TIME_ZONES:
        return "time_zone", _("%(zone)s is no time zone. Use a name such as America/New_York.") % {
            "zone": new.time_zone
        }
    if (new.birth_month is None) != (new.birth_day is None) or not _is_day_of_year(new.birth_month, new.birth_day):
        return "birth_day", _("A birthday is a month and a day that exist, such as 2 and 29; or neither.")
    for consent in new.consents:
        channel, purpose, _granted = _consent(consent)
        if channel not in Consent.Channel.values or purpose not in Consent.Purpose.values:
            return "consents", _("A consent names a channel (%(channels)s) and a purpose (%(purposes)s).") % {
                "channels": ", ".join(Consent.Channel.values),
                "purposes": ", ".join(Consent.Purpose.values),
            }
    return None


def _is_day_of_year(month: int | None, day: int | None) -> bool:
    if month is None or day is None:
        return True
    return 1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _give_card(draft: _Draft):
    draft.values["card"] = cards.new_card_number()
    draft.hashes["card"] = keyed_hash(draft.values["card"], kind="card")


def _consent(consent) -> tuple[str, str, bool]:
    return (consent, Consent.Purpose.MARKETING, True) if isinstance(consent, str) else tuple(consent)


def _refuse_taken(drafts: list[_Draft], errors: dict) -> list[_Draft]:
    """Keep the drafts whose identifiers are free, in the database and among the rows before them."""
    holders = _holders(drafts)
    free, seen = [], {}
    for draft in drafts:
        if not draft.new.card:  # a card we made up is ours to change
            while ("card", draft.hashes["card"]) in holders or ("card", draft.hashes["card"]) in seen:
                _give_card(draft)
        taken = next((kind for kind, value in draft.hashes.items() if (kind, value) in holders), None)
        twice = next((kind for kind, value in draft.hashes.items() if (kind, value) in seen), None)
        if taken:
            errors[draft.row] = _taken(draft.row, taken, holders[taken, draft.hashes[taken]])
        elif twice:
            errors[draft.row] = _twice(draft.row, twice, seen[twice, draft.hashes[twice]])
        else:
            free.append(draft)
            seen.update(dict.fromkeys(draft.hashes.items(), draft.row))
    return free


def _refuse_erased(drafts: list[_Draft], errors: dict) -> list[_Draft]:
    """Keep the drafts of which no identifier belonged to somebody who was erased."""
    hashes = [value for draft in drafts for value in draft.hashes.values()]
    erased = {
        (kind, bytes(value))
        for kind, value in ErasedIdentifier.objects.filter(value_hash__in=hashes).values_list("kind", "value_hash")
    }
    kept = []
    for draft in drafts:
        kind = next((kind for kind, value in draft.hashes.items() if (kind, value) in erased), None)
        if kind is None:
            kept.append(draft)
            continue
        errors[draft.row] = RowError(
            draft.row, FIELD_OF_KIND.get(kind, kind),
            _("This person asked to be erased. Leave the row out; they may join again themselves."),
        )  # fmt: skip
    return kept


def _holders(drafts: list[_Draft]) -> dict[tuple[str, bytes], int]:
    """Who holds the drafts' identifiers already: (kind, hash) → member id. One query."""
    pairs = [pair for draft in drafts for pair in draft.hashes.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.kind, i.value_hash, i.member_id FROM members_identifier i"
            " JOIN unnest(%s::text[], %s::bytea[]) AS wanted(kind, value_hash) USING (kind, value_hash)",
            [[kind for kind, _hash in pairs], [value for _kind, value in pairs]],
        )
        return {(kind, bytes(value)): member_id for kind, value, member_id in cursor.fetchall()}


def _taken(row: int, kind: str, member_id: int) -> RowError:
    message = {
        "card": _("This card belongs to a member already. Give out another one."),
        "phone": _("This phone number belongs to a member already. Find them by it instead of enrolling them again."),
        "email": _("This e-mail address belongs to a member already. Find them by it instead of enrolling them again."),
        "external": _("This external id belongs to a member already."),
    }[kind]
    return RowError(row, FIELD_OF_KIND.get(kind, kind), message, member_id)


def _twice(row: int, kind: str, before: int) -> RowError:
    message = _("Row %(row)d before it has the same %(field)s. Keep one of the two.")
    name = FIELD_OF_KIND.get(kind, kind)
    return RowError(row, name, message % {"row": before + 1, "field": name})


def _write(drafts: list[_Draft], *, at, source: str):
    for draft in drafts:
        draft.member = _member(draft.new, at)
    copy_objects([draft.member for draft in drafts])
    _write_identifiers(drafts, at=now())
    copy_rows(
        "members_searchtoken",
        TOKEN_COLUMNS,
        _token_rows(
            (draft.member.pk, draft.new.given_name, draft.new.family_name, draft.values.get("phone", ""))
            for draft in drafts
        ),
    )
    must_confirm = confirmed_topics()
    asked = [(draft, topics) for draft in drafts if (topics := _to_confirm(draft.new, must_confirm))]
    copy_objects(
        [
            Consent(
                member=draft.member, channel=channel, purpose=purpose, is_granted=is_granted,
                at=draft.member.joined_at, source=source,
            )
            for draft in drafts
            for channel, purpose, is_granted in map(_consent, draft.new.consents)
            if not _waits(draft.new, (channel, purpose, is_granted), must_confirm)
        ]
    )  # fmt: skip
    confirming.ask_many(
        [
            confirming.question(
                member_id=draft.member.pk, purposes=topics, address_hash=draft.hashes.get("email"), at=at, source=source
            )
            for draft, topics in asked
        ]
    )


def _waits(new: NewMember, consent: tuple[str, str, bool], must_confirm: set[str]) -> bool:
    channel, purpose, is_granted = consent
    return is_granted and channel == Consent.Channel.EMAIL and purpose in must_confirm and not new.is_confirmed


def _to_confirm(new: NewMember, must_confirm: set[str]) -> list[str]:
    """The topics of which a yes by e-mail is no consent before it is confirmed."""
    return [consent[1] for consent in map(_consent, new.consents) if _waits(new, consent, must_confirm)]


def _write_identifiers(drafts: list[_Draft], *, at: datetime):
    context = "members.identifier.value"
    copy_rows(
        "members_identifier",
        ("member_id", "kind", "value", "value_hash", "email_domain", "is_primary", "created_at"),
        (
            (
                draft.member.pk, kind, encrypt(value, context=context), draft.hashes[kind],
                value.rpartition("@")[2] if kind == "email" else "", True, at,
            )
            for draft in drafts
            for kind, value in draft.values.items()
        ),
    )  # fmt: skip


def _member(new: NewMember, at) -> Member:
    return Member(
        public_id=new.public_id or uuid4(), given_name=new.given_name.strip(), family_name=new.family_name.strip(),
        language=new.language, time_zone=new.time_zone, country=new.country, birth_month=new.birth_month,
        birth_day=new.birth_day, lifecycle_stage=new.lifecycle_stage, joined_at=new.joined_at or at,
    )  # fmt: skip


def search_tokens(given_name: str, family_name: str, phone: str) -> set[tuple[str, bytes]]:
    """The keyed hashes a member is found by in parts."""
    names = {("name", keyed_hash(word, kind="name")) for word in normalise.name_index(given_name, family_name)}
    return names | {("phone", keyed_hash(end, kind="phone_suffix")) for end in normalise.phone_suffixes(phone)}


def _token_rows(members: Iterable[tuple[int, str, str, str]]) -> list[tuple[int, str, bytes]]:
    """The tokens of (member id, given name, family name, phone in E.164)."""
    return [
        (member_id, kind, token)
        for member_id, given_name, family_name, phone in members
        for kind, token in search_tokens(given_name, family_name, phone)
    ]


def write_search_tokens(members: Iterable[tuple[int, str, str, str]]):
    """Write the tokens of members who may have some of them already, in one statement."""
    rows = _token_rows(members)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_searchtoken (member_id, kind, token_hash)"
            " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) ON CONFLICT DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []],
        )
