"""Vouchers and gift cards of another system: checked whole against control totals before a single code is stored.

They are in people's hands already: each is stored as our own are (loyalty/spending/codes.py), is redeemed where ours are, and
is never handed out to anybody else. A code is brought in once from one system, so the same file again changes nothing.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty.old_codes.matching import match
from loyalty.old_codes.reading import Row, read
from loyalty.old_codes.writing import store
from loyalty.sentences import money
from members.importing.problems import CannotImport, Rejects


@dataclass(frozen=True)
class Control:
    """What the old system counted. `values` by currency in minor units, `rewards` how many codes by the reward's name."""

    codes: int
    values: dict[str, int] = field(default_factory=dict)
    rewards: dict[str, int] = field(default_factory=dict)


@dataclass
class Outcome:
    """What the file holds: `codes` by what they give (in words), `values` still open by currency, in minor units.

    `brought` came in now, `known` were here before; of all codes so many are `used`, `over` (unused, their time is past), `owned` by a
    member, and `cards`.
    """

    codes: Counter = field(default_factory=Counter)
    values: Counter = field(default_factory=Counter)
    brought: int = 0
    known: int = 0
    used: int = 0
    over: int = 0
    owned: int = 0
    cards: int = 0


@transaction.atomic
def import_vouchers(path: Path, *, control: Control, source: str, at: datetime, rejects: Rejects) -> Outcome:
    """Bring the codes of a file in, or nothing: raises CannotImport when a row is wrong or the totals are not the control's."""
    with connection.cursor() as cursor:  # two at once would each find the other's codes unknown
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('loyalty_old_codes', 0))")
    rows = read(path, at, rejects)
    match(rows, source, rejects)
    if rejects.count:
        raise CannotImport(
            _("%(count)s rows cannot be brought in, so nothing was. Mend them and run the import again.")
            % {"count": rejects.count}
        )
    outcome = _counted(rows)
    _hold_against(control, outcome)
    store([row for row in rows if not row.is_known], source, at)
    return outcome


def _counted(rows: list[Row]) -> Outcome:
    outcome = Outcome()
    for row in rows:
        outcome.codes[row.gives.words] += 1
        if row.gives.currency and not row.used_at:
            outcome.values[row.gives.currency] += row.gives.minor
        outcome.brought += not row.is_known
        outcome.known += row.is_known
        outcome.used += row.used_at is not None
        outcome.over += row.is_over
        outcome.owned += row.member_id is not None
        outcome.cards += row.gives.is_card
    return outcome


def _hold_against(control: Control, outcome: Outcome):
    """Raise CannotImport, with every total that differs."""
    wrong = []
    if outcome.codes.total() != control.codes:
        wrong.append(
            _("The file has %(codes)s codes; the control total is %(want)s.")
            % {"codes": f"{outcome.codes.total():,}", "want": f"{control.codes:,}"}
        )
    for currency in sorted({*outcome.values, *control.values}):
        found, want = outcome.values[currency], control.values.get(currency)
        if want is None:
            wrong.append(
                _("The file has codes worth %(currency)s, and no control total says how much: add --control-value %(currency)s=….")
                % {"currency": currency}
            )  # fmt: skip
        elif found != want:
            wrong.append(
                _("What is not used yet is worth %(found)s; the control total is %(want)s.")
                % {"found": money(found, currency), "want": money(want, currency)}
            )
    wrong += [
        _("The file has %(codes)s codes for %(reward)s; the control total is %(want)s.")
        % {"codes": f"{outcome.codes[name]:,}", "reward": name, "want": f"{want:,}"}
        for name, want in control.rewards.items()
        if outcome.codes[name] != want
    ]
    if wrong:
        raise CannotImport("\n".join([*wrong, _("Nothing was brought in.")]))
