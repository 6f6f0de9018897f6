"""Lists that somebody uploads: one member a row, by card, e-mail address or phone. The whole file is taken, or nothing of it."""

import csv
import io
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.memberships.models import AudienceMember
from campaigns.models import Audience
from members import normalise, queries
from members.crypto import keyed_hash
from members.importing.problems import Problem, shown

BYTES_MAX, ROWS_MAX = 20_000_000, 500_000
PROBLEMS_KEPT = 100
AT_ONCE = 5_000
HEADINGS = {
    "card": {"card", "card number", "card_number", "member", "member number", "卡号", "会员卡", "会员卡号"},
    "email": {"email", "e-mail", "mail", "email address", "e-mail address", "邮箱", "电子邮件", "电子邮箱"},
    "phone": {"phone", "phone number", "mobile", "telephone", "手机", "手机号", "电话", "手机号码"},
}


class BadList(Exception):
    """Nothing was taken; `problems` says which rows cannot be, why, and what would help; `count` is how many there are."""

    def __init__(self, problems: list[Problem]):
        self.problems, self.count = problems[:PROBLEMS_KEPT], len(problems)
        super().__init__("; ".join(f"{one.row}: {one.reason} {one.remedy}" for one in problems[:3]))


@dataclass(frozen=True)
class Listed:
    """What came of an upload: how many members stand on the list, and how many rows matched nobody."""

    members: int
    left_out: int


@dataclass
class _Read:
    """What the rows say: the number of each by kind and keyed hash, and what is wrong with the others."""

    wanted: dict[tuple[str, bytes], tuple[int, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def upload(*, audience: Audience, file: bytes, name: str, at, leaves_out_unknown: bool = False) -> Listed:
    """Put the members of the file, and nobody else, on the list. Raises BadList, and then nothing has changed.

    A row that cannot be read is always a problem; one that no member answers to is left out if so asked.
    """
    read = _read(_text(file))
    found, unknown = _found(read)
    problems = read.problems if leaves_out_unknown else read.problems + unknown
    if not problems and not found:
        problems = unknown or [Problem(1, "", _("The file holds no rows."), _("Export it again and upload it."))]
    if problems:
        raise BadList(sorted(problems))
    _write(audience, found, name, at)
    return Listed(len(found), len(unknown))


def _text(file: bytes) -> str:
    if len(file) > BYTES_MAX:
        remedy = _("Split it, or ask for the members by conditions instead.")
        raise BadList([Problem(1, "", _("The file is larger than 20 MB."), remedy)])
    encoding = "utf-16" if file[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for attempt in (encoding, "gb18030"):
        try:
            return file.decode(attempt)
        except UnicodeDecodeError:
            continue
    remedy = _("Save it as “CSV UTF-8” and upload it again.")
    raise BadList([Problem(1, "", _("The file is not text that can be read."), remedy)])


def _read(text: str) -> _Read:
    read, columns = _Read(), None
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text.replace("\0", "␀"), newline="")), 1):
            if number > ROWS_MAX:
                remedy = _("Split it, or ask for the members by conditions instead.")
                raise BadList([Problem(number, "", _("A list holds at most 500,000 rows."), remedy)])
            if number == 1 and (columns := _columns(row)):
                continue
            if any(cell.strip() for cell in row):
                _take(number, row, columns, read)
    except csv.Error as error:
        remedy = _("Save it as a CSV file with one member a row.")
        raise BadList([Problem(1, "", _("The file cannot be read: %(error)s.") % {"error": error}, remedy)]) from None
    return read


def _columns(row: list[str]) -> dict[int, str]:
    """Place → kind of the columns whose heading is known; empty if the first row is no heading."""
    kinds = {heading: kind for kind, headings in HEADINGS.items() for heading in headings}
    named = {place: kinds.get(cell.strip().casefold()) for place, cell in enumerate(row)}
    return {place: kind for place, kind in named.items() if kind}


def _take(number: int, row: list[str], columns: dict[int, str] | None, read: _Read):
    cells = [(columns[place], row[place].strip()) for place in columns or {} if place < len(row) and row[place].strip()]
    kind, value = cells[0] if cells else ("", "" if columns else row[0].strip())
    if not value:
        remedy = _("Give a card number, an e-mail address or a phone number in each row.")
        read.problems.append(Problem(number, "", _("The row names nobody."), remedy))
        return
    kind = kind or _guessed(value)
    try:
        plain = normalise.NORMALISERS[kind](value)
    except ValueError as remedy:
        reason = _("“%(value)s” cannot be read.") % {"value": shown(value)}
        read.problems.append(Problem(number, kind, reason, str(remedy)))
        return
    read.wanted.setdefault((kind, keyed_hash(plain, kind=kind)), (number, shown(value)))


def _guessed(value: str) -> str:
    if "@" in value:
        return "email"
    try:
        normalise.card(value)
    except ValueError:
        return "phone"
    return "card"


def _found(read: _Read) -> tuple[set[int], list[Problem]]:
    found, answered = set(), set()
    for kind in HEADINGS:
        hashes = [hashed for of, hashed in read.wanted if of == kind]
        for start in range(0, len(hashes), AT_ONCE):
            for hashed, member_id in queries.identifier_ids(kind, hashes[start : start + AT_ONCE]).items():
                found.add(member_id)
                answered.add((kind, hashed))
    remedy = _("Correct it, or let rows that match nobody be left out.")
    unknown = [
        Problem(row, kind, _("No member answers to “%(value)s”.") % {"value": value}, remedy)
        for (kind, hashed), (row, value) in read.wanted.items()
        if (kind, hashed) not in answered
    ]
    return found, unknown


@transaction.atomic
def _write(audience: Audience, found: set[int], name: str, at):
    audience.kind, audience.listed_at, audience.listed_from = Audience.Kind.LIST, at, name[:120]
    audience.is_kept, audience.kept_at = False, None
    audience.save()
    audience.conditions = {
        "match": "all",
        "conditions": [{"type": "audience", "op": "yes", "audience": str(audience.pk)}],
    }
    audience.save(update_fields=["conditions"])
    AudienceMember.objects.filter(audience=audience).exclude(member__in=found).delete()
    AudienceMember.objects.bulk_create(
        (AudienceMember(audience=audience, member_id=pk, entered_at=at) for pk in sorted(found)),
        batch_size=AT_ONCE, ignore_conflicts=True,
    )  # fmt: skip
