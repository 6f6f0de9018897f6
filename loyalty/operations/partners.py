"""Partners: other houses that give and take our points, and pay for rewards by shares.

A partner's acts carry its own source, so what is owed is read from the ledger (loyalty/settling.py) and never kept twice.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import remarks, rules
from loyalty.models import Account, Funder, Partner, PartnerTerms, Transfer
from loyalty.operations.errors import KeyReused, LedgerRefusal, UnknownMember
from loyalty.operations.points import Moved, redeem
from loyalty.operations.purchases import POINTS, _again_after_races, _programme_zone
from sales import catalogue


class CannotPartner(LedgerRefusal):
    """A partner may not do this, or its terms cannot stand so."""


@dataclass(frozen=True)
class Terms:
    """What a thousand points cost, in minor units of a currency, from a day on."""

    valid_from: date
    currency: str
    issue_minor_per_1000: int
    accept_minor_per_1000: int


@transaction.atomic
def add_partner(*, code: str, name: str, terms: Terms, may_issue: bool = True, may_accept: bool = True) -> Partner:
    """A new partner with its first terms. Its source is `partner:<code>`. Raises CannotPartner."""
    if Partner.objects.filter(code=code).exists():
        raise CannotPartner(_("There is a partner with this code already. Choose another one."))
    made = Partner.objects.create(
        code=code,
        name=name,
        source_id=catalogue.source_id(f"partner:{code}"),
        may_issue=may_issue,
        may_accept=may_accept,
    )
    agree_terms(partner=made, terms=terms)
    return made


@transaction.atomic
def change_partner(*, partner: Partner, is_active: bool, may_issue: bool, may_accept: bool) -> Partner:
    """What a partner may do from now on; what it did stays settled as agreed then."""
    partner.is_active, partner.may_issue, partner.may_accept = is_active, may_issue, may_accept
    partner.save(update_fields=["is_active", "may_issue", "may_accept"])
    return partner


def agree_terms(*, partner: Partner, terms: Terms) -> PartnerTerms:
    """New terms from a day on; never for days that older terms have begun to cover after it. Raises CannotPartner."""
    newest = partner.terms.order_by("-valid_from").first()
    if newest and terms.valid_from <= newest.valid_from:
        raise CannotPartner(
            _("The newest terms hold from %(day)s. Choose a later day; what was agreed stays.")
            % {"day": newest.valid_from}
        )
    if len(terms.currency) != 3 or terms.issue_minor_per_1000 < 0 or terms.accept_minor_per_1000 < 0:
        raise CannotPartner(_("Terms name a currency such as USD, and prices of zero or more."))
    return PartnerTerms.objects.create(partner=partner, **vars(terms))


def issue_points(
    *, partner: Partner, member_id: int, points: int, client_key: str, at: datetime, note: str = ""
) -> Moved:
    """A partner gives a member points, which it pays us for. Raises CannotPartner, UnknownMember, KeyReused."""
    _may(partner, is_allowed=partner.may_issue)
    if points <= 0:
        raise CannotPartner(_("Give at least one point."))
    [moved] = issue_many(
        source=partner.source.code, account=Account.PARTNER, reason=Transfer.Reason.PARTNER, at=at,
        rows=[Issue(client_key, member_id, points, None, _said(partner, note, member_id, client_key) or partner.name)],
    )  # fmt: skip
    if isinstance(moved, Exception):
        raise moved
    return moved


def accept_points(
    *, partner: Partner, member_id: int, points: int, client_key: str, at: datetime, note: str = ""
) -> Moved:
    """A member spends points at a partner, which we pay it for. Raises CannotPartner, NotEnoughPoints, UnknownMember, KeyReused."""
    _may(partner, is_allowed=partner.may_accept)
    return redeem(
        member_id=member_id, points=points, source=partner.source.code, client_key=client_key, at=at,
        note=note.strip()[:100], payee=partner.name,
    )  # fmt: skip


def _said(partner: Partner, note: str, member_id: int, client_key: str) -> str:
    return remarks.keep(note[:100], member_id=member_id, source=partner.source.code, client_key=client_key)


def partner_of_source(source_id: int) -> Partner | None:
    """The active partner whose acts carry this source."""
    return Partner.objects.select_related("source").filter(source=source_id, is_active=True).first()


def _may(partner: Partner, *, is_allowed: bool):
    if not partner.is_active or not is_allowed:
        raise CannotPartner(_("%(partner)s has no agreement with us for this.") % {"partner": partner.name})


@transaction.atomic
def set_funders(*, cause: str, percents: Mapping[str, int]) -> list[Funder]:
    """Who pays for a cause, such as reward:12: partners' codes and their per cents; the house pays the rest. Raises CannotPartner."""
    found = {partner.code: partner for partner in Partner.objects.filter(code__in=percents)}
    if unknown := set(percents) - set(found):
        raise CannotPartner(_("There is no partner %(code)s.") % {"code": ", ".join(sorted(unknown))})
    if any(percent < 1 for percent in percents.values()) or sum(percents.values()) > 100:
        raise CannotPartner(_("Each partner pays a part, and together at most the whole."))
    Funder.objects.filter(cause=cause).delete()
    return [
        Funder.objects.create(cause=cause, partner=found[code], percent=percent)
        for code, percent in sorted(percents.items())
    ]


def fund_act(*, source: str, client_key: str, kind: str, cause: str, points: int, at: datetime) -> int:
    """Split an act's points among those who fund its cause, in the caller's transaction. Gives back what partners bear of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_fund_act(%s::bigint, %s::text, %s::text, %s::text, %s::bigint, %s::timestamptz)",
            [catalogue.source_id(source), client_key, kind, cause, points, at],
        )
        return int(cursor.fetchone()[0])


# -- points that begin outside a purchase ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issue:
    """One act: `points` for a member, spendable until `until` (None: as points of that day)."""

    client_key: str
    member_id: int
    points: int
    until: date | None
    note: str = ""


def issue_many(
    *, source: str, account: Account, reason: str, rows: Sequence[Issue], at: datetime
) -> list[Moved | LedgerRefusal]:
    """Issue many in one statement: per row what moved, or why not. A refused row does not hold up the others."""
    day = at.astimezone(_programme_zone()).date()
    usual = rules.known().live_at(at).expires_on(day)
    hashes = [
        hashlib.blake2b(repr((r.member_id, r.points, r.until, int(account))).encode(), digest_size=16).digest()
        for r in rows
    ]
    arguments = [
        POINTS, catalogue.source_id(source), [r.client_key for r in rows], hashes, [r.member_id for r in rows],
        [r.points for r in rows], [r.until or usual for r in rows], account, reason, [r.note for r in rows], at, day,
    ]  # fmt: skip
    answers: list[Moved | LedgerRefusal] = [UnknownMember(row.member_id) for row in rows]
    for place, outcome, wallet_id, version, available in _again_after_races(partial(_issue, arguments)):
        row = rows[place - 1]
        if outcome == "conflict":
            answers[place - 1] = KeyReused(row.client_key)
        elif outcome != "no_member":
            answers[place - 1] = Moved(wallet_id, version, row.points, available, is_replay=outcome == "replay")
    return answers


def _issue(arguments):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_issue_points(%s::smallint, %s::bigint, %s::text[], %s::bytea[], %s::bigint[], %s::bigint[],
                      %s::date[], %s::smallint, %s::text, %s::text[], %s::timestamptz, %s::date)""",
            arguments,
        )
        return cursor.fetchall()
