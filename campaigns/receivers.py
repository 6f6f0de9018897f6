"""News heard: what the service desk answers goes out. Who asked to be forgotten is forgotten here too; assignments stay, without a
name, so that funnels still add up.
"""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from campaigns import operations
from campaigns.models import EarlyWarning, Entry, HistoricalResponse, MemberDriver, Recipient, RehearsalOutcome
from care.signals import case_replied
from members import clock
from members.personal_data import Section, rows_of
from members.signals import member_erased, personal_data_asked


@receiver(member_erased)
def forget(member_id, **_news):
    for rows in (Entry, Recipient, RehearsalOutcome, HistoricalResponse, MemberDriver, EarlyWarning):
        rows.objects.filter(member_id=member_id).delete()


@receiver(case_replied)
def send(entry_id, **_news):
    operations.send_reply(entry_id=entry_id, at=clock.now())


@receiver(personal_data_asked)
def tell(member_id, **_news):
    return [
        Section(
            "campaigns",
            _("Campaigns addressed to you"),
            rows_of(
                Recipient.objects.filter(member_id=member_id).order_by("campaign_id"),
                campaign="campaign__name", variant="variant__name", language="language", values="values",
            ),
        ),
        Section(
            "campaign_entries",
            _("What set off a campaign for you"),
            rows_of(
                Entry.objects.filter(member_id=member_id).order_by("entered_at", "pk"),
                "occurred_at", "state", campaign="campaign__name", because="key", why_not="skip_reason",
            ),
        ),
        Section(
            "early_warnings",
            _("When we thought you might leave us"),
            rows_of(
                EarlyWarning.objects.filter(member_id=member_id).order_by("noticed_at", "pk"),
                "noticed_at", "reasons", "state", "ended_at", done="intervention__name",
            ),
        ),
        Section(
            "loyalty_driver",
            _("What we think you come for"),
            rows_of(MemberDriver.objects.filter(member_id=member_id), "driver", "facts", "since"),
        ),
        Section(
            "earlier_campaigns",
            _("Campaigns of the system before this one"),
            rows_of(
                HistoricalResponse.objects.filter(member_id=member_id).order_by("campaign_id"),
                "redemptions", "first_redeemed_at", campaign="campaign__name",
            ),
        ),
    ]  # fmt: skip
