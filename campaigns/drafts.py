"""What somebody types into a campaign before saving it: kept step by step, so that nothing is lost and everything can be undone."""

from django.conf import settings
from django.db import models


class CampaignDraft(models.Model):
    """One author's unsaved form of one campaign, or of one that is still to be made, with the steps that led there.

    `steps` are forms as the browser names their fields (name → list of values), the oldest first; `place` says which of them the
    author looks at: those behind it can be undone, those after it done again. Saving the campaign deletes the row.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", null=True, blank=True, on_delete=models.CASCADE, related_name="drafts"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    steps = models.JSONField(default=list)
    place = models.PositiveSmallIntegerField(default=0)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "author"], nulls_distinct=False, name="one_unsaved_form_for_one_author"
            )
        ]

    def __str__(self):
        return f"{self.campaign_id or 'new'} · {self.author_id} · {self.place + 1}/{len(self.steps)}"
