"""Teams and topics, cases with their conversation, surveys with their answers, tasks, opportunities."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from members.crypto import EncryptedTextField
from members.languages import in_readers_language


def new_token() -> str:
    return uuid.uuid4().hex


class Named(models.Model):
    """Something staff name in both languages; the Chinese name may be left out."""

    code = models.SlugField(_("code"), max_length=30, unique=True)
    name_en = models.CharField(_("name in English"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True)

    class Meta:
        abstract = True

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        return in_readers_language(self.name_en, self.name_zh)


class Team(Named):
    """Who answers. A case always has a team, and maybe one person of it."""

    people = models.ManyToManyField("members.User", blank=True, related_name="care_teams", verbose_name=_("people"))

    class Meta:
        ordering = ["name_en"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")


class Topic(Named):
    """What a case is about: it says who answers and by when. Hours run by day and night."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="topics", verbose_name=_("team"))
    reply_hours = models.PositiveSmallIntegerField(_("first reply within"), default=24, help_text=_("Hours."))
    close_hours = models.PositiveSmallIntegerField(_("closed within"), default=120, help_text=_("Hours."))
    words = models.JSONField(
        _("words that point to it"), default=list, blank=True,
        help_text=_("Words and phrases, in any language; the longest that occurs decides."),
    )  # fmt: skip
    is_for_members = models.BooleanField(_("members may choose it"), default=True)
    is_answered_by_pages = models.BooleanField(
        _("a help page may answer"), default=True,
        help_text=_("Where a page surely answers, it does so at once; a person reads the case all the same."),
    )  # fmt: skip
    place = models.PositiveSmallIntegerField(_("place in the list"), default=50)

    class Meta:
        ordering = ["place", "pk"]
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reply_hours__gt=0, close_hours__gte=models.F("reply_hours")),
                name="a_case_is_answered_before_it_is_closed",
            )
        ]


class Route(models.Model):
    """A store whose cases of a topic (or of all topics) go to another team."""

    topic = models.ForeignKey(
        Topic, null=True, blank=True, on_delete=models.CASCADE, related_name="routes", verbose_name=_("topic"),
        help_text=_("Empty: every topic."),
    )  # fmt: skip
    store = models.ForeignKey("sales.Store", on_delete=models.CASCADE, related_name="+", verbose_name=_("store"))
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="routes", verbose_name=_("team"))

    class Meta:
        verbose_name = _("route")
        verbose_name_plural = _("routes")
        constraints = [
            models.UniqueConstraint(
                fields=["store", "topic"], name="a_store_has_one_route_a_topic", nulls_distinct=False
            )
        ]


class CaseQuerySet(models.QuerySet):
    def open(self):
        return self.exclude(status=Case.Status.CLOSED)

    def overdue(self, *, at):
        """Open and past the clock that runs: the first reply's until there is one, then the case's own."""
        late_reply = models.Q(first_replied_at__isnull=True, reply_due_at__lte=at)
        return self.open().filter(late_reply | models.Q(close_due_at__lte=at))


