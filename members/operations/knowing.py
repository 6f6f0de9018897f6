"""Writing down what is known of members: custom fields, tags, touchpoints."""

import json
from functools import partial

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from members import custom, signals
from members.crypto import keyed_hash
from members.knowing import CustomField, CustomValue, MemberTag, Tag, Touchpoint
from members.models import Member
from members.queries import has_consent

WATCHED = {Touchpoint.Kind.PAGE, Touchpoint.Kind.SEARCH, Touchpoint.Kind.CART, Touchpoint.Kind.LIKE,
           Touchpoint.Kind.COMMENT, Touchpoint.Kind.SHARE}  # fmt: skip


class BadCustomValue(ValueError):
    """A value that is none of its field's; `code` names the field."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def cleaned_fields(given: dict) -> dict[CustomField, object]:
    """Each field by its code with its cleaned value (None clears). Raises BadCustomValue naming the field."""
    fields = {field.code: field for field in CustomField.objects.all()} if given else {}
    found = {}
    for code, value in given.items():
        if code not in fields:
            known = ", ".join(sorted(fields)) or _("none yet")
            raise BadCustomValue(
                code, _("There is no custom field “%(code)s”. There are: %(known)s.") % {"code": code, "known": known}
            )
        field = fields[code]
        try:
            found[field] = custom.clean(field.kind, value, choices=field.choices)
        except ValueError as problem:
            raise BadCustomValue(code, f"{field.label}: {problem}") from None
    return found


@transaction.atomic
def set_custom_fields(*, member_id: int, values: dict) -> None:
    """Set custom fields by their codes; None or an empty text clears one. All or nothing: raises BadCustomValue."""
    found = cleaned_fields(values)
    open_values = {field.code: value for field, value in found.items() if not field.is_personal}
    if open_values:
        member = Member.objects.select_for_update().only("custom_fields").get(pk=member_id)
        kept = member.custom_fields | open_values
        member.custom_fields = {code: value for code, value in kept.items() if value is not None}
        member.save(update_fields=["custom_fields"])
    for field, value in found.items():
        if field.is_personal:
            _set_personal(member_id, field, value)
    _tell([member_id])


def _tell(member_ids: list[int]) -> None:
    if member_ids:
        transaction.on_commit(partial(signals.members_changed.send_robust, sender=Member, member_ids=member_ids))


def set_custom_field_of(*, members, code: str, value) -> int:
    """Set one queryable custom field of every member of the QuerySet, in one statement. Raises BadCustomValue."""
    ((field, cleaned),) = cleaned_fields({code: value}).items()
    if field.is_personal:
        raise BadCustomValue(code, _("A personal field is set for one member at a time."))
    chosen, parameters = members.order_by().values("pk").query.sql_with_params()
    change = (
        "custom_fields - %s::text" if cleaned is None else "custom_fields || jsonb_build_object(%s::text, %s::jsonb)"
    )
    told = [code] if cleaned is None else [code, json.dumps(cleaned)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE members_member SET custom_fields = {change} WHERE id IN ({chosen})",  # noqa: S608 - a QuerySet's own SQL
            [*told, *parameters],
        )
        return cursor.rowcount


@transaction.atomic
def fill_custom_fields(rows: list[tuple[int, dict[CustomField, object]]]) -> None:
    """Set cleaned values of many members who have none yet, in two statements: rows of (member id, {field: value})."""
    plain = [(pk, {one.code: value for one, value in own.items() if not one.is_personal}) for pk, own in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE members_member m SET custom_fields = m.custom_fields || said.own"
            " FROM unnest(%s::bigint[], %s::jsonb[]) AS said (id, own) WHERE said.id = m.id",
            [[pk for pk, _own in plain], [json.dumps(own) for _pk, own in plain]],
        )
    CustomValue.objects.bulk_create(
        CustomValue(member_id=pk, field=one, value=str(value), value_hash=personal_hash(one, value))
        for pk, own in rows
        for one, value in own.items()
        if one.is_personal
    )


def _set_personal(member_id: int, field: CustomField, value) -> None:
    if value is None:
        CustomValue.objects.filter(member=member_id, field=field).delete()
        return
    CustomValue.objects.update_or_create(
        member_id=member_id, field=field, defaults={"value": str(value), "value_hash": personal_hash(field, value)}
    )


def personal_hash(field: CustomField, value) -> bytes:
    """What a personal value is found by: equality only, and only within its own field."""
    return keyed_hash(str(value).casefold(), kind=f"custom:{field.code}")


def tag_members(*, code: str, members, source: str, at) -> int:
    """Stick a tag to every member of the QuerySet, in one statement. Returns how many did not carry it yet."""
    tag, _made = Tag.objects.get_or_create(code=code)
    chosen, values = members.order_by().values("pk").query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_membertag (tag_id, member_id, source, at)"  # noqa: S608 - a QuerySet's own SQL
            f" SELECT %s, who.id, %s, %s FROM ({chosen}) who(id) ON CONFLICT DO NOTHING RETURNING member_id",
            [tag.pk, source, at, *values],
        )
        tagged = [row[0] for row in cursor.fetchall()]
        _tell(tagged)
        return len(tagged)


def untag_members(*, code: str, members) -> int:
    """Take a tag off every member of the QuerySet, and off the records that were merged into them."""
    chosen = members.order_by().values("pk")
    theirs = Q(member__in=chosen) | Q(member__merged_into__in=chosen) | Q(member__merged_into__merged_into__in=chosen)
    carried = MemberTag.objects.filter(theirs, tag__code=code)
    with transaction.atomic():
        lost = list(carried.values_list("member_id", flat=True))
        carried.filter(member__in=lost).delete()
        _tell(lost)
    return len(lost)


@transaction.atomic
def note_touchpoint(
    *, kind, at, source, client_key, member_id=None, visitor="", subject="", words="", feeling=None, event="",
    direction="in",
) -> Touchpoint | None:  # fmt: skip
    """Write a meeting down, once for its `(source, client_key)`.

    What is watched rather than said to us (pages, searches, likes …) needs the member's yes to personal
    recommendations; without it nothing is kept and None comes back. `visitor` is the browser's own id where nobody is
    signed in; asking that browser's owner first is the page's business.
    """
    if member_id is not None and kind in WATCHED and not has_consent(member_id, "email", "profiling", at=at):
        return None
    found, _is_new = Touchpoint.objects.get_or_create(
        source=source,
        client_key=client_key,
        defaults={
            "member_id": member_id, "visitor_hash": visitor_hash(visitor) if visitor and member_id is None else None,
            "kind": kind, "direction": direction, "event": event[:40], "subject": subject[:200], "words": words[:4000],
            "feeling": feeling, "at": at,
        },
    )  # fmt: skip
    if _is_new and member_id is not None:
        transaction.on_commit(partial(signals.touchpoint_noted.send_robust, sender=Touchpoint, touchpoint_id=found.pk))
    return found


def visitor_hash(visitor: str) -> bytes:
    return keyed_hash(visitor, kind="visitor")


@transaction.atomic
def claim_visits(*, member_id: int, visitor: str, at) -> int:
    """Earlier visits of a browser become those of the member who signed in on it, once, and only with their consent."""
    if not visitor or not has_consent(member_id, "email", "profiling", at=at):
        return 0
    theirs = Touchpoint.objects.filter(member__isnull=True, visitor_hash=visitor_hash(visitor))
    return theirs.update(member=member_id, visitor_hash=None)


def set_feelings(feelings: dict[int, int]) -> None:
    """How the words of touchpoints sound, by the touchpoint's id: −100 … 100."""
    if feelings:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE members_touchpoint t SET feeling = said.feeling"
                " FROM unnest(%s::bigint[], %s::smallint[]) AS said(id, feeling) WHERE t.id = said.id",
                [list(feelings), list(feelings.values())],
            )
