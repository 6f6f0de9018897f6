"""Two records of one person become one, and may be taken apart again.

What is bound to a member id in other rooms follows the news; points follow in the same transaction, so nobody but
`loyalty.operations.merge_members` calls this.
"""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from members.models import Consent, Identifier, Member, MemberMerge, SearchToken
from members.operations.consent import give_consent, write_consent
from members.operations.duplicates import forget_pairs
from members.queries import consent_now
from members.signals import member_merged, member_unmerged

SOURCE = "merge"


class CannotMerge(ValueError):
    """The two cannot become one, or can no longer be taken apart; the text says why."""


@transaction.atomic
def merge(*, survivor_id: int, absorbed_id: int, by_user_id: int | None, reason: str, at) -> MemberMerge:
    """Make `absorbed` an alias of `survivor`: its cards, phones and addresses are the survivor's, the stricter consent holds.

    Name, birthday and language stay the survivor's. Raises CannotMerge.
    """
    survivor, absorbed = _locked(survivor_id, absorbed_id)
    for member in (survivor, absorbed):
        if member.status != Member.Status.ACTIVE:
            raise CannotMerge(_("Only two active members can be merged. One of them was merged or erased before."))
    made = MemberMerge.objects.create(
        survivor=survivor, absorbed=absorbed, at=at, by_user_id=by_user_id, reason=reason[:200],
        moved={
            "identifiers": _move_identifiers(survivor, absorbed),
            "search_tokens": _move_search_tokens(survivor, absorbed),
            "consents": _take_the_stricter(survivor, absorbed, at),
        },
    )  # fmt: skip
    absorbed.status, absorbed.merged_into = Member.Status.MERGED, survivor
    absorbed.save(update_fields=["status", "merged_into"])
    forget_pairs(absorbed.pk)
    _tell(member_merged, made)
    return made


@transaction.atomic
def unmerge(*, merge: MemberMerge, by_user_id: int | None, at) -> MemberMerge:
    """Give the absorbed member back what came with it and is still there. Raises CannotMerge."""
    survivor, absorbed = _locked(merge.survivor_id, merge.absorbed_id)
    merge = MemberMerge.objects.select_for_update().get(pk=merge.pk)
    if merge.undone_at is not None:
        raise CannotMerge(_("This merge was taken apart already."))
    if survivor.status != Member.Status.ACTIVE:
        raise CannotMerge(_("The member was merged again since. Take that merge apart first."))
    for identifier_id, was_primary in merge.moved["identifiers"]:
        Identifier.objects.filter(pk=identifier_id, member=survivor).update(member=absorbed, is_primary=was_primary)
    SearchToken.objects.filter(pk__in=merge.moved["search_tokens"], member=survivor).update(member=absorbed)
    _give_back_consents(survivor, merge, at)
    absorbed.status, absorbed.merged_into = Member.Status.ACTIVE, None
    absorbed.save(update_fields=["status", "merged_into"])
    merge.undone_at, merge.undone_by_id = at, by_user_id
    merge.save(update_fields=["undone_at", "undone_by"])
    _tell(member_unmerged, merge)
    return merge


def remember_moved(*, merge_id: int, room: str, ids: list[int]) -> None:
    """Keep with a merge which rows of another room followed it, so that they go back when it is taken apart."""
    with transaction.atomic():
        merge = MemberMerge.objects.select_for_update().get(pk=merge_id)
        merge.moved[room] = ids
        merge.save(update_fields=["moved"])


def moved_rows(*, merge_id: int, room: str) -> list[int]:
    """The rows of a room that followed a merge."""
    return MemberMerge.objects.get(pk=merge_id).moved.get(room, [])


def _locked(survivor_id: int, absorbed_id: int) -> tuple[Member, Member]:
    if survivor_id == absorbed_id:
        raise CannotMerge(_("These are one and the same member already."))
    found = {
        m.pk: m for m in Member.objects.select_for_update().filter(pk__in=[survivor_id, absorbed_id]).order_by("pk")
    }
    if len(found) < 2:
        raise CannotMerge(_("There is no such member."))
    return found[survivor_id], found[absorbed_id]


def _move_identifiers(survivor: Member, absorbed: Member) -> list[tuple[int, bool]]:
    """Every identifier, with whether it was the primary one of its kind; the survivor's own primary stays."""
    has_primary = set(survivor.identifiers.filter(is_primary=True).values_list("kind", flat=True))
    moved = []
    for one in absorbed.identifiers.order_by("pk"):
        moved.append((one.pk, one.is_primary))
        one.member, one.is_primary = survivor, one.is_primary and one.kind not in has_primary
        one.save(update_fields=["member", "is_primary"])
    return moved


def _move_search_tokens(survivor: Member, absorbed: Member) -> list[int]:
    """The words and digits the absorbed one is found by; those the survivor has too stay where they are."""
    held = set(survivor.search_tokens.values_list("kind", "token_hash"))
    held = {(kind, bytes(token)) for kind, token in held}
    moved = [t.pk for t in absorbed.search_tokens.order_by("pk") if (t.kind, bytes(t.token_hash)) not in held]
    SearchToken.objects.filter(pk__in=moved).update(member=survivor)
    return moved


def _take_the_stricter(survivor: Member, absorbed: Member, at) -> list[int]:
    """A no of either is a no; a yes of the absorbed alone is none, for it was given for another address."""
    mine, theirs = consent_now(survivor.pk, at=at), consent_now(absorbed.pk, at=at)
    return [
        give_consent(member=survivor, channel=channel, purpose=purpose, is_granted=False, at=at, source=SOURCE).pk
        for (channel, purpose), granted in sorted(mine.items())
        if granted and theirs.get((channel, purpose)) is False
    ]


def _give_back_consents(survivor: Member, merge: MemberMerge, at):
    """What the merge took away is allowed again, unless the member has said something about it since."""
    for word in Consent.objects.filter(pk__in=merge.moved["consents"]).order_by("pk"):
        latest = Consent.objects.filter(member=survivor, channel=word.channel, purpose=word.purpose).order_by(
            "-at", "-pk"
        )
        if latest.first() == word:
            before = latest.exclude(pk=word.pk).first()
            write_consent(
                member_id=survivor.pk, channel=word.channel, purpose=word.purpose, is_granted=True, at=at, source="unmerge",
                text_version=before.text_version,
            )  # fmt: skip


def _tell(signal, merge: MemberMerge):
    news = {"survivor_id": merge.survivor_id, "absorbed_id": merge.absorbed_id, "merge_id": merge.pk}
    transaction.on_commit(partial(signal.send_robust, sender=MemberMerge, **news))
