"""Opening balances of another system: checked whole against control totals before a single point moves.

Columns: one of card, phone, email, external_id, public_id; points; and, if there are such, expires_on, tier, tier_until. Every
row is a transfer from OPENING under a name of its own, so the same file again changes nothing.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty.models import Account, Tier, Transfer, Wallet
from loyalty.operations.partners import Issue, issue_many
from loyalty.operations.purchases import POINTS, _programme_zone
from loyalty.operations.tiers import give_tier
from members import normalise
from members.crypto import keyed_hash
from members.importing.files import File
from members.importing.problems import CannotImport, Problem, Rejects, shown
from members.models import Member
from members.queries import identifier_ids

CHUNK = 2_000
POINTS_MAX = 10**9
KINDS = {"card": "card", "phone": "phone", "email": "email", "external_id": "external", "public_id": ""}
OPTIONAL = ("expires_on", "tier", "tier_until")


@dataclass
class Row:
    """One line of the file that can be read. `who` is the identifier as it is stored."""

    number: int
    kind: str
    who: str
    points: int
    until: date | None = None
    tier: str = ""
    tier_until: datetime | None = None
    member_id: int | None = None


@dataclass
class Outcome:
    """`members` and `points` are what the file brings in all, `posted` what is new of it, `known` rows were there before."""

    members: int = 0
    points: int = 0
    posted: int = 0
    known: int = 0
    tiers: int = 0
    conflicts: list[int] = field(default_factory=list)


def import_balances(
    path: Path, *, control_members: int, control_points: int, source: str, at: datetime, rejects: Rejects
) -> Outcome:
    """Bring the balances of a file in, or nothing: raises CannotImport when a row is wrong or the totals are not the control's."""
    found = _read(path, at, rejects)
    _find_members(found, rejects)
    if rejects.count:
        raise CannotImport(
            _("%(count)s rows cannot be brought in, so nothing was. Mend them and run the import again.")
            % {"count": rejects.count}
        )
    outcome = Outcome(members=len({row.member_id for row in found}), points=sum(row.points for row in found))
    if (outcome.members, outcome.points) != (control_members, control_points):
        raise CannotImport(
            _("The file has %(members)s members with %(points)s points; the control totals are %(want_members)s and %(want_points)s. Nothing was brought in.")
            % {
                "members": f"{outcome.members:,}", "points": f"{outcome.points:,}",
                "want_members": f"{control_members:,}", "want_points": f"{control_points:,}",
            }
        )  # fmt: skip
    with transaction.atomic():
        for start in range(0, len(found), CHUNK):
            _post(found[start : start + CHUNK], source, at, outcome)
        if outcome.conflicts:
            raise CannotImport(
                _(
                    "Row %(row)s was brought in before with other points; nothing was changed. Correct it by an adjustment."
                )
                % {"row": outcome.conflicts[0]}
            )
        _give_tiers(found, source, at, outcome)
    return outcome


def _read(path: Path, at: datetime, rejects: Rejects) -> list[Row]:
    file = File(path)
    kinds = [name for name in KINDS if name in file.headings]
    if len(kinds) != 1 or "points" not in file.headings:
        raise CannotImport(
            _("The file needs a column points, and exactly one of: %(kinds)s.") % {"kinds": ", ".join(KINDS)}
        )
    wanted = [kinds[0], "points", *(name for name in OPTIONAL if name in file.headings)]
    tiers, found = set(Tier.objects.values_list("code", flat=True)), []
    for rows in file.batches(wanted, problem=rejects.add):
        for number, cells in rows.cells(wanted):
            read = _row(number, kinds[0], cells, at, tiers)
            (rejects.add if isinstance(read, Problem) else found.append)(read)
    return found


