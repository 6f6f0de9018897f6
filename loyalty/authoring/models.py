"""Drafts of rule sets, their history, and what-ifs. A published version is `loyalty.models.RuleSet` and never changes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class RuleDraft(models.Model):
    """A rule set in the making. Several people may edit it; each saves one part at a time (`operations.rule_drafts`)."""

    class State(models.TextChoices):
        OPEN = "open", _("Draft")
        SUBMITTED = "submitted", _("Submitted")
        PUBLISHED = "published", _("Published")
        DISCARDED = "discarded", _("Discarded")

    name = models.CharField(max_length=100)
    definition = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    based_on = models.ForeignKey(
        "loyalty.RuleSet", null=True, blank=True, on_delete=models.PROTECT, related_name="drafts", db_index=False
    )
    published_as = models.OneToOneField(
        "loyalty.RuleSet", null=True, blank=True, on_delete=models.PROTECT, related_name="draft"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-updated_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="published", published_as__isnull=False)
                | (~models.Q(state="published") & models.Q(published_as=None)),
                name="a_published_draft_names_its_version",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def is_editable(self) -> bool:
        return self.state in {self.State.OPEN, self.State.SUBMITTED}


class RulePolicy(models.Model):
    """One row: how rules come to be published."""

    approver_differs = models.BooleanField(
        default=False, help_text="Who publishes a draft is somebody else than who submitted it."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_rule_policy")]


class RuleAct(models.Model):
    """Who did what to a draft or a version, and what the draft said afterwards. Only ever added to."""

    class Act(models.TextChoices):
        CREATED = "created", _("Created")
        CHANGED = "changed", _("Changed")
        SUBMITTED = "submitted", _("Submitted")
        WITHDRAWN = "withdrawn", _("Taken back to edit")
        PUBLISHED = "published", _("Published")
        CALLED_OFF = "called_off", _("Called off")
        DISCARDED = "discarded", _("Discarded")

    draft = models.ForeignKey(RuleDraft, null=True, blank=True, on_delete=models.PROTECT, related_name="acts")
    rule_set = models.ForeignKey(
        "loyalty.RuleSet", null=True, blank=True, on_delete=models.PROTECT, related_name="acts"
    )
    act = models.CharField(max_length=10, choices=Act)
    part = models.CharField(max_length=120, blank=True, help_text="The part of the draft that was changed.")
    definition = models.JSONField(null=True, blank=True, help_text="The whole rule set after the act.")
    by_user = models.ForeignKey(
        "members.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(draft__isnull=False) | models.Q(rule_set__isnull=False),
                name="an_act_is_about_a_draft_or_a_version",
            ),
        ]


class Simulation(models.Model):
    """A what-if: a stretch of real history replayed under other rules, and what came of it. The ledger is not touched."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    draft = models.ForeignKey(
        RuleDraft, null=True, blank=True, on_delete=models.PROTECT, related_name="simulations", db_index=False
    )
    rule_set = models.ForeignKey(
        "loyalty.RuleSet", null=True, blank=True, on_delete=models.PROTECT, related_name="simulations", db_index=False
    )
    definition = models.JSONField(help_text="The rules as they were when the what-if was asked for.")
    since = models.DateField(help_text="First day, in the programme's time zone.")
    until = models.DateField(help_text="Last day.")
    store_codes = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every store.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    purchases_done = models.PositiveIntegerField(default=0)
    purchases_total = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    by_user = models.ForeignKey(
        "members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(draft__isnull=False) | models.Q(rule_set__isnull=False),
                name="a_simulation_asks_about_a_rule_set",
            ),
            models.CheckConstraint(condition=models.Q(since__lte=models.F("until")), name="a_simulation_has_days"),
        ]

    @property
    def percent(self) -> int:
        """Progress from 0 to 100; while running never 100, so that nobody waits for a bar that is full."""
        if self.state == self.State.DONE:
            return 100
        return min(99, 100 * self.purchases_done // self.purchases_total) if self.purchases_total else 0


class RuleTrial(models.Model):
    """A rule that a share of the members does not get, so that its lift is known: its experiment, and from when it runs.

    The rule names the experiment by its salt; as long as versions keep the salt, it is one trial. Who is held out follows from
    the stable hash alone, in the posting function; the assignments log it.
    """

    experiment = models.OneToOneField("experiments.Experiment", on_delete=models.PROTECT, related_name="rule_trial")
    rule_set = models.ForeignKey("loyalty.RuleSet", on_delete=models.PROTECT, related_name="trials", db_index=False)
    rule_code = models.CharField(max_length=50)
    rule_name = models.CharField(max_length=100)
    holdout_percent = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField()
    assigned_member_id = models.BigIntegerField(default=0, help_text="Members up to this one are assigned.")

    class Meta:
        ordering = ["-starts_at", "-pk"]

    def __str__(self):
        return self.rule_name
