"""The tables of running sums. They hold nothing that the purchases and the ledger do not say, and may be dropped at any time."""

from django.db import models

DAYS = 400
"""Days after the beginning that can be told apart."""


class DaySet(models.Field):
    """Days after the beginning, a bit each; read and written by SQL alone."""

    def db_type(self, connection):
        return f"bit({DAYS})"


class Tally(models.Model):
    """What one assigned member did since the experiment began, as far as it is folded in; and before, for CUPED."""

    assignment = models.OneToOneField(
        "experiments.Assignment", on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    arm = models.ForeignKey(
        "experiments.Arm", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    member = models.ForeignKey(
        "members.Member", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    before_minor = models.BigIntegerField(help_text="Spent in the days before, as the baseline says.")
    orders_before = models.IntegerField()
    visits_before = models.IntegerField()
    spend_minor = models.BigIntegerField()
    orders = models.IntegerField()
    days = DaySet()
    points_earned = models.BigIntegerField()
    points_spent = models.BigIntegerField()
    beyond_hundredths = models.BigIntegerField(
        db_default=0,
        help_text="What the margins of categories keep beyond the plan's one for all, in hundredths of a minor unit.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "member"], name="one_tally_for_one_member")]


class TallyMark(models.Model):
    """How far an experiment's tallies go, and how far the next fold will: once everything up to there is surely written.

    `purchase_id` and `posted_until` are folded in. `next_…` were noted by one run of the chore; the run after it notes `settles_at`, the
    transaction from which on nothing below them can still come; a later one finds that every older transaction is over, and folds.
    """

    experiment = models.OneToOneField(
        "experiments.Experiment", on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    begin = models.DateTimeField()
    assignment_id_max = models.BigIntegerField()
    purchase_id = models.BigIntegerField()
    posted_until = models.DateTimeField()
    newest_at = models.DateTimeField(null=True, help_text="The latest purchase or movement folded in.")
    next_purchase_id = models.BigIntegerField()
    next_posted_until = models.DateTimeField()
    settles_at = models.BigIntegerField(null=True)
    product_id_max = models.BigIntegerField(db_default=0)
    products_unplaced = models.IntegerField(
        db_default=0, help_text="Products up to there that belonged to no category."
    )
