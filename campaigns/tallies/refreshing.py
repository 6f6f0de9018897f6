"""The chore of running sums: large campaigns whose window is open have them, others do not."""

import logging
from datetime import datetime

from campaigns import outcomes
from campaigns.models import Campaign
from campaigns.tallies import keeping
from campaigns.tallies.models import TallyMark

LOG = logging.getLogger(__name__)


def refresh(*, at: datetime) -> dict[str, int]:
    """Begin, bring further or drop. Safe to run any number of times; what one campaign's failed run left is tried again."""
    done: dict[str, int] = {}
    running = _running(at)
    for campaign in running:
        try:
            said = keeping.keep(outcomes.of_campaign(campaign), end=campaign.outcome_ends_at)
        except Exception:
            LOG.exception("campaign %s: its sums are brought further at the next beat", campaign.pk)
            said = "failed"
        done[said] = done.get(said, 0) + 1
    kept = {campaign.experiment_id for campaign in running}
    for experiment_id in TallyMark.objects.exclude(experiment__in=kept).values_list("experiment", flat=True):
        keeping.drop(experiment_id)
        done["dropped"] = done.get("dropped", 0) + 1
    return done


def _running(at: datetime) -> list[Campaign]:
    """Sent at one time to many, and not read for the last time: a final report waits a while for late receipts."""
    sent = Campaign.objects.filter(
        status__in=[Campaign.Status.SENDING, Campaign.Status.SENT], kind=Campaign.Kind.ORDINARY, launched_at__lte=at,
        audience_size__gte=keeping.MEMBERS_MIN, outcome_ends_at__isnull=False,
    )  # fmt: skip
    return list(sent.exclude(timing=Campaign.Timing.TRIGGERED).select_related("experiment"))
