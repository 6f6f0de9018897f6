"""The campaigns' clockwork: launch what is due, finish what was sent, measure what has ended, rehearse what waits.

Due times are rows. Each is claimed under its lock and each launch leaves a unique row, so two beats launch once and a
lost beat is made up by the next.
"""

import logging
from datetime import timedelta

from celery import shared_task
from django.db import transaction

from campaigns import noticing, operations, programme_lift, rehearsal, surveying
from campaigns.advice.ideas import fallen
from campaigns.memberships import keeping
from campaigns.models import Campaign, Fire
from campaigns.operations import choosing, listening, noting, repeating
from campaigns.tallies import refreshing
from members import clock
from members.modules import only_with
from sales.models import Purchase

LOG = logging.getLogger(__name__)
Status = Campaign.Status
RECEIPTS_WAIT_MAX = timedelta(days=14)


@shared_task
def run_due():
    """Everything due at this moment of the business clock. Safe to run any number of times, at once."""
    at = clock.now()
    return {
        "launched": _each(Campaign.objects.due(at=at), _fire, at)
        + _each(Campaign.objects.recurring_due(at=at), _occur, at),
        "entered": _each(Campaign.objects.listening(), _listen, at),
        "decided": _each(Campaign.objects.running(), _look, at),
        "finished": _each(Campaign.objects.filter(status=Status.SENDING), _finish, at),
        "measured": _each(Campaign.objects.window_ended(at=at).exclude(kind=Campaign.Kind.HISTORICAL), _measure, at)
        + _each(Campaign.objects.filter(status=Status.SENT, kind=Campaign.Kind.REHEARSAL), _rehearse, at),
    }


def _each(due, act, at) -> int:
    """One transaction per campaign, its row locked and skipped if another worker has it; one failure stops no other."""
    done = 0
    for pk in list(due.order_by("pk").values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                campaign = due.filter(pk=pk).select_for_update(skip_locked=True, of=("self",)).first()
                done += bool(campaign and act(campaign, at))
        except Exception:
            LOG.exception("campaign %s: %s failed and is tried again at the next beat", pk, act.__name__)
    return done


def _fire(campaign, at) -> bool:
    """Launch, or say why not. The unique fire is written in the launch's own transaction."""
    fire, is_new = Fire.objects.get_or_create(
        campaign=campaign, due_at=campaign.launch_at, defaults={"fired_at": at, "outcome": Fire.Outcome.CLAIMED}
    )
    if not is_new:
        return False
    outcome, detail = Fire.Outcome.LAUNCHED, ""
    if at > campaign.launch_at + timedelta(hours=campaign.late_hours_max):
        outcome, detail = Fire.Outcome.TOO_LATE, f"{(at - campaign.launch_at).total_seconds() / 3600:.1f} h"
    else:
        try:
            with transaction.atomic():
                operations.launch(campaign=campaign, at=at)
        except operations.CannotLaunch as reason:
            outcome, detail = Fire.Outcome.BLOCKED, str(reason)
    if outcome != Fire.Outcome.LAUNCHED:
        Campaign.objects.filter(pk=campaign.pk).update(status=Status.MISSED)
    Fire.objects.filter(pk=fire.pk).update(outcome=outcome, detail=detail)
    return outcome == Fire.Outcome.LAUNCHED


def _occur(campaign, at) -> bool:
    return repeating.occur(campaign, at=at) is not None


def _listen(campaign, at) -> bool:
    """Let in, handle, and stop on the last day; the brake is looked at before anybody new is sent anything."""
    if choosing.brake(campaign, at=at):
        return False
    entered = listening.enter(campaign, at=at)
    handled = listening.handle(campaign, at=at)
    listening.end(campaign, at=at)
    return bool(entered or handled)


def _look(campaign, at) -> bool:
    return choosing.look(campaign, at=at)


def _finish(campaign, at) -> bool:
    return operations.finish(campaign=campaign, at=at).status == Status.SENT


def _measure(campaign, at) -> bool:
    """The final report, which is made once, waits until the receipts of its window are in."""
    return _has_its_receipts(campaign, at) and operations.measure(campaign=campaign, at=at).is_final


def _has_its_receipts(campaign, at) -> bool:
    """Tills may have been offline and files may come at night: a later purchase says that earlier ones have arrived.

    A shop that sells nothing any more does not make a report wait for ever.
    """
    ended = campaign.outcome_ends_at
    return (
        at >= ended + RECEIPTS_WAIT_MAX
        or Purchase.objects.filter(purchased_at__gte=ended, purchased_at__lte=at).exists()
    )


def _rehearse(campaign, at) -> bool:
    rehearsal.simulate(campaign=campaign, at=at)
    return operations.measure(campaign=campaign, at=at).is_final


@shared_task
def refresh_audiences():
    """Stored members of kept audiences follow what happened. Safe to run any number of times, at once."""
    return keeping.refresh(at=clock.now())


@shared_task
def keep_experiments():
    """Plans and baselines of rules under trial, the standing control group and its daily reading, and the running sums of large campaigns.

    Safe to run any number of times.
    """
    at = clock.now()
    return programme_lift.keep(at=at) | {"sums": refreshing.refresh(at=at)}


@shared_task
def note_offers_shown(*, is_thorough: bool = False):
    """Offers in messages are exposures from when they are sent, not from when a campaign ends. Safe to run any number of times."""
    return noting.note_shown(at=clock.now(), is_thorough=is_thorough)


@shared_task
@only_with("surveys")
def ask_surveys():
    """Questions after a purchase, a closed case, a redemption; what was asked and not sent yet goes out. Safe to repeat."""
    return surveying.ask(at=clock.now())


@shared_task
@only_with(noticing.MODULE)
def tell_members():
    """Receipts that were asked for, tiers that changed, points about to expire. Safe to run any number of times, at once."""
    return noticing.tell(at=clock.now())


@shared_task
def look_for_actions():
    """What the recommended actions are read from and takes long to count, kept for the day. Safe to repeat."""
    return len(fallen(clock.now(), is_kept=False))


@shared_task
def send_replies():
    """Answers to cases whose news was lost. Safe to run any number of times."""
    return operations.send_replies(at=clock.now())


# Journeys have a room of their own; Celery finds tasks only through this module.
from campaigns.journeys.tasks import enter_journeys, run_journeys  # noqa: E402, F401
from campaigns.retention.tasks import watch_over_members  # noqa: E402, F401
