"""Which offers were really shown, noted while messages leave: learning and "sent lately" must not wait for a campaign's end."""

from datetime import timedelta

from campaigns.journeys.models import Journey
from campaigns.models import Campaign
from delivery import queries as outbox
from recommender import operations as recommender

WINDOW = timedelta(
    hours=1
)  # looked back upon at each beat; what a longer pause left out, `finish` and a daily look make up
THOROUGH = timedelta(days=2)
UNDER_WAY = (Campaign.Status.SENDING, Campaign.Status.LIVE, Campaign.Status.PAUSED)


def note_shown(*, at, is_thorough: bool = False) -> int:
    """Note the offers of messages that were sent within `WINDOW`, or `THOROUGH`; how many rows are new. Safe to repeat."""
    sent = {"state": "sent", "sent_at__gte": at - (THOROUGH if is_thorough else WINDOW)}
    return sum(recommender.record_sent(messages=outbox.messages(cause).filter(**sent)) for cause in sorted(_causes()))


def _causes() -> set[str]:
    """Of whatever may have sent something lately; a triggered campaign and a journey may never end."""
    campaigns = Campaign.objects.ordinary().filter(launched_at__isnull=False, status__in=UNDER_WAY)
    return {one.cause for one in campaigns} | {
        one.cause for one in Journey.objects.exclude(status=Journey.Status.DRAFT)
    }
