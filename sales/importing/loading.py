"""From a file to staged receipts whose products, stores and members are known."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from django.utils.translation import gettext as _

from members import normalise
from members.crypto import keyed_hash
from members.importing.files import File
from members.importing.problems import CannotImport, Problem, Rejects, shown
from members.models import Identifier, Member, SearchToken
from members.operations import NewMember, enrol_many
from members.queries import identifier_ids
from members.statistics import refresh_statistics
from sales.importing.checking import check
from sales.importing.mapping import Mapping
from sales.importing.staging import Staging
from sales.models import Category, Product, Store
from sales.operations import ensure_products, ensure_stores

PROBLEMS_MAX = 100_000
LINES_WORTH_STATISTICS = 10_000


class UnknownMembers(StrEnum):
    """What becomes of receipts whose member reference nobody has."""

    REJECT = "reject"
    ENROL = "enrol"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Load:
    """One loading: what to read, how, and where problems go."""

    path: Path
    mapping: Mapping
    rejects: Rejects
    source: str
    unknown_members: UnknownMembers = UnknownMembers.REJECT


def load(job: Load, staging: Staging, *, progress: Callable[[int, float], object]) -> int:
    """Read the whole file into `staging` and settle it. Returns how many good lines were left out with bad ones.

    Raises CannotImport when the file as a whole cannot be read; nothing but staging was written then.
    """
    _read(job, staging, progress)
    left_out = staging.drop_spoiled()
    job.rejects.add(*staging.disagreements())
    left_out += staging.drop_spoiled()
    for products in staging.products():
        ensure_products(products)
    ensure_stores(
        [(code, _("Store %(code)s") % {"code": code}) for code in staging.stores()],
        time_zone=job.mapping.store_time_zone,
    )
    for people in staging.members():
        _know_members(job, staging, people)
    if staging.count() >= LINES_WORTH_STATISTICS:
        refresh_statistics(Product, Store, Category, Member, Identifier, SearchToken)
    return left_out


def _read(job: Load, staging: Staging, progress):
    file = File(job.path, encoding=job.mapping.encoding, delimiter=job.mapping.delimiter)
    found = job.mapping.present(file.headings)
    wanted = sorted({heading for headings in found.values() for heading in headings})
    now = datetime.now(UTC)
    batches = file.batches(wanted, problem=job.rejects.add)
    with _Behind() as behind:  # PostgreSQL takes in one batch while the next ones are read and checked
        for rows, checked in _ahead(lambda rows: check(rows, job.mapping, found, now=now), batches):
            job.rejects.add(*checked.problems)
            _stop_early(job)
            behind(staging.add, checked)
            progress(len(rows), rows.share)


def _ahead(act, items):
    """(item, act(item)) in order, two acts at a time in threads: columns are worked on outside of Python's lock."""
    with ThreadPoolExecutor(2) as pool:
        waiting = deque()
        for item in items:
            waiting.append((item, pool.submit(copy_context().run, act, item)))  # in the reader's language
            if len(waiting) > 2:
                done, answer = waiting.popleft()
                yield done, answer.result()
        for done, answer in waiting:
            yield done, answer.result()


class _Behind:
    """Does one thing after another in a thread, never more than one ahead; errors come up at the next call."""

    def __enter__(self):
        self._pool, self._last = ThreadPoolExecutor(1), None
        return self

    def __call__(self, act, *arguments):
        if self._last:
            self._last.result()
        self._last = self._pool.submit(act, *arguments)

    def __exit__(self, kind, *_error):
        self._pool.shutdown()
        if self._last and kind is None:
            self._last.result()


def _stop_early(job: Load):
    if job.rejects.count > PROBLEMS_MAX:
        raise CannotImport(
            _(
                "More than %(count)s rows have problems; nothing was imported. The mapping probably names wrong columns. The first: %(first)s"
            )
            % {"count": PROBLEMS_MAX, "first": job.rejects.summary()[0]}
        )


def _know_members(job: Load, staging: Staging, people: list[tuple[str, int, datetime]]):
    """Find whom a chunk of member references means; for the unknown ones do as the import was told."""
    kind = job.mapping.member_kind
    hashes, reasons = {}, {}
    for ref, _row, _at in people:
        try:
            hashes[ref] = keyed_hash(_normal(ref, job.mapping), kind=kind)
        except ValueError as reason:
            reasons[ref] = str(reason)
    known = identifier_ids(kind, hashes.values())
    found = {ref: known[hash_] for ref, hash_ in hashes.items() if hash_ in known}
    staging.know_members(found, outcome="known")
    unknown = [person for person in people if person[0] not in found]
    if job.unknown_members == UnknownMembers.ENROL:
        enrolled, errors = _enrol(job, [person for person in unknown if person[0] not in reasons])
        staging.know_members(enrolled, outcome="known")
        reasons |= errors
        unknown = [person for person in unknown if person[0] not in enrolled]
    if job.unknown_members == UnknownMembers.ANONYMOUS:
        staging.know_members(dict.fromkeys((ref for ref, *_ in unknown), None), outcome="anonymous")
        return
    staging.know_members(dict.fromkeys((ref for ref, *_ in unknown), None), outcome="reject")
    job.rejects.add(*(_unknown(job, ref, row, reasons.get(ref)) for ref, row, _at in unknown))


def _normal(ref: str, mapping: Mapping) -> str:
    if mapping.member_kind == "phone":
        return normalise.phone(ref, country=mapping.country)
    return normalise.NORMALISERS[mapping.member_kind](ref)


def _enrol(job: Load, people) -> tuple[dict[str, int], dict[str, str]]:
    """Enrol members by nothing but their reference, as of their first purchase."""
    field = "external_id" if job.mapping.member_kind == "external" else job.mapping.member_kind
    rows = [NewMember(**{field: ref}, joined_at=at, country=job.mapping.country) for ref, _row, at in people]
    done = enrol_many(rows, at=datetime.now(UTC), source=job.source)
    enrolled = {person[0]: id_ for person, id_ in zip(people, done.member_ids, strict=True) if id_}
    return enrolled, {people[error.row][0]: error.message for error in done.errors}


def _unknown(job: Load, ref: str, row: int, reason: str | None) -> Problem:
    heading = job.mapping.heading("member")
    return Problem(
        row, heading if isinstance(heading, str) else heading[0],
        reason or _("No member has %(kind)s %(ref)s; all receipts that name it are left out.") % {"kind": job.mapping.member_kind, "ref": shown(ref)},
        _("Import the members first, or choose --unknown-members=enrol or anonymous."),
    )  # fmt: skip
