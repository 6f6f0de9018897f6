"""Importing members: a file of people becomes members with identifiers and consents. See docs/formats.md."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.utils.translation import gettext as _

from members import custom
from members.importing.files import File, Rows
from members.importing.problems import CannotImport, Problem, Rejects, shown
from members.knowing import CustomField
from members.models import Consent, Identifier, Member, SearchToken
from members.operations import NewMember, enrol_many
from members.operations.knowing import fill_custom_fields
from members.statistics import refresh_statistics

IDENTIFIERS = ("external_id", "card", "email", "phone")
PLAIN = (*IDENTIFIERS, "given_name", "family_name", "language", "time_zone", "country")
COLUMNS = (*PLAIN, "joined", "birthday", "consents")
CUSTOM = "custom."
"""How the columns of the shop's own fields begin: `custom.shoe_size`."""
CHUNK = 5_000
MEMBERS_WORTH_STATISTICS = 1_000
GRANTED, REFUSED = {"yes", "true", "1", "y"}, {"no", "false", "0", "n"}
CONFIRMED = {"confirmed"}  # a yes that its reader confirmed where it was given: nobody is asked again


@dataclass(frozen=True)
class MemberMapping:
    """How to read a file of members. Without a mapping file, the canonical format."""

    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    time_zone: str = "UTC"


@dataclass
class Outcome:
    enrolled: int = 0
    known_before: int = 0


