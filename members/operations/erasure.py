"""Forgetting a member: the person goes, the sums stay.

The floor forgets its own in one transaction and announces it; each room above forgets its own when it hears. A row stands
until all have, and a job announces it again, so a crash between the two forgets nobody half. The keyed hashes of the
identifiers stay, and a line in a file that lies outside the database: after a restore from an older backup
`manage.py reapply_erasures` forgets the same people again.
"""

import json
import logging
import os
from datetime import datetime
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from members import signals
from members.knowing import CustomValue, MemberTag, Touchpoint
from members.models import (
    Consent,
    ConsentProof,
    ErasedIdentifier,
    Erasure,
    Identifier,
    LoginCode,
    Member,
    MemberMerge,
    Passkey,
    SearchToken,
    User,
)
from members.operations.confirming import forget_asked
from members.operations.duplicates import forget_pairs

log = logging.getLogger(__name__)


class CannotErase(Exception):
    """The member cannot be erased as things stand; the text says what to do first."""


@transaction.atomic
def erase(*, member_id: int, at: datetime, source: str, by_user: User | None = None) -> Erasure:
    """Forget a member. Asking twice changes nothing. The ledger keeps its rows, which name nobody.

    Raises Member.DoesNotExist and CannotErase.
    """
    member = Member.objects.select_for_update().get(pk=member_id)
    if member.status == Member.Status.MERGED:
        raise CannotErase(_("This record was merged into another member. Erase that one; it holds everything."))
    for absorbed in Member.objects.select_for_update().filter(merged_into=member).order_by("pk"):
        _erase_all_of(absorbed, at=at, source=source, by_user=by_user)
    return _erase_record(member, at=at, source=source, by_user=by_user)


def _erase_all_of(absorbed: Member, *, at: datetime, source: str, by_user: User | None):
    """The records that turned out to be the same person, and theirs."""
    for other in Member.objects.select_for_update().filter(merged_into=absorbed).order_by("pk"):
        _erase_all_of(other, at=at, source=source, by_user=by_user)
    _erase_record(absorbed, at=at, source=source, by_user=by_user)


def _erase_record(member: Member, *, at: datetime, source: str, by_user: User | None) -> Erasure:
    erasure, is_new = Erasure.objects.get_or_create(
        member=member, defaults={"source": source, "by_user": by_user, "asked_at": at}
    )
    if is_new:
        _take_back_consents(member, at=at, source=source)
        _forget_identifiers(member, at=at)
        _forget_person(member, at=at)
    transaction.on_commit(partial(finish_erasure, erasure_id=erasure.pk))
    return erasure


def _take_back_consents(member: Member, *, at: datetime, source: str):
    """The words given stay as rows without a name, each standing yes answered by a no; their proofs go."""
    ConsentProof.objects.filter(consent__member=member).delete()
    forget_asked(member_id=member.pk, at=at)
    said = {}
    for consent in Consent.objects.filter(member=member).order_by("at", "pk"):
        said[consent.channel, consent.purpose] = consent.is_granted
    Consent.objects.bulk_create(
        Consent(member=member, channel=channel, purpose=purpose, is_granted=False, at=at, source=source)
        for (channel, purpose), is_granted in said.items()
        if is_granted
    )


def _forget_identifiers(member: Member, *, at: datetime):
    theirs = list(Identifier.objects.filter(member=member).values_list("kind", "value_hash"))
    ErasedIdentifier.objects.bulk_create(
        [ErasedIdentifier(kind=kind, value_hash=value_hash, erased_at=at) for kind, value_hash in theirs],
        ignore_conflicts=True,
    )
    LoginCode.objects.filter(identifier_hash__in=[value_hash for _kind, value_hash in theirs]).delete()
    Identifier.objects.filter(member=member).delete()
    Passkey.objects.filter(member=member).delete()
    SearchToken.objects.filter(member=member).delete()
    forget_pairs(member.pk)
    MemberMerge.objects.filter(Q(survivor=member) | Q(absorbed=member)).update(reason="")
    for known in (CustomValue, MemberTag, Touchpoint):
        known.objects.filter(member=member).delete()


def _forget_person(member: Member, *, at: datetime):
    User.objects.filter(member=member).delete()  # and with the account every session it opened
    household_id = member.household_id
    blank = Member(joined_at=member.joined_at)
    for name in ("given_name", "family_name", "language", "time_zone", "country", "birth_month", "birth_day", "household",
                 "custom_fields"):  # fmt: skip
        setattr(member, name, getattr(blank, name))
    member.status = Member.Status.ERASED
    member.erased_at = at
    member.save()
    if household_id and not Member.objects.filter(household_id=household_id).exists():
        type(member)._meta.get_field("household").related_model.objects.filter(pk=household_id).update(name="")


# -- the rooms above ---------------------------------------------------------------------------------------------------


def finish_erasure(*, erasure_id: int) -> bool:
    """Tell every room, and note when all have forgotten. True when they have. Safe to run any number of times."""
    erasure = Erasure.objects.select_related("member").get(pk=erasure_id)
    if erasure.done_at:
        return True
    _write_log(erasure)
    failed = [
        f"{receiver.__module__}: {answer!r}"
        for receiver, answer in signals.member_erased.send_robust(Member, member_id=erasure.member_id)
        if isinstance(answer, Exception)
    ]
    if failed:
        log.error("Erasure %s is not finished: %s", erasure.pk, "; ".join(failed))
        Erasure.objects.filter(pk=erasure.pk).update(detail="; ".join(failed)[:300])
        return False
    Erasure.objects.filter(pk=erasure.pk).update(done_at=max(timezone.now(), erasure.asked_at), detail="")
    return True


def finish_erasures() -> int:
    """Go on with every erasure that a room has not finished yet. How many are finished now."""
    return sum(
        finish_erasure(erasure_id=pk)
        for pk in Erasure.objects.filter(done_at=None).order_by("asked_at").values_list("pk", flat=True)
    )


# -- after a restore ---------------------------------------------------------------------------------------------------


def _write_log(erasure: Erasure):
    """One line, on disk before any room is told. The same line twice is harmless."""
    path = Path(settings.ERASURE_LOG)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"member": str(erasure.member.public_id), "asked_at": erasure.asked_at.isoformat()})
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def reapply_erasures(lines) -> int:
    """Erase again who the log says was erased but the database still knows. How many those were.

    Raises ValueError naming the line that cannot be read; the lines before it are done then.
    """
    again = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            public_id, asked_at = entry["member"], datetime.fromisoformat(entry["asked_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                _("Line %(line)d of the erasure log cannot be read. Repair or remove it, then run this again.")
                % {"line": number}
            ) from error
        member = Member.objects.filter(public_id=public_id).exclude(status=Member.Status.ERASED).first()
        if member is not None:
            erase(member_id=member.pk, at=asked_at, source="restored backup")
            again += 1
    return again
