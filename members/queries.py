"""Questions about members. What comes back from `find` is for staff; show it through members.masking."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from django.db import connection
from django.db.models import Count, Q

from members import cards, masking, normalise
from members.confirmation import AskedConsent, ConfirmedTopic
from members.crypto import keyed_hash, opener
from members.knowing import CustomField, CustomValue, LifecycleRules, MemberTag, StageChange, Touchpoint
from members.models import Access, Consent, DuplicatePair, Identifier, Member, MemberMerge, SearchToken, User

FOUND_MAX = 20


class Contact(NamedTuple):
    """How to address one member: the address of the kind asked for, in clear, and what a greeting needs."""

    address: str
    given_name: str
    family_name: str
    language: str
    time_zone: str
    address_hash: bytes  # keyed, as the address is found by


def find(text: str, *, limit: int = FOUND_MAX) -> list[Member]:
    """Members who answer to a card, a phone number or its last 4–10 digits, an e-mail address, or the words of a name.

    The latest enrolled first, at most `limit`; identifiers are prefetched, so a list costs two queries however long. By id, as the
    search tokens lie: of thousands with a common name only as many rows are read as are shown.
    """
    members = _candidates(text.strip()).order_by("-pk").prefetch_related("identifiers")
    return list(members[:limit])


def _candidates(text: str):
    members = Member.objects.active()
    if "@" in text:
        return _with_identifier(members, "email", text)
    digits = normalise.digits(text)
    if cards.is_card_number(digits):
        return _with_identifier(members, "card", digits)
    if digits:
        if len(digits) in normalise.SUFFIX_LENGTHS:
            return _with_token(members, "phone", keyed_hash(digits, kind="phone_suffix"))
        return _with_identifier(members, "phone", text)
    words = normalise.name_tokens(text)
    if not words:
        return members.none()
    for word in words:
        members = _with_token(members, "name", keyed_hash(word, kind="name"))
    return members


def _with_identifier(members, kind: str, text: str):
    try:
        value = normalise.NORMALISERS[kind](text)
    except ValueError:
        return members.none()
    held = Identifier.objects.filter(kind=kind, value_hash=keyed_hash(value, kind=kind))
    return members.filter(pk__in=held.values("member"))


def _with_token(members, kind: str, token: bytes):
    return members.filter(pk__in=SearchToken.objects.filter(kind=kind, token_hash=token).values("member"))


def by_identifier(kind: str, value: str) -> Member | None:
    """The active member this identifier belongs to; None for nobody and for text that is no such identifier."""
    return _with_identifier(Member.objects.active(), kind, value).first()


def by_public_id(public_id) -> Member | None:
    """The member behind a public id, active or not; for one that was merged, the member it turned out to be."""
    found = Member.objects.filter(public_id=public_id).first()
    while found is not None and found.merged_into_id is not None:
        found = found.merged_into
    return found


_KIN = """
WITH RECURSIVE kin (id) AS (
    SELECT %s::bigint UNION SELECT m.id FROM kin JOIN members_member m ON m.merged_into_id = kin.id)
