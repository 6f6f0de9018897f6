"""The ledger's chores: each makes one call; safe to run never, once or five times."""

import logging

from celery import shared_task
from django.utils import timezone

from loyalty import billing, operations, screening, sealing, verifying
from members.clock import now

SAMPLE = 1000
log = logging.getLogger(__name__)


@shared_task
def expire_points():
    """Post what can be spent now and what expired, and let tiers follow the calendar."""
    operations.release_holds(at=now())
    operations.mature_points(at=now())
    operations.expire_points(at=now())
    operations.notice_expiry(at=now())
    operations.evaluate_tiers(at=now())


@shared_task
def grant_occasions():
    """Give what birthdays and anniversaries bring without a purchase."""
    operations.grant_occasions(at=now())


@shared_task
def refresh_memberships():
    """Ask the payment provider about memberships whose period is over, for news that never came."""
    if billing.is_set_up():
        operations.refresh_all(at=now())


@shared_task
def verify_sample():
    """Check a thousand wallets, other ones each hour. A breach stops spending from its wallet, shows on the desk's and the
    manager's pages, and is an error in the log, which pages whoever watches it.
    """
    broken = []
    for finding in verifying.verify(wallet_ids=verifying.sample(SAMPLE)):
        for breach in finding.breaches:
            log.error("Ledger broken: %s. %s", finding.promise.words, breach)
            if breach.wallet is not None:
                broken.append((breach.wallet, finding.promise.words, str(breach)))
    if broken:
        operations.block_spending(breaches=broken, at=now())


@shared_task
def seal_days():
    """Seal the days that are over, by real time: the chain is about when rows were written, not about the shop's calendar."""
    sealing.seal_days(at=timezone.now())


@shared_task
def run_what_if(simulation_id: int):
    """Replay history under a draft; one that ran already is left alone."""
    operations.run_what_if(simulation_id=simulation_id, at=now())


@shared_task
def assign_trials():
    """Log who is held out of a rule under trial: members who joined since the last time."""
    operations.assign_trials(at=now())


@shared_task
def screen():
    """Hold for review what was posted lately and looks like fraud."""
    screening.screen(at=now())