def _row(number: int, kind: str, cells: dict[str, str], at: datetime, tiers: set[str]) -> Row | Problem:
    try:
        who = str(UUID(cells[kind])) if kind == "public_id" else normalise.NORMALISERS[KINDS[kind]](cells[kind])
    except ValueError as reason:
        return Problem(number, kind, str(reason), _("Write it as it stands in the member's record."))
    points = cells["points"].replace(",", "")
    if not points.isdecimal() or int(points) > POINTS_MAX:
        return Problem(
            number,
            "points",
            _("%(value)s is no number of points.") % {"value": shown(points)},
            _("Write a whole number of zero or more."),
        )
    row = Row(number, kind, who, int(points), tier=cells.get("tier", ""))
    for name in ("expires_on", "tier_until"):
        try:
            day = date.fromisoformat(cells[name]) if cells.get(name) else None
        except ValueError:
            return Problem(
                number, name, _("%(value)s is no day.") % {"value": shown(cells[name])}, _("Write it as 2027-03-31.")
            )
        if day and day < at.astimezone(_programme_zone()).date():
            return Problem(number, name, _("%(day)s is over.") % {"day": day}, _("Leave out what has expired."))
        if name == "expires_on":
            row.until = day
        elif day:
            row.tier_until = datetime.combine(day, time(23, 59, 59), tzinfo=_programme_zone()).astimezone(UTC)
    if row.tier and row.tier not in tiers:
        return Problem(
            number,
            "tier",
            _("There is no tier %(tier)s.") % {"tier": shown(row.tier)},
            _("Use a tier's code: %(codes)s.") % {"codes": ", ".join(sorted(tiers))},
        )
    return row


def _find_members(found: list[Row], rejects: Rejects):
    """Whose balance each row is: merged members count as the one they became."""
    if found and found[0].kind == "public_id":
        known = dict(
            Member.objects.active().filter(public_id__in=[row.who for row in found]).values_list("public_id", "pk")
        )
        ids = {str(public_id): pk for public_id, pk in known.items()}
        known_as = [row.who for row in found]
    else:
        kind = KINDS[found[0].kind] if found else "card"
        known_as = [keyed_hash(row.who, kind=kind) for row in found]
        ids = identifier_ids(kind, known_as)
    seen = Counter()
    for row, key in zip(found, known_as, strict=True):
        row.member_id = ids.get(key)
        seen[row.member_id, row.until] += 1
        if row.member_id is None:
            rejects.add(Problem(row.number, row.kind, _("No member is known by it."), _("Import the member first.")))
        elif seen[row.member_id, row.until] > 1:
            rejects.add(
                Problem(
                    row.number, row.kind, _("This member has a row for this last day already."), _("Add the two up.")
                )
            )


def _post(rows: list[Row], source: str, at: datetime, outcome: Outcome):
    public_ids = dict(Member.objects.filter(pk__in=[row.member_id for row in rows]).values_list("pk", "public_id"))
    due = [row for row in rows if row.points]
    answers = issue_many(
        source=source, account=Account.OPENING, reason=Transfer.Reason.OPENING, at=at,
        rows=[
            Issue(f"opening:{public_ids[row.member_id]}:{row.until or 'usual'}", row.member_id, row.points, row.until)
            for row in due
        ],
    )  # fmt: skip
    for row, answer in zip(due, answers, strict=True):
        if isinstance(answer, Exception):
            outcome.conflicts.append(row.number)
        elif answer.is_replay:
            outcome.known += 1
        else:
            outcome.posted += row.points


def _give_tiers(found: list[Row], source: str, at: datetime, outcome: Outcome):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_open_wallets(%s::smallint, %s::bigint[])",
            [POINTS, [row.member_id for row in found if row.tier]],
        )
    held = dict(
        Wallet.objects.filter(currency=POINTS, member__in=[r.member_id for r in found if r.tier]).values_list(
            "member", "tier__code"
        )
    )
    for row in found:
        if row.tier and held.get(row.member_id) != row.tier:
            give_tier(
                member_id=row.member_id, tier_code=row.tier, kind="opening", cause=f"opening:{source}", until=row.tier_until,
                by_user_id=None, at=at,
            )  # fmt: skip
            outcome.tiers += 1