SELECT id FROM kin
"""


def ids_of(member_id: int) -> list[int]:
    """The ids under which other rooms know a member: its own, and those of members merged into it."""
    with connection.cursor() as cursor:
        cursor.execute(_KIN, [member_id])
        return [row[0] for row in cursor.fetchall()]


def duplicate_pairs(member_id: int | None = None):
    """Pairs of records that are probably one person and that nobody has decided on; of one member, or of all."""
    found = DuplicatePair.objects.filter(dismissed_at__isnull=True).select_related("low", "high")
    return found.filter(Q(low=member_id) | Q(high=member_id)) if member_id is not None else found


def merges_of(member_id: int) -> list[MemberMerge]:
    """The merges a member has come out of or gone into, newest first."""
    found = MemberMerge.objects.filter(Q(survivor=member_id) | Q(absorbed=member_id))
    return list(found.select_related("survivor", "absorbed", "by_user").order_by("-at", "-pk"))


def contacts(
    member_ids: Iterable[int], *, kind: str = "email", names: Collection[str] = ("given_name", "family_name")
) -> dict[int, Contact]:
    """Addresses in clear for the moment of sending, by member id. Who has none, or is no longer active, is not in it.

    `names`: which names are deciphered; the others are empty. What nobody reads stays closed, and costs nothing.
    """
    address_of = opener(_ADDRESS.context)
    given_name = opener(_GIVEN.context) if "given_name" in names else _closed
    family_name = opener(_FAMILY.context) if "family_name" in names else _closed
    # By hand, and in binary: asked for every few hundred messages, putting the query together would cost more than it.
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        asked = {"members": f"{{{','.join(map(str, member_ids))}}}", "kind": kind, "active": Member.Status.ACTIVE}
        cursor.execute(_CONTACTS, asked, prepare=True, binary=True)
        rows = cursor.fetchall()
    return {
        member_id: Contact(
            address_of(address), given_name(given), family_name(family), language, time_zone, address_hash
        )
        for member_id, address, given, family, language, time_zone, address_hash in rows
    }


def _closed(_stored) -> str:
    return ""


_ADDRESS = Identifier._meta.get_field("value")
_GIVEN, _FAMILY = Member._meta.get_field("given_name"), Member._meta.get_field("family_name")
_CONTACTS = """
SELECT i.member_id, i.value, m.given_name, m.family_name, m.language, m.time_zone, i.value_hash
  FROM members_identifier i JOIN members_member m ON m.id = i.member_id
 WHERE i.member_id = ANY(%(members)s::bigint[]) AND m.status = %(active)s AND i.kind = %(kind)s AND i.is_primary
 ORDER BY i.id DESC
"""


def email_domains(*, limit: int = 2_000) -> list[str]:
    """The domains of members' e-mail addresses, the commonest first."""
    rows = Identifier.objects.filter(kind="email").exclude(email_domain="").values("email_domain")
    return [row["email_domain"] for row in rows.annotate(n=Count("pk")).order_by("-n", "email_domain")[:limit]]


def identifier_ids(kind: str, hashes: Iterable[bytes]) -> dict[bytes, int]:
    """Member ids by the keyed hash of an identifier, merged and erased members left out. One query."""
    rows = Identifier.objects.filter(
        kind=kind, value_hash__in=list(hashes), member__status=Member.Status.ACTIVE
    ).values_list("value_hash", "member_id")
    return {bytes(value): member_id for value, member_id in rows}


def identifiers(member) -> dict[str, Identifier]:
    """A member's primary identifier of each kind, out of a prefetch if there is one."""
    return {one.kind: one for one in reversed(list(member.identifiers.all())) if one.is_primary}


@dataclass(frozen=True)
class Masked:
    """A member as shown to somebody who only has to recognise them; ids, stage and language are no secret."""

    public_id: object
    name: str
    card: str
    phone: str
    email: str
    joined_at: object


def masked(member) -> Masked:
    """The member behind masks (members/masking.py)."""
    held = identifiers(member)
    hidden = {
        kind: masking.identifier(kind, held[kind].value) if kind in held else "" for kind in ("card", "phone", "email")
    }
    return Masked(
        public_id=member.public_id,
        name=masking.name(member.given_name, member.family_name),
        joined_at=member.joined_at,
        **hidden,
    )


def public_id_of(member_id: int | None):
    """The public id of a member known by the inner one, or None."""
    return Member.objects.filter(pk=member_id).values_list("public_id", flat=True).first() if member_id else None


def is_own_account(user, member) -> bool:
    """Whether a member of staff is this member: their work address or user name is one of the member's own addresses."""
    addresses = {text.casefold() for text in (user.email, user.username) if "@" in text}
    hashes = [keyed_hash(address, kind="email") for address in addresses]
    return Identifier.objects.filter(member=member, kind="email", value_hash__in=hashes).exists()


def own_accounts() -> set[tuple[int, int]]:
    """Who of the staff is which member: (user, member), by the addresses that `is_own_account` compares. Two queries."""
    staff = User.objects.filter(is_staff=True).values_list("pk", "email", "username")
    whose = {keyed_hash(text.casefold(), kind="email"): pk for pk, *texts in staff for text in texts if "@" in text}
    held = Identifier.objects.filter(kind="email", value_hash__in=list(whose)).values_list("value_hash", "member")
    return {(whose[bytes(value_hash)], member_id) for value_hash, member_id in held}


