"""Double opt-in: a yes by e-mail is asked for by letter, and counts once its reader has confirmed it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from members.confirmation import AskedConsent, ConfirmedTopic
from members.models import Consent, Identifier, Member
from members.signals import consent_asked

CONFIRM_DAYS = 7
LETTERS_MAX = 3
TOPICS = set(Consent.Purpose.values) - {Consent.Purpose.PROFILING, Consent.Purpose.RECEIPTS}
"""What may ask for a letter first: not what nobody is written to about, and not the answer to a purchase."""
LETTERS_APART = timedelta(minutes=10)


class CannotConfirm(Exception):
    """The question is no longer open; the text says why, for its reader."""


class TooManyLetters(Exception):
    """Enough letters were written; the text says so to who asked for another."""


def set_confirmed_topics(*, purposes: Iterable[str], at) -> None:
    """Say of which topics a yes by e-mail must be confirmed from now on. Words that were given before stay as they are."""
    wanted = set(purposes) & TOPICS
    ConfirmedTopic.objects.exclude(purpose__in=wanted).delete()
    ConfirmedTopic.objects.bulk_create(
        [ConfirmedTopic(purpose=purpose, since=at) for purpose in sorted(wanted)], ignore_conflicts=True
    )


def question(
    *, member_id: int, purposes: list[str], address_hash: bytes | None, at, source: str, text_version: str = "",
    address: str = "",
) -> AskedConsent:  # fmt: skip
    """A question as it begins, not stored yet."""
    return AskedConsent(
        member_id=member_id, purposes=purposes, address_hash=address_hash, asked_at=at, letter_asked_at=at,
        expires_at=at + timedelta(days=CONFIRM_DAYS), source=source, text_version=text_version, address=address,
    )  # fmt: skip


def must_confirm(channel: str, purpose: str) -> bool:
    """Whether a yes to this topic by this channel has to be confirmed before it counts."""
    return channel == Consent.Channel.EMAIL and ConfirmedTopic.objects.filter(purpose=purpose).exists()


@transaction.atomic
def ask(*, member_id: int, purpose: str, at, source: str, text_version: str = "", address: str = "") -> AskedConsent:
    """Keep a yes that must be confirmed. A question that is open already takes the topic up, and writes no second letter for it
    unless the topic is new to it and a letter is left.
    """
    Member.objects.select_for_update(no_key=True).get(pk=member_id)
    _expire(member_id, at=at)
    asked_about = _address_hash(member_id)
    open_ = AskedConsent.objects.filter(member=member_id, ended_at=None).first()
    if open_ and open_.address_hash is not None and bytes(open_.address_hash) != asked_about:
        _end(open_, AskedConsent.Outcome.WITHDRAWN, at=at)  # the address is another one now: it must be asked anew
        open_ = None
    if open_ is None:
        open_ = question(
            member_id=member_id, purposes=[purpose], address_hash=asked_about, at=at, source=source,
            text_version=text_version, address=address,
        )  # fmt: skip
        open_.save()
    elif purpose not in open_.purposes:
        open_.purposes = [*open_.purposes, purpose]
        if (
            open_.letters_written == open_.letters_asked < LETTERS_MAX
        ):  # one that is not written yet names the topic too
            open_.letters_asked, open_.letter_asked_at = open_.letters_asked + 1, at
        open_.save(update_fields=["purposes", "letters_asked", "letter_asked_at"])
    transaction.on_commit(partial(consent_asked.send_robust, sender=AskedConsent))
    return open_


def drop(*, member_id: int, purpose: str, at) -> None:
    """A no takes the topic out of the open question; one that asks about nothing more is over."""
    open_ = AskedConsent.objects.select_for_update().filter(member=member_id, ended_at=None).first()
    if open_ is None or purpose not in open_.purposes:
        return
    open_.purposes = [one for one in open_.purposes if one != purpose]
    open_.save(update_fields=["purposes"])
    if not open_.purposes:
        _end(open_, AskedConsent.Outcome.WITHDRAWN, at=at)


@transaction.atomic
def confirm(*, asked_id: int, purposes: Iterable[str], at, address: str = "") -> list[str]:
    """The reader of the letter says yes to these of the topics: words of consent, each with its proof. May be repeated.

    Answers the topics that are allowed by it. Raises CannotConfirm.
    """
    asked = AskedConsent.objects.select_for_update().get(pk=asked_id)
    if asked.outcome == AskedConsent.Outcome.CONFIRMED:
        return list(asked.purposes)
    _refuse_stale(asked, at=at)
    given = [purpose for purpose in asked.purposes if purpose in set(purposes)]
    if not given:
        raise CannotConfirm(_("Nothing was chosen."))
    for purpose in given:
        _write(asked, purpose, at=at, address=address)
    asked.purposes = given
    asked.save(update_fields=["purposes"])
    _end(asked, AskedConsent.Outcome.CONFIRMED, at=at)
    return given


def _refuse_stale(asked: AskedConsent, *, at) -> None:
    if asked.ended_at is None and asked.expires_at >= at and _is_current(asked):
        return
    if asked.outcome == AskedConsent.Outcome.WITHDRAWN:
        raise CannotConfirm(_("This was taken back since."))
    if not _is_current(asked):
        raise CannotConfirm(_("The e-mail address is another one now, so this question does not count any more."))
    raise CannotConfirm(_("The time to confirm this is over. Ask for it again on your pages."))


def _is_current(asked: AskedConsent) -> bool:
    is_active = asked.member.status == Member.Status.ACTIVE
    return is_active and asked.address_hash is not None and bytes(asked.address_hash) == _address_hash(asked.member_id)


def _write(asked: AskedConsent, purpose: str, *, at, address: str) -> None:
    from members.operations.consent import write_consent  # late: it asks this module first

    write_consent(
        member_id=asked.member_id, channel=Consent.Channel.EMAIL, purpose=purpose, is_granted=True, at=at,
        source=f"{asked.source[:29]}, confirmed", text_version=asked.text_version, address=address,
        detail=(
            f"Asked at {asked.asked_at.isoformat()} by {asked.source}, from {asked.address or 'no known address'};"
            f" confirmed at {at.isoformat()} by the link in letter {asked.letters_written} to {_email(asked.member_id)}."
        ),
    )  # fmt: skip


@transaction.atomic
def ask_again(*, member_id: int, at) -> AskedConsent:
    """One more letter for a question that is open. Raises TooManyLetters, also where nothing is open."""
    open_ = AskedConsent.objects.select_for_update().filter(member=member_id, ended_at=None, expires_at__gte=at).first()
    if open_ is None:
        raise TooManyLetters(_("Nothing waits for a confirmation."))
    if open_.letters_asked >= LETTERS_MAX:
        raise TooManyLetters(_("We have written often enough. Look among the junk mail, or ask again in a week."))
    if at < open_.letter_asked_at + LETTERS_APART:
        raise TooManyLetters(_("The e-mail is on its way. Wait ten minutes before you ask for another."))
    open_.letters_asked, open_.letter_asked_at = open_.letters_asked + 1, at
    open_.save(update_fields=["letters_asked", "letter_asked_at"])
    transaction.on_commit(partial(consent_asked.send_robust, sender=AskedConsent))
    return open_


def take_unwritten(*, at, limit: int) -> list[AskedConsent]:
    """Open questions with a letter that nobody has written yet, now noted as written: call it in the transaction that writes them.

    Who asked is another's: what two take at once, one skips.
    """
    waiting = AskedConsent.objects.filter(ended_at=None, letters_written__lt=F("letters_asked"), expires_at__gte=at)
    taken = list(waiting.select_for_update(skip_locked=True).order_by("pk")[:limit])
    AskedConsent.objects.filter(pk__in=[one.pk for one in taken]).update(letters_written=F("letters_asked"))
    return taken


def ask_many(asked: Sequence[AskedConsent]) -> None:
    """Keep the questions of members who were just enrolled, all at once."""
    AskedConsent.objects.bulk_create(asked, batch_size=2_000)
    if asked:
        transaction.on_commit(partial(consent_asked.send_robust, sender=AskedConsent))


def forget_asked(*, member_id: int, at) -> None:
    """Of a member who is erased: nothing is asked any more, and where it came from is gone."""
    rows = AskedConsent.objects.filter(member=member_id)
    rows.filter(ended_at=None).update(ended_at=at, outcome=AskedConsent.Outcome.WITHDRAWN)
    rows.update(address="", address_hash=None)


def _expire(member_id: int, *, at) -> None:
    AskedConsent.objects.filter(member=member_id, ended_at=None, expires_at__lt=at).update(
        ended_at=at, outcome=AskedConsent.Outcome.EXPIRED
    )


def _end(asked: AskedConsent, outcome: str, *, at) -> None:
    asked.ended_at, asked.outcome = at, outcome
    asked.save(update_fields=["ended_at", "outcome"])


def _primary_email(member_id: int) -> Identifier | None:
    return Identifier.objects.filter(member=member_id, kind="email", is_primary=True).order_by("pk").first()


def _address_hash(member_id: int) -> bytes | None:
    found = _primary_email(member_id)
    return bytes(found.value_hash) if found else None


def _email(member_id: int) -> str:
    found = _primary_email(member_id)
    return found.value if found else ""
