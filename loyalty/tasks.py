"""The ledger's chores: each makes one call; safe to run never, once or five times."""

import logging

from celery import shared_task

from loyalty import operations, verifying
from members.clock import now

SAMPLE = 1000
log = logging.getLogger(__name__)


@shared_task
def expire_points():
    """Post what expired and let tiers follow the calendar."""
    operations.expire_points(at=now())
    operations.evaluate_tiers(at=now())


@shared_task
def verify_sample():
    """Check a thousand wallets, other ones each hour. A breach is an error in the log, which pages whoever watches it."""
    for finding in verifying.verify(wallet_ids=verifying.sample(SAMPLE)):
        for breach in finding.breaches:
            log.error("Ledger broken: %s. %s", finding.promise.words, breach)