def read_member_mapping(path: Path | None) -> MemberMapping:
    """The mapping a TOML file describes: [columns], [defaults], [file] and [read]. Raises CannotImport."""
    if path is None:
        return MemberMapping()
    try:
        said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise CannotImport(
            _("The mapping %(path)s cannot be read: %(error)s") % {"path": path, "error": error}
        ) from error
    known = {
        "columns": {*COLUMNS, *_own_fields()},
        "defaults": set(PLAIN),
        "file": {"encoding", "delimiter"},
        "read": {"time_zone"},
    }
    for section, content in said.items():
        for name in content if section in known else [section]:
            if name not in known.get(section, ()):
                raise CannotImport(_("The mapping knows no %(name)s. See docs/formats.md.") % {"name": shown(name)})
    mapping = MemberMapping(
        said.get("columns", {}), said.get("defaults", {}), **said.get("file", {}), **said.get("read", {})
    )
    try:
        ZoneInfo(mapping.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CannotImport(
            _("Time zone %(zone)s is not known. Write it like America/New_York.") % {"zone": mapping.time_zone}
        ) from error
    return mapping


def _own_fields() -> dict[str, CustomField]:
    """The shop's own fields by the names of their columns."""
    return {f"{CUSTOM}{one.code}": one for one in CustomField.objects.order_by("pk")}


@dataclass(frozen=True)
class Person:
    """A row that can be taken: who it is, and the values of the shop's own fields."""

    number: int
    new: NewMember
    own: dict[CustomField, object]


def import_members(
    path: Path,
    mapping: MemberMapping,
    *,
    at: datetime,
    source: str,
    rejects: Rejects,
    progress: Callable[[int, float], object],
) -> Outcome:
    """Enrol the members of a file, in chunks that are each one transaction. Who is known already is left as they are."""
    file = File(path, encoding=mapping.encoding, delimiter=mapping.delimiter)
    found = _present(file.headings, mapping)
    outcome = Outcome()
    for rows in file.batches(sorted(found.values()), problem=rejects.add):
        people = _people(rows, found, mapping, at, rejects)
        for start in range(0, len(people), CHUNK):
            _enrol(people[start : start + CHUNK], at, source, rejects, outcome)
        progress(len(rows), rows.share)
    if outcome.enrolled >= MEMBERS_WORTH_STATISTICS:
        refresh_statistics(Member, Identifier, SearchToken, Consent)
    return outcome


def _present(headings: list[str], mapping: MemberMapping) -> dict[str, str]:
    found = {}
    own = _own_fields()
    for heading in headings:
        if heading.startswith(CUSTOM) and heading not in own and heading not in mapping.columns.values():
            raise CannotImport(
                _(
                    "There is no custom field %(name)s. Make it under Profiles, or rename the column; there are: %(known)s."
                )
                % {"name": shown(heading), "known": ", ".join(own) or "–"}
            )
    for name in (*COLUMNS, *own):
        heading = mapping.columns.get(name, name)
        if heading in headings:
            found[name] = heading
        elif name in mapping.columns:
            raise CannotImport(
                _("Column %(heading)s (%(name)s) is missing; the file has: %(headings)s.")
                % {"heading": heading, "name": name, "headings": ", ".join(headings[:20])}
            )
    if not found.keys() & set(IDENTIFIERS):
        raise CannotImport(
            _("The file recognises nobody: it needs one of the columns %(names)s; it has: %(headings)s.")
            % {"names": ", ".join(IDENTIFIERS), "headings": ", ".join(headings[:20])}
        )
    return found


def _people(rows: Rows, found, mapping: MemberMapping, at: datetime, rejects: Rejects) -> list[Person]:
    own = {name: one for name, one in _own_fields().items() if name in found}
    columns, broken = {}, {}
    for name, heading in found.items():
        text, mask = rows.text(heading)
        columns[name], broken[name] = text.to_pylist(), mask
    people = []
    for place, number in enumerate(rows.numbers.tolist()):
        cells = {name: column[place] for name, column in columns.items()}
        unreadable = [name for name, mask in broken.items() if mask[place]]
        if not any(cells.values()) and not unreadable:
            continue  # an empty line at the end of a sheet
        problem = _unreadable(number, unreadable) if unreadable else None
        new = None if problem else _person(number, cells, mapping, at)
        values = _own_values(number, cells, own) if isinstance(new, NewMember) else new
        if isinstance(values, dict):
            people.append(Person(number, new, values))
        else:
            rejects.add(problem or values)
    return people


def _unreadable(number: int, names: list[str]) -> Problem:
    return Problem(
        number, names[0], _("The cell is not valid text."),
        _("Save the file as UTF-8 without NUL bytes, or set its encoding under [file] in the mapping."),
    )  # fmt: skip


def _person(number: int, cells: dict[str, str], mapping: MemberMapping, at: datetime) -> NewMember | Problem:
    if not any(cells.get(name) for name in IDENTIFIERS):
        return Problem(
            number,
            "(row)",
            _("Nothing recognises this member."),
            _("Give at least one of external_id, card, email and phone."),
        )
    try:
        joined = _moment(cells.get("joined", ""), mapping.time_zone)
    except ValueError:
        return Problem(
            number, "joined", _("%(value)s is not a date and time.") % {"value": shown(cells["joined"])},
            _("Write it like 2026-03-31 15:04:05."),
        )  # fmt: skip
    if joined and joined > at:
        return Problem(
            number,
            "joined",
            _("%(value)s lies in the future.") % {"value": shown(cells["joined"])},
            _("Check the date."),
        )
    try:
        month, day = _birthday(cells.get("birthday", ""))
    except ValueError:
        return Problem(
            number, "birthday", _("%(value)s is no birthday.") % {"value": shown(cells["birthday"])},
            _("Write month and day like 03-31; the year is not kept."),
        )  # fmt: skip
    try:
        consents = _consents(cells.get("consents", ""))
    except ValueError as reason:
        return Problem(
            number, "consents", _("%(value)s is no consent.") % {"value": shown(str(reason))},
            _("Write channel=yes or channel=no, several with semicolons: email=yes;sms=no. There are: %(channels)s.")
            % {"channels": ", ".join(Consent.Channel.values)},
        )  # fmt: skip
    is_confirmed = any(word in CONFIRMED for _channel, word in _words(cells.get("consents", "")))
    facts = {name: text for name in PLAIN if (text := cells.get(name) or mapping.defaults.get(name))}
    return NewMember(
        **facts, joined_at=joined, birth_month=month, birth_day=day, consents=consents, is_confirmed=is_confirmed
    )


def _own_values(number: int, cells: dict[str, str], own: dict[str, CustomField]) -> dict[CustomField, object] | Problem:
    """The values of the shop's own fields, each as its kind; empty cells say nothing."""
    values = {}
    for name, one in own.items():
        if not cells[name]:
            continue
        try:
            values[one] = custom.clean(one.kind, cells[name], choices=one.choices)
        except ValueError as reason:
            return Problem(number, name, str(reason), _("Correct the row and import the file again."))
    return values


def _moment(text: str, zone: str) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _birthday(text: str) -> tuple[int | None, int | None]:
    """`03-31` as month and day; 29 February is one."""
    if not text:
        return None, None
    born = datetime.strptime(f"2000-{text}", "%Y-%m-%d")
    return born.month, born.day


def _consents(text: str) -> tuple[tuple[str, str, bool], ...]:
    """`email=yes;sms=no;email.surveys=yes` as (channel, purpose, is granted); without a purpose it is marketing."""
    said = []
    for topic, word in _words(text):
        channel, _dot, purpose = topic.partition(".")
        purpose = purpose or Consent.Purpose.MARKETING
        known = channel in Consent.Channel.values and purpose in Consent.Purpose.values
        if not known or word not in GRANTED | REFUSED | CONFIRMED:
            raise ValueError(f"{topic}={word}")
        said.append((channel, purpose, word not in REFUSED))
    return tuple(said)


def _words(text: str) -> list[tuple[str, str]]:
    parts = (piece.partition("=") for piece in text.split(";") if piece.strip())
    return [(channel.strip().lower(), word.strip().lower()) for channel, _equals, word in parts]


def _enrol(people: list[Person], at: datetime, source: str, rejects: Rejects, outcome: Outcome):
    with transaction.atomic():
        done = enrol_many([one.new for one in people], at=at, source=source, is_asked_for=False)
        own = [(id_, one.own) for id_, one in zip(done.member_ids, people, strict=True) if id_ is not None and one.own]
        fill_custom_fields(own)
    outcome.enrolled += sum(id_ is not None for id_ in done.member_ids)
    for error in done.errors:
        number = people[error.row].number
        if error.member_id is not None:
            outcome.known_before += 1
        else:
            rejects.add(Problem(number, error.field, error.message, _("Correct the row and import the file again.")))
