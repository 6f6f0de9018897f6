"""What members do beside purchases, and what waits for something to happen: events, referrals, points that mature."""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from loyalty import explaining, fraud, rules
from loyalty.earning import RuleSet, Term
from loyalty.earning.state import BY_ITSELF, event_call
from loyalty.models import Referral, ReferralCode, Wallet
from loyalty.operations.acting import ask, day_of, digest, refuse_common
from loyalty.operations.errors import KeyReused, LedgerRefusal, UnknownMember
from loyalty.operations.purchases import POINTS
from members.crypto import keyed_hash
from members.models import Identifier, Member
from sales import catalogue

EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
LEDGER = "ledger"
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no letter or digit that is read as another


class BadEvent(LedgerRefusal):
    """An event without a name, a time zone, or a member."""


class CannotRefer(LedgerRefusal):
    """A referral that would not be one: unknown code, oneself, or a friend who is no newcomer."""


@dataclass(frozen=True)
class EventRecorded:
    """`points` given by it now or at the first try; `available` is what the member can spend after this answer.

    `bonuses`: what rules gave for it in any currency, each in words, as with a purchase.
    """

    event_id: int
    points: int
    available: int
    is_replay: bool
    bonuses: list[dict]


@dataclass(frozen=True)
class Matured:
    wallets: int
    points: int


def record_event(
    *,
    event: str,
    source: str,
    client_key: str,
    at: datetime,
    member_id: int | None = None,
    member_reference: tuple[str, str] | None = None,
    subject: str = "",
) -> EventRecorded:
    """Record something a member did that is no purchase (sign_up, review, check_in, …), and give what rules give for it.

    The same key again answers the same. Raises BadEvent, UnknownMember, KeyReused, rules.NoRuleSet.
    """
    if not EVENT_NAME.fullmatch(event):
        raise BadEvent(_("Name the event in small letters, digits and underscores, such as profile_complete."))
    if (member_id is None) == (member_reference is None):
        raise BadEvent(_("Name the member in exactly one way."))
    if not 0 < len(client_key) <= 120:
        raise BadEvent(_("client_key: 1 to 120 characters, made and stored by the client before its first try."))
    said = _Said(event, source, client_key, at, member_id, member_reference, subject)
    return _post(said, lambda rule_set: rule_set.event_calls(event, at.astimezone(rules.programme_zone())))


class _Said(NamedTuple):
    event: str
    source: str
    client_key: str
    at: datetime
    member_id: int | None = None
    member_reference: tuple[str, str] | None = None
    subject: str = ""


def _post(said: _Said, calls_of: Callable[[RuleSet], list[dict]]) -> EventRecorded:
    """Post an event by the newest rules; `calls_of` says what it tells the terms of a rule set."""
    day = day_of(said.at)
    kind, value = said.member_reference or (None, None)
    hashed = digest(said.event, said.member_id, said.member_reference, said.subject, int(said.at.timestamp()))
    while True:
        known = rules.known()
        rule_set = known.live_at(said.at)
        context = {
            "rule_set": rule_set.id, "zone": settings.TIME_ZONE, "day": day.isoformat(), "had_bought": True,
            "expires": rule_set.expires_on(day).isoformat(),
        }  # fmt: skip
        answer = ask(
            "loyalty_record_event",
            "smallint integer bigint text bytea bigint text bytea text text timestamptz jsonb jsonb jsonb",
            POINTS, known.latest_id, catalogue.source_id(said.source), said.client_key, hashed, said.member_id, kind,
            keyed_hash(value, kind=kind) if kind else None, said.event, said.subject[:120], said.at,
            json.dumps(rule_set.stored_terms()), json.dumps(calls_of(rule_set)), json.dumps(context),
        )  # fmt: skip
        if answer["outcome"] != "old_rules":
            break
        rules.forget()
    refuse_common(answer, client_key=said.client_key, member_id=said.member_reference or said.member_id)
    given = explaining.bonuses_of(event_id=answer["event_id"], wallet__member__wallets=answer["wallet_id"])
    points = sum(one["amount"] for one in given if one["currency"] == "points")
    return EventRecorded(
        answer["event_id"], points, answer["available"], is_replay=answer["outcome"] == "replay", bonuses=given
    )


# -- days of the year that come by themselves --------------------------------------------------------------------------


def grant_occasions(*, at: datetime, most: int = 5_000) -> int:
    """Give what rules give on birthdays and anniversaries without a purchase, to at most so many members a rule.

    Any number of runs give it once: each member and day is an event of its own. How many members were told.
    """
    try:
        rule_set = rules.known().live_at(at)
    except rules.NoRuleSet:
        return 0
    told = 0
    for term in rule_set.terms:
        if term.trigger == BY_ITSELF and not term.when.why_not_then(at.astimezone(rules.programme_zone()), ""):
            told += sum(_keep(term, member_id, kept, at) for member_id, kept in _occasions_due(term, at, most))
    return told


