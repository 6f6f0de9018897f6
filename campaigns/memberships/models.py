"""Who stands on a list or belongs to a kept audience, whom something happened to since that was last looked at, and what audiences were."""

from django.db import models


class AudienceMember(models.Model):
    """A member of a list, or of an audience whose members are kept. Drawn anew in whole now and then, and as news comes."""

    pk = models.CompositePrimaryKey("audience_id", "member_id")
    audience = models.ForeignKey(
        "campaigns.Audience", on_delete=models.CASCADE, related_name="kept_members", db_index=False
    )
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    entered_at = models.DateTimeField(help_text="Business time at which they were first seen to belong.")


class MemberNews(models.Model):
    """Something happened to a member: kept audiences ask about them again. The same member may stand here often."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )


class AudienceRevision(models.Model):
    """An audience as it was saved once. Never edited: an older one is brought back by saving it again."""

    audience = models.ForeignKey(
        "campaigns.Audience", on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    conditions = models.JSONField()
    saved_at = models.DateTimeField()
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        ordering = ["audience_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["audience", "number"], name="a_revision_has_one_number")]

    def __str__(self):
        return f"{self.name} {self.number}"
