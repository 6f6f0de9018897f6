"""What all verbs of a campaign share: its row's lock, and the words of a refusal."""

from django.utils.translation import gettext as _

from campaigns.models import Campaign

Status = Campaign.Status
STARTABLE = (Status.DRAFT, Status.SCHEDULED, Status.MISSED)


class CannotLaunch(Exception):
    """The campaign's status does not allow it."""


class Blocked(CannotLaunch):
    """A check stands in the way; `.problems` lists them, each with where to fix it."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__(" ".join(str(problem.message) for problem in problems))


def locked(campaign) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


def refuse(campaign, verb):
    raise CannotLaunch(
        _("A campaign that is %(status)s cannot be %(verb)s.") % {"status": campaign.get_status_display(), "verb": verb}
    )
