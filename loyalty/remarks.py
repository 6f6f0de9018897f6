"""Words that people wrote beside points: why goodwill was given, what a gift is for. Kept apart from the ledger.

The ledger's rows are never changed, so nothing that may name a person stands in them: a row holds a reference, the words lie here,
encrypted, and go when a member they concern is erased. What is left of such a row says what moved, and nothing about anybody.
"""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext

import members.queries
from members.crypto import EncryptedTextField, keyed_hash

MARK = "~"
TEXT_MAX = 200


class Remark(models.Model):
    """The words of one act. `other` is the second member of an act between two."""

    reference = models.CharField(max_length=40, unique=True)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey("members.Member", null=True, on_delete=models.CASCADE, related_name="+")
    text = EncryptedTextField()
    written_at = models.DateTimeField(auto_now_add=True)


def keep(text: str, *, member_id: int | None, source: str, client_key: str, other_id: int | None = None) -> str:
    """Store the words of an act and return what the ledger keeps instead. The same act again: the same reference.

    An unknown member has no words; the act itself is refused then.
    """
    text = text.strip()[:TEXT_MAX]
    if not text or members.queries.public_id_of(member_id) is None:
        return ""
    reference = MARK + keyed_hash(f"{source}\n{client_key}\n{text}", kind="remark").hex()
    Remark.objects.bulk_create(
        [Remark(reference=reference, member_id=member_id, other_id=other_id, text=text)], ignore_conflicts=True
    )
    return reference


def opened(notes: Iterable[str]) -> dict[str, str]:
    """The words behind the references among these notes; a note that is none stands for itself. One query, or none."""
    notes = list(notes)
    references = [note for note in notes if note.startswith(MARK)]
    words = dict.fromkeys(references, gettext("(forgotten)"))
    if references:
        words |= dict(Remark.objects.filter(reference__in=references).values_list("reference", "text"))
    return {note: words.get(note, note) for note in notes}


def forget(member_id: int):
    """The words that concern a member go."""
    Remark.objects.filter(Q(member_id=member_id) | Q(other_id=member_id)).delete()
