"""Everything stored about one person, put together for them: a page to read and files to take along.

The floor cannot ask the rooms above, so it announces the question and each room answers with its sections.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from members import queries, signals
from members.cells import safe_cell
from members.confirmation import AskedConsent
from members.knowing import MemberTag, StageChange, Touchpoint
from members.models import Access, Consent, Identifier, Member, Passkey


@dataclass(frozen=True)
class Section:
    """One kind of fact about the person. `code` names its file; the rows share their keys, in the order of the first."""

    code: str
    title: str
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """Every name a row has, in the order they come: records of one person need not have the same."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    @property
    def table(self) -> list[list[Any]]:
        return [[row.get(column, "") for column in self.columns] for row in self.rows]


def rows_of(queryset: QuerySet, *names: str, **renamed: str) -> list[dict[str, Any]]:
    """A room's rows as plain values. `renamed`: heading=lookup, for what another table calls by its own name."""
    wanted = {**dict(zip(names, names, strict=True)), **renamed}
    return [dict(zip(wanted, values, strict=True)) for values in queryset.values_list(*wanted.values())]


def of(member: Member) -> list[Section]:
    """All sections about a member, the floor's own first, then every room's. Raises what a room raises: never half.

    Records that were merged into theirs are theirs: what lies under those is told after it, in the same sections.
    """
    told: dict[str, Section] = {}
    kin = [one for one in queries.ids_of(member.pk) if one != member.pk]
    for record in (member, *(Member.objects.filter(pk__in=kin).order_by("pk") if kin else ())):
        for section in _of_record(record):
            first = told.setdefault(section.code, Section(section.code, section.title))
            first.rows.extend(
                [row for row in section.rows if row not in first.rows] if record != member else section.rows
            )
    return [section for section in told.values() if section.rows]


def _of_record(record: Member) -> list[Section]:
    sections = _own(record)
    for _receiver, answer in signals.personal_data_asked.send(Member, member_id=record.pk):
        sections += answer
    return sections


def _own(member: Member) -> list[Section]:
    profile = {
        "id": member.public_id, "given_name": member.given_name, "family_name": member.family_name,
        "language": member.language, "time_zone": member.time_zone, "country": member.country,
        "birthday": f"{member.birth_month}-{member.birth_day}" if member.birth_month else "",
        "life_cycle_stage": member.lifecycle_stage, "joined_at": member.joined_at, **queries.custom_fields(member.pk),
    }  # fmt: skip
    if member.household_id:
        profile["household"] = member.household.name or member.household.public_id
    consents = Consent.objects.filter(member=member).order_by("at", "pk").select_related("proof")
    return [
        Section("profile", _("Profile"), [profile]),
        Section(
            "identifiers",
            _("How we recognise you"),
            rows_of(
                Identifier.objects.filter(member=member).order_by("kind", "pk"),
                "kind", "value", "verified_at", "created_at",
            ),
        ),
        Section(
            "passkeys",
            _("Your passkeys"),
            rows_of(Passkey.objects.filter(member=member).order_by("pk"), "name", "created_at", "used_at"),
        ),
        Section("consents", _("What you allowed"), [_consent(consent) for consent in consents]),
        Section(
            "asked_consents",
            _("What you were asked to confirm"),
            rows_of(
                AskedConsent.objects.filter(member=member).order_by("asked_at", "pk"),
                "asked_at", "expires_at", "ended_at", "outcome", "source", "text_version", network_address="address",
                topics="purposes",
            ),
        ),
        Section(
            "tags",
            _("Words we filed you under"),
            rows_of(MemberTag.objects.filter(member=member).order_by("at", "pk"), "at", "source", tag="tag__code"),
        ),
        Section(
            "touchpoints",
            _("When we met"),
            rows_of(
                Touchpoint.objects.filter(member=member).order_by("at", "pk"),
                "at", "kind", "direction", "event", "subject", "words", "source",
            ),
        ),
        Section(
            "stages",
            _("Where you stood with us"),
            rows_of(StageChange.objects.filter(member=member).order_by("at", "pk"), "at", "before", "after"),
        ),
        Section(
            "accesses",
            _("Staff who opened your record"),
            rows_of(Access.objects.filter(member=member).order_by("at", "pk"), "at", "act", "door", "note"),
        ),
    ]  # fmt: skip


def _consent(consent: Consent) -> dict[str, Any]:
    proof = getattr(consent, "proof", None)
    return {
        "at": consent.at, "channel": consent.channel, "purpose": consent.purpose, "is_granted": consent.is_granted,
        "source": consent.source, "text_version": consent.text_version, "network_address": proof.address if proof else "",
        "detail": proof.detail if proof else "",
    }  # fmt: skip


# -- to take along -----------------------------------------------------------------------------------------------------


def archive(member: Member, *, at: datetime) -> bytes:
    """A ZIP: `index.html` to read, `data.json` for machines, and one CSV for each section."""
    sections = of(member)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("index.html", render_to_string("members/personal_data.html", {"sections": sections, "at": at}))
        files.writestr(
            "data.json",
            json.dumps(
                {"as_of": at, "sections": {section.code: section.rows for section in sections}},
                default=_plain, ensure_ascii=False, indent=1,
            ),
        )  # fmt: skip
        for section in sections:
            files.writestr(f"csv/{section.code}.csv", "\ufeff" + _csv(section.columns, section.table))
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Model):
        return str(value.pk)
    raise TypeError(f"{type(value).__name__} has no place in an export.")


def _csv(columns: list[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    return safe_cell(json.dumps(value, default=_plain, ensure_ascii=False) if isinstance(value, list | dict) else value)