def consent_now(member_id: int, *, at) -> dict[tuple[str, str], bool]:
    """The standing word on each channel and purpose that was ever spoken of: (channel, purpose) → is granted."""
    with (
        connection.cursor() as cursor
    ):  # asked before every list and message: building the question costs more than answering it
        cursor.execute(
            "SELECT channel, purpose, is_granted FROM members_consent WHERE member_id = %s AND at <= %s ORDER BY at, id",
            [member_id, at],
        )
        return {(channel, purpose): is_granted for channel, purpose, is_granted in cursor.fetchall()}


def waiting_consent(member_id: int, *, at) -> AskedConsent | None:
    """The yes by e-mail that waits for this member to confirm it, if one does."""
    return AskedConsent.objects.filter(member=member_id, ended_at=None, expires_at__gte=at).first()


def asked_consent(asked_id: int) -> AskedConsent | None:
    """A question whether a yes was meant, with its member."""
    return AskedConsent.objects.select_related("member").filter(pk=asked_id).first()


def confirmed_topics() -> set[str]:
    """The topics of which a yes by e-mail counts only once it is confirmed."""
    return set(ConfirmedTopic.objects.values_list("purpose", flat=True))


def has_consent(member_id: int, channel: str, purpose: str, *, at) -> bool:
    """Whether the member's latest word on this channel and purpose is yes."""
    words = Consent.objects.filter(member=member_id, channel=channel, purpose=purpose, at__lte=at)
    return bool(words.order_by("-at", "-pk").values_list("is_granted", flat=True).first())


def custom_fields(member_id: int) -> dict[str, object]:
    """Every custom field's value by its code, the personal ones opened; fields without a value are absent."""
    found = dict(Member.objects.values_list("custom_fields", flat=True).get(pk=member_id))
    personal = CustomValue.objects.filter(member=member_id).select_related("field")
    return found | {one.field.code: one.value for one in personal}


def fields_to_tell() -> list[CustomField]:
    """The custom fields that messages may show: the personal ones lie encrypted, and a message would keep them in clear."""
    return list(CustomField.objects.filter(is_personal=False))


def told_fields(member_ids: Iterable[int], codes: Iterable[str]) -> dict[int, dict[str, object]]:
    """Of each member the values of these fields as they are kept; who has none is not in it. Two queries."""
    wanted = {one.code for one in fields_to_tell()} & set(codes)
    if not wanted:
        return {}
    rows = Member.objects.filter(pk__in=list(member_ids)).exclude(custom_fields={}).values_list("pk", "custom_fields")
    return {pk: {code: kept[code] for code in wanted & kept.keys()} for pk, kept in rows}


def tags_of(member_id: int) -> list[str]:
    """The tags a member carries, in order of the alphabet; those of records merged into this one too."""
    carried = MemberTag.objects.filter(member__in=ids_of(member_id)).order_by("tag__code")
    return list(carried.values_list("tag__code", flat=True).distinct())


def touchpoints_of(member_id: int, *, limit: int = 50) -> list[Touchpoint]:
    """Meetings no other room records, newest first; those of records merged into this one too."""
    return list(Touchpoint.objects.filter(member__in=ids_of(member_id)).order_by("-at", "-pk")[:limit])


def stages_of(member_id: int) -> list[StageChange]:
    """The life-cycle stages a member went through, newest first."""
    return list(StageChange.objects.filter(member__in=ids_of(member_id)))


def lifecycle_rules() -> LifecycleRules:
    """The rules in force; the defaults until somebody edits them."""
    return LifecycleRules.objects.first() or LifecycleRules(pk=1)


def consent_history(member_id: int):
    """Every word a member said, newest first."""
    return Consent.objects.filter(member=member_id).order_by("-at", "-pk")


def access_history(member_id: int, *, limit: int = 50) -> list[Access]:
    """Which staff opened or changed this record, newest first."""
    return list(Access.objects.filter(member=member_id).select_related("user").order_by("-at", "-pk")[:limit])


def last_note(user, *, act: str, door: str, since) -> str:
    """What a member of staff noted beside their latest act of a kind at a door; "" when there is none since a moment."""
    notes = Access.objects.filter(user=user, act=act, door=door, at__gte=since).order_by("-at", "-pk")
    return notes.values_list("note", flat=True).first() or ""


def lifecycle_counts() -> dict[str, int]:
    """Active members per life-cycle stage; every stage is in it."""
    counted = dict(Member.objects.active().values_list("lifecycle_stage").annotate(Count("pk")))
    return {stage: counted.get(stage, 0) for stage in Member.LifecycleStage.values}
