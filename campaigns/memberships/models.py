"""Who stands on a list or belongs to a kept audience, and whom something happened to since that was last looked at."""

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