class Case(models.Model):
    """Something a member asked or complained of, until it has an outcome."""

    class Channel(models.TextChoices):
        PORTAL = "portal", _("Portal")
        EMAIL = "email", _("E-mail")
        FORM = "form", _("Form")
        API = "api", _("API")
        TILL = "till", _("Till")
        DESK = "desk", _("Service desk")
        PHONE = "phone", pgettext_lazy("a call", "Phone")
        SURVEY = "survey", _("Survey")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        WAITING = "waiting", _("Waiting for the member")
        CLOSED = "closed", _("Closed")

    class Outcome(models.TextChoices):
        SOLVED = "solved", _("Solved")
        COMPENSATED = "compensated", _("Solved with compensation")
        EXPLAINED = "explained", _("Explained, nothing was wrong")
        DUPLICATE = "duplicate", _("Belongs to another case")
        NOT_OURS = "not_ours", _("Not ours to solve")
        NO_ANSWER = "no_answer", _("The member did not answer")
        ANSWERED = "answered", _("Answered by a help page")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("members.Member", null=True, on_delete=models.PROTECT, related_name="cases")
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="cases")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="cases")
    owner = models.ForeignKey("members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="cases")
    store = models.ForeignKey("sales.Store", null=True, on_delete=models.SET_NULL, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    subject = EncryptedTextField()
    receipt = models.CharField(max_length=120, blank=True, help_text="The receipt it is about, as the member gave it.")
    cause = models.CharField(max_length=80, blank=True, help_text="What it came from, such as survey:12.")
    feeling = models.SmallIntegerField(null=True, blank=True, help_text="-100 angry … 100 delighted; empty: unknown.")
    source = models.CharField(max_length=40)
    client_key = models.CharField(max_length=120)
    opened_at = models.DateTimeField()
    reply_due_at = models.DateTimeField()
    close_due_at = models.DateTimeField()
    first_replied_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key"], name="one_case_for_one_asking"),
            models.CheckConstraint(
                condition=models.Q(status="closed", closed_at__isnull=False) & ~models.Q(outcome="")
                | ~models.Q(status="closed") & models.Q(closed_at__isnull=True, outcome=""),
                name="a_case_closes_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=models.Q(feeling__isnull=True) | models.Q(feeling__range=(-100, 100)),
                name="a_feeling_lies_between_minus_100_and_100",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-opened_at"], name="care_case_of_member"),
            models.Index(fields=["team", "opened_at"], condition=~models.Q(status="closed"), name="care_case_open"),
        ]

    def __str__(self):
        return f"{self.number} {self.subject}".strip()

    @property
    def number(self) -> str:
        """What a member reads out on the phone."""
        return f"C-{self.pk:05d}"


class CaseEntry(models.Model):
    """One word in a case's conversation, or what was done with it."""

    class Kind(models.TextChoices):
        HEARD = "heard", _("The member wrote")
        REPLIED = "replied", _("We replied")
        AUTO = "auto", _("Answered by itself")
        NOTE = "note", _("Note among staff")
        ROUTED = "routed", _("Given to a team")
        ESCALATED = "escalated", _("Escalated")
        CLOSED = "closed", _("Closed")
        REOPENED = "reopened", _("Opened again")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=10, choices=Kind)
    text = EncryptedTextField()
    detail = models.CharField(max_length=200, blank=True, help_text="Never personal: a team, an outcome.")
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.SET_NULL, related_name="+")
    client_key = models.CharField(max_length=160, null=True, help_text="Source and key of a word that came by machine.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [models.UniqueConstraint(fields=["client_key"], name="a_word_is_heard_once")]


class Survey(models.Model):
    """One question with a score, asked of few at a time."""

    class Kind(models.TextChoices):
        CSAT = "csat", _("Satisfaction (1–5)")
        NPS = "nps", _("Would recommend (0–10)")
        EFFORT = "effort", _("Ease (1–7)")

    class Occasion(models.TextChoices):
        BY_HAND = "", _("When a campaign or journey asks")
        PURCHASE = "purchase", _("After a purchase")
        CASE_CLOSED = "case_closed", _("After a case was closed")
        REDEMPTION = "redemption", _("After a reward was redeemed")

    name = models.CharField(_("name"), max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    question_en = models.CharField(_("question in English"), max_length=200)
    question_zh = models.CharField(_("question in Chinese"), max_length=200, blank=True)
    rest_days = models.PositiveSmallIntegerField(
        _("days between surveys"),
        default=30,
        help_text=_("A member is asked at most once in so many days, by any survey."),
    )
    valid_days = models.PositiveSmallIntegerField(_("days to answer"), default=14)
    occasion = models.CharField(
        _("asked by itself"), max_length=12, choices=Occasion, blank=True, default=Occasion.BY_HAND,
        help_text=_("Goes out by e-mail to who allowed surveys, once for each occasion, within the days between surveys."),
    )  # fmt: skip
    wait_hours = models.PositiveSmallIntegerField(_("hours after it happened"), default=2)
    is_live = models.BooleanField(_("live"), default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")

    def __str__(self):
        return self.name

    @property
    def address(self) -> str:
        """Where a push, a text message or a note on the member's page leads: to this question as it is put to that member."""
        return f"/portal/surveys/about/{self.pk}/"

    @property
    def question(self) -> str:
        return in_readers_language(self.question_en, self.question_zh)


class Invitation(models.Model):
    """A member who is asked a survey's question once. Its token is all that is needed to answer."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="invitations")
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="survey_invitations")
    cause = models.CharField(max_length=80, help_text="Why they are asked, such as purchase:123.")
    token = models.CharField(max_length=32, unique=True, default=new_token)
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["survey", "member", "cause"], name="one_invitation_for_one_cause")
        ]
        indexes = [models.Index(fields=["member", "-invited_at"], name="care_invitation_of_member")]


class Answer(models.Model):
    """What a member answered. The last word within the time to answer counts."""

    invitation = models.OneToOneField(Invitation, on_delete=models.PROTECT, related_name="answer")
    score = models.SmallIntegerField()
    comment = EncryptedTextField()
    answered_at = models.DateTimeField()
    case = models.ForeignKey(Case, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(score__range=(0, 10)), name="a_score_lies_between_0_and_10")
        ]
        indexes = [models.Index(fields=["answered_at"], name="care_answer_by_time")]


MENTION = "mention:"
"""How the cause of a task begins that calls a colleague to a note; then the case, the note and who was called."""


class Task(models.Model):
    """Something for a person of a team to do, once for its cause. Done only with an outcome."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=160)
    text = EncryptedTextField()
    member = models.ForeignKey("members.Member", null=True, blank=True, on_delete=models.PROTECT, related_name="tasks")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tasks", verbose_name=_("team"))
    owner = models.ForeignKey("members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="tasks")
    cause = models.CharField(max_length=120, unique=True)
    due_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=160, blank=True)
    opened_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_at", "pk"]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(done_at__isnull=True, outcome="")
                | models.Q(done_at__isnull=False) & ~models.Q(outcome=""),
                name="a_task_is_done_with_an_outcome",
            )
        ]
        indexes = [
            models.Index(fields=["team", "due_at"], condition=models.Q(done_at__isnull=True), name="care_task_open"),
            models.Index(fields=["member"], name="care_task_of_member"),
        ]

    @property
    def case_id_said(self) -> str:
        """The public id of the case whose note it calls to; empty of any other task."""
        return self.cause.removeprefix(MENTION).partition(":")[0] if self.cause.startswith(MENTION) else ""


class Stage(Named):
    """A step of the pipeline, with the chance that what stands there is won."""

    place = models.PositiveSmallIntegerField(_("place"), unique=True)
    chance_percent = models.PositiveSmallIntegerField(_("chance to win"), help_text=_("Per cent."))

    class Meta:
        ordering = ["place"]
        verbose_name = _("pipeline stage")
        verbose_name_plural = _("pipeline stages")
        constraints = [
            models.CheckConstraint(condition=models.Q(chance_percent__lte=100), name="a_chance_is_at_most_all")
        ]


class Opportunity(models.Model):
    """A sale somebody works on, with a business customer or at the shelf."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120)
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="opportunities")
    owner = models.ForeignKey("members.User", null=True, on_delete=models.SET_NULL, related_name="opportunities")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="opportunities")
    value_minor = models.PositiveBigIntegerField(pgettext_lazy("money", "value"))
    currency = models.CharField(max_length=3)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    is_won = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at", "-pk"]
        verbose_name = _("opportunity")
        verbose_name_plural = _("opportunities")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True, is_won__isnull=True)
                | models.Q(closed_at__isnull=False, is_won__isnull=False),
                name="an_opportunity_closes_won_or_lost",
            )
        ]


class StageChange(models.Model):
    """An opportunity reached a stage. Only ever added to."""

    opportunity = models.ForeignKey(Opportunity, on_delete=models.PROTECT, related_name="history")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="+")
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
