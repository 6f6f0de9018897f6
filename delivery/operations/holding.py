"""Stopping and resuming: one row acts on all messages of a cause, before the next chunk of any worker."""

from django.db import transaction
from django.db.models import Case, F, Value, When

from delivery import queries
from delivery.models import ChannelPolicy, Hold, Message


@transaction.atomic
def pause(*, cause: str, at) -> None:
    """Hold back what is not yet being sent. Safe to repeat; a cancelled cause stays cancelled."""
    Hold.objects.get_or_create(cause=cause, defaults={"at": at})


@transaction.atomic
def resume(*, cause: str) -> bool:
    """Let a paused cause go on from where it stood. False when it was not paused, or was cancelled."""
    return bool(Hold.objects.filter(cause=cause, is_cancelled=False).delete()[0])


def cancel(*, cause: str, at) -> int:
    """Stop a cause for good and mark what was not sent yet; answer how many that was.

    The hold is committed first, so every worker stops within one chunk however long marking the rest takes.
    """
    with transaction.atomic():
        Hold.objects.update_or_create(cause=cause, defaults={"is_cancelled": True, "at": at})
    with transaction.atomic():
        return (
            Message.objects.caused_by(cause)
            .filter(state__in=[Message.State.PENDING, Message.State.CLAIMED])
            .update(state=Message.State.SKIPPED, skip_reason=Message.Skip.CANCELLED, claimed_by="", lease_until=None)
        )


@transaction.atomic
def set_policy(
    *,
    channel: str,
    marketing_messages_max: int,
    cap_days: int,
    hours_between: int = 0,
    quiet_from=None,
    quiet_until=None,
) -> ChannelPolicy:
    """Say how soon, how often and when a channel may be used for marketing. Messages of all channels count.

    `hours_between` 0: no matter how soon. Quiet hours are in the member's time zone.
    """
    policy, _ = ChannelPolicy.objects.update_or_create(
        channel=channel,
        defaults={
            "marketing_messages_max": marketing_messages_max, "cap_days": cap_days,
            "hours_between": hours_between, "quiet_from": quiet_from, "quiet_until": quiet_until,
        },
    )  # fmt: skip
    return policy


@transaction.atomic
def set_doubt_policy(*, channel: str, after_doubt: str, doubt_days: int) -> ChannelPolicy:
    """Say what becomes of offers that nothing has settled after some days."""
    policy, _ = ChannelPolicy.objects.update_or_create(
        channel=channel, defaults={"after_doubt": after_doubt, "doubt_days": doubt_days}
    )
    return policy


@transaction.atomic
def drop_due(*, cause: str, at) -> int:
    """Skip as too late what fell due and was not sent, as over a pause. Answers how many messages."""
    return queries.past_due(cause, at=at).update(
        state=Message.State.SKIPPED, skip_reason=Message.Skip.TOO_LATE, claimed_by="", lease_until=None
    )


@transaction.atomic
def postpone_due(*, cause: str, at, due_at) -> int:
    """Make what fell due and was not sent due at another moment. Answers how many messages.

    How long a message is of use is counted from that moment anew.
    """
    return queries.past_due(cause, at=at).update(
        expires_at=Case(When(expires_at__isnull=False, then=F("expires_at") - F("due_at") + Value(due_at))),
        due_at=due_at, state=Message.State.PENDING, claimed_by="", lease_until=None,
    )  # fmt: skip