def _occasions_due(term: Term, at: datetime, most: int) -> list[tuple[int, date]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM loyalty_occasions_due(%s::bigint, %s::jsonb, %s::date, %s::text, %s::integer)",
            [catalogue.source_id(LEDGER), json.dumps(term.as_stored()), day_of(at), settings.TIME_ZONE, most],
        )
        return cursor.fetchall()


def _keep(term: Term, member_id: int, kept: date, at: datetime) -> bool:
    """Tell one term of one member's day. A member who left between the question and now is passed over."""
    said = _Said(term.begins, LEDGER, f"occasion:{term.code}:{member_id}:{kept}", at, member_id)
    try:
        _post(said, lambda rule_set: [event_call(one, day_of(at)) for one in rule_set.terms if one.code == term.code])
    except (UnknownMember, KeyReused):  # another worker told it a moment ago
        return False
    return True


# -- referrals ---------------------------------------------------------------------------------------------------------


def referral_code(*, member_id: int, at: datetime) -> str:
    """The code by which this member refers friends; made when first asked for, then always the same."""
    for _attempt in range(5):
        try:
            with transaction.atomic():
                made, _is_new = ReferralCode.objects.get_or_create(
                    member_id=member_id,
                    defaults={"code": "".join(secrets.choice(ALPHABET) for _ in range(8)), "created_at": at},
                )
        except IntegrityError:  # the code is somebody's already, or another request has just made this member's
            continue
        return made.code
    raise AssertionError("five codes of forty bits are not all taken")


def refer(*, code: str, friend_id: int, at: datetime) -> Referral:
    """Remember that a member came by a code. It is paid with the friend's first purchase that counts.

    Refuses unknown codes, oneself by whatever name (the same phone, e-mail, card or household), and whoever bought before
    or came by another code. Raises CannotRefer, fraud.TooManyAttempts.
    """
    actor = f"member:{friend_id}"
    fraud.check_code_attempts(actor=actor, at=at)
    found = ReferralCode.objects.select_related("member").filter(code=code.strip().upper()).first()
    fraud.note_code_attempt(actor=actor, code=code, was_right=found is not None, at=at)
    if found is None:
        raise CannotRefer(_("Nobody has this code. Check it with the friend who gave it to you."))
    friend = Member.objects.get(pk=friend_id)
    if refusal := _why_not(found.member, friend):
        raise CannotRefer(refusal)
    with transaction.atomic():
        try:
            with transaction.atomic():
                made, is_new = Referral.objects.get_or_create(
                    friend=friend, defaults={"referrer": found.member, "at": at}
                )
        except IntegrityError:
            made, is_new = Referral.objects.get(friend=friend), False
    if not is_new and made.referrer_id != found.member_id:
        raise CannotRefer(_("You came by another friend's code already."))
    return made


def _why_not(referrer: Member, friend: Member) -> str:
    """Why this is no referral, or an empty string."""
    if referrer.pk == friend.pk:
        return _("This is your own code. Give it to a friend.")
    if referrer.status != Member.Status.ACTIVE:
        return _("Nobody has this code. Check it with the friend who gave it to you.")
    if referrer.household_id and referrer.household_id == friend.household_id:
        return _("Members of one household cannot refer each other.")
    if _contacts(referrer) & _contacts(friend):
        return _("This is your own code. Give it to a friend.")
    is_known = Referral.objects.filter(friend=friend, referrer=referrer).exists()
    if not is_known and Wallet.objects.filter(member=friend, last_purchase_at__isnull=False).exists():
        return _("A friend's code counts before the first purchase only.")
    return ""


def _contacts(member: Member) -> set[tuple[str, bytes]]:
    """What a member is recognised by, and the same mailbox or number under another spelling, without its ending."""
    said = set()
    for kind, value, value_hash in Identifier.objects.filter(member=member).values_list("kind", "value", "value_hash"):
        said.add((kind, bytes(value_hash)))
        if kind == Identifier.Kind.EMAIL:
            name, _at, domain = value.casefold().partition("@")
            said.add(("mailbox", f"{name.partition('+')[0].replace('.', '')}@{domain}".encode()))
    return said


# -- points that wait --------------------------------------------------------------------------------------------------


def mature_points(*, at: datetime) -> Matured:
    """Post what has waited for a day that has come. Any number of runs do it once."""
    answer = ask("loyalty_mature_points", "timestamptz date", at, day_of(at))
    return Matured(int(answer["wallets"]), int(answer["points"]))


def mature(*, purchase: UUID | int, event: str, at: datetime) -> int:
    """Something happened to a purchase (delivered, …): what waits for it can be spent. Returns how many points did now."""
    sale = purchase
    if isinstance(purchase, UUID):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM sales_purchase WHERE public_id = %s", [purchase])
            row = cursor.fetchone()
        if row is None:
            raise LedgerRefusal(_("There is no such purchase. Check its id."))
        sale = row[0]
    answer = ask("loyalty_mature_by_event", "bigint text timestamptz date", sale, event, at, day_of(at))
    return int(answer["points"])
