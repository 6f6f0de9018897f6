"""What came of campaigns and other experiments: how they will be read, what was read, learnt, rehearsed and imported."""

from django.db import models


class LiftReport(models.Model):
    """What was read, frozen: every figure with its doubt, as of one moment. Never edited; a later look is a new row."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="reports")
    as_of = models.DateTimeField()
    is_final = models.BooleanField(help_text="Read at the planned end of the window; else an early look.")
    figures = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-as_of", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(is_final=True), name="one_final_report_for_one_campaign"
            ),
        ]


class Learning(models.Model):
    """What the recommender made of a campaign's outcomes, in its own words."""

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.PROTECT, related_name="learning")
    verdict = models.TextField()
    changes = models.JSONField(default=list)
    learned_at = models.DateTimeField()


class Rehearsal(models.Model):
    """The truth planted into a rehearsal, printed beside what the report estimates."""

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.CASCADE, related_name="rehearsal")
    seed = models.BigIntegerField()
    effect = models.JSONField(help_text="Planted rates and the relative effect on purchases.")
    simulated_at = models.DateTimeField(null=True, blank=True)


class RehearsalOutcome(models.Model):
    """What one member of a rehearsal was made to do. Simulated: no purchase, no consent, no programme figure reads it."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="rehearsal_outcomes")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    is_opened = models.BooleanField(default=False)
    is_clicked = models.BooleanField(default=False)
    is_redeemed = models.BooleanField(default=False)
    is_unsubscribed = models.BooleanField(default=False)
    orders = models.PositiveIntegerField(default=0)
    spend_minor = models.BigIntegerField(default=0)
    redeemed_categories = models.JSONField(
        default=list, help_text="Ids of the offered product types this member was made to buy."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "member"], name="one_simulated_outcome_for_one_member")
        ]


class HistoricalResponse(models.Model):
    """A household that an imported campaign reached, and the coupons it redeemed. It was not chosen by chance."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="historical_responses")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    redemptions = models.PositiveIntegerField(default=0)
    first_redeemed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "member"], name="one_response_for_one_household")]


class AnalysisPlan(models.Model):
    """How an experiment will be read, written down before its outcome is: never edited, whatever comes out.

    Windows, caps and prices are those of this moment; a report repeats them.
    """

    experiment = models.OneToOneField("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    outcome_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: no planned end, as for rules."
    )
    covariate_days = models.PositiveSmallIntegerField(help_text="Days before assignment that CUPED looks back.")
    spend_cap_minor = models.BigIntegerField(
        null=True, blank=True, help_text="A member's spend above this is read as this, in both arms."
    )
    before_cap_minor = models.BigIntegerField(null=True, blank=True, help_text="The same for the spend before.")
    point_minor_per_1000 = models.PositiveIntegerField(
        null=True, blank=True, help_text="What points cost; empty: unknown."
    )
    margin_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of revenue that is kept; empty: unknown, and revenue is shown."
    )
    margins = models.JSONField(
        default=dict,
        blank=True,
        help_text="The same by category, of those whose own or whose department's is stated: percent by id.",
    )
    send_minor_per_1000 = models.JSONField(default=dict, help_text="What a thousand messages cost, by channel.")


class Baseline(models.Model):
    """What an assigned member did in the days before: the covariate of CUPED. Written once, before any outcome; numbers only."""

    assignment = models.OneToOneField(
        "experiments.Assignment", on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    spend_minor = models.BigIntegerField()
    orders = models.IntegerField()
    visits = models.IntegerField(help_text="Days with a purchase.")


class ProgrammeLift(models.Model):
    """What the whole of marketing changed, read each day against the standing control group. Frozen."""

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    as_of = models.DateTimeField()
    figures = models.JSONField()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["experiment", "day"], name="programme_lift_is_read_once_a_day")]
