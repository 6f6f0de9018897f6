"""What analysts keep: an arranged dashboard, saved views, scheduled mails, evaluations, and frozen monthly editions."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class Dashboard(models.Model):
    """The panels one person put on their first page, in their order."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    panels = models.JSONField(default=list, help_text="Codes of panels, the first on top.")
    changed_at = models.DateTimeField()


class SavedView(models.Model):
    """A crossing that one person looks at again: its question, by name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=80)
    question = models.CharField(
        max_length=400, help_text="The query of the address, checked again whenever it is opened."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="a_person_has_one_view_of_a_name")]


class Mailing(models.Model):
    """A report that is mailed to one person of staff, again and again."""

    class Every(models.TextChoices):
        DAY = "day", _("Every day")
        WEEK = "week", _("Every Monday")
        MONTH = "month", _("On the first of the month")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    every = models.CharField(_("when"), max_length=5, choices=Every)
    due_at = models.DateTimeField(help_text="When the next one goes out.")

    class Meta:
        indexes = [models.Index(fields=["due_at"])]


class ReportLetter(models.Model):
    """One person's first page as it was mailed to them. Frozen."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    as_of = models.DateTimeField()
    language = models.CharField(max_length=10)
    sections = models.JSONField(help_text="[{code, title, lines: [text], url, csv}]")

    class Meta:
        ordering = ["-as_of", "-pk"]


class Evaluation(models.Model):
    """A change to the business, held against the time before and against its target, with a control where there is one."""

    name = models.CharField(_("what was changed"), max_length=120)
    kpi = models.CharField(_("figure"), max_length=30)
    changed_on = models.DateField(_("changed on"))
    days = models.PositiveSmallIntegerField(_("days before and after"), default=91)
    target_percent = models.SmallIntegerField(
        _("target, per cent"), help_text=_("What was hoped for: +5 is five per cent more.")
    )
    store = models.ForeignKey(
        "sales.Store", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("store that changed"),
        help_text=_("The others are the control. Without a store everything changed, and there is no control."),
    )  # fmt: skip
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_on", "-pk"]


class Edition(models.Model):
    """All panels of a month as they were read after its end. Frozen: a later correction is news, not a new past."""

    month = models.DateField(unique=True)
    made_at = models.DateTimeField()
    panels = models.JSONField(help_text="Code of a panel → its table.")

    class Meta:
        ordering = ["-month"]


class Reading(models.Model):
    """What a slow question was answered last. Kept so that nobody waits for it; may be dropped at any moment."""

    question = models.CharField(max_length=120, help_text="A name that reports.readings knows: panel:stores.")
    language = models.CharField(max_length=10)
    at = models.DateTimeField(help_text="The moment the answer speaks of.")
    took_s = models.FloatField()
    asked_at = models.DateTimeField(help_text="When a reader last wanted it, to the hour.")
    answer = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "language"], name="a_question_has_one_answer")]


class DigestChoice(models.Model):
    """Which digest one person of staff takes, and how often. Who has no row gets their role's own, every Monday."""

    class Every(models.TextChoices):
        DAY = "day", _("Every day")
        WEEK = "week", _("Every Monday")
        NEVER = "never", _("Never")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, help_text="A code of reports.digests.kinds.")
    every = models.CharField(_("when"), max_length=5, choices=Every)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="a_person_chooses_once_for_each_digest")]


class DigestIssue(models.Model):
    """A digest as it was written for one period and one set of stores. Frozen: what was mailed can be read again."""

    kind = models.CharField(max_length=12)
    every = models.CharField(max_length=5, choices=DigestChoice.Every)
    period_begins = models.DateTimeField()
    stores = models.CharField(max_length=200, blank=True, help_text="Codes of the stores it speaks of; empty: all.")
    language = models.CharField(max_length=10)
    made_at = models.DateTimeField()
    sections = models.JSONField(help_text="[{title, lines: [text], url}]")

    class Meta:
        ordering = ["-period_begins", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "every", "period_begins", "stores", "language"], name="a_digest_is_written_once"
            )
        ]
