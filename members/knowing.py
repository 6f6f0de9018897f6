"""What a shop knows of a member beyond the card: custom fields, tags, touchpoints, and the stages they went through."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from members.crypto import EncryptedTextField
from members.languages import in_readers_language

CODE = RegexValidator(r"^[a-z][a-z0-9_]{0,29}$", _("Small letters, digits and underscores, beginning with a letter."))


class CustomField(models.Model):
    """A field of the shop's own. A personal one is encrypted and can only be asked whether it equals something."""

    class Kind(models.TextChoices):
        TEXT = "text", pgettext_lazy("a kind of field", "Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        YES_NO = "yes_no", _("Yes or no")
        CHOICE = "choice", _("One of a list")

    code = models.CharField(
        _("code"), max_length=30, unique=True, validators=[CODE],
        help_text=_("Its name in imports, the API and e-mails. It cannot be changed later."),
    )  # fmt: skip
    label_en = models.CharField(_("name in English"), max_length=60)
    label_zh = models.CharField(_("name in Chinese"), max_length=60, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    choices = models.JSONField(_("answers to choose from"), default=list, blank=True)
    is_personal = models.BooleanField(
        _("personal"), default=False,
        help_text=_("Encrypted; audiences can only ask whether it equals something. It cannot be changed later."),
    )  # fmt: skip
    place = models.PositiveSmallIntegerField(_("place in the list"), default=50)

    class Meta:
        ordering = ["place", "pk"]
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")

    def __str__(self):
        return self.label

    @property
    def label(self) -> str:
        return in_readers_language(self.label_en, self.label_zh)


class CustomValue(models.Model):
    """The value of a personal custom field of one member. Values of the others lie in `Member.custom_fields`."""

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="custom_values")
    field = models.ForeignKey(CustomField, on_delete=models.CASCADE, related_name="values")
    value = EncryptedTextField()
    value_hash = models.BinaryField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "field"], name="a_field_has_one_value_a_member")]
        indexes = [models.Index(fields=["field", "value_hash"], name="members_custom_by_value")]


class Tag(models.Model):
    """A word staff, journeys and rules stick to members."""

    code = models.CharField(_("tag"), max_length=40, unique=True, validators=[CODE])

    class Meta:
        ordering = ["code"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self):
        return self.code


class MemberTag(models.Model):
    """A member who carries a tag, and who stuck it on."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="carriers")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="tags")
    source = models.CharField(max_length=80, help_text="desk, import, or a cause such as journey:3.")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "member"], name="a_tag_sticks_once")]


class Touchpoint(models.Model):
    """A meeting with a member that no other room records: a page looked at, a like, a call.

    `subject` says what it was about and never who: a product code, a page's path. Somebody not signed in is known by a
    keyed hash of their browser's own id until they sign in; then their earlier visits become theirs, if they allow it.
    """

    class Kind(models.TextChoices):
        PAGE = "page", _("Looked at a page")
        SEARCH = "search", _("Searched")
        CART = "cart", _("Put into the basket")
        LIKE = "like", _("Liked a post")
        COMMENT = "comment", _("Wrote a comment")
        SHARE = "share", _("Shared a post")
        CALL = "call", _("Phoned")
        EMAIL = "email", _("Wrote an e-mail")
        CHAT = "chat", _("Chatted")
        VISIT = "visit", _("Came by")
        OTHER = "other", _("Something else")

    class Direction(models.TextChoices):
        IN = "in", _("From the member")
        OUT = "out", _("From us")

    member = models.ForeignKey("members.Member", null=True, on_delete=models.CASCADE, related_name="touchpoints")
    visitor_hash = models.BinaryField(max_length=16, null=True)
    kind = models.CharField(max_length=10, choices=Kind)
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.IN)
    event = models.CharField(max_length=40, blank=True, help_text="The sender's own name of an event of another kind.")
    subject = models.CharField(max_length=200, blank=True)
    words = EncryptedTextField()
    feeling = models.SmallIntegerField(null=True, help_text="-100 angry … 100 delighted; empty: unknown.")
    source = models.CharField(max_length=40)
    client_key = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key"], name="a_touchpoint_is_taken_once"),
            models.CheckConstraint(
                condition=models.Q(member__isnull=False) | models.Q(visitor_hash__isnull=False),
                name="a_touchpoint_is_somebodys",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-at"], name="members_touchpoint_latest"),
            models.Index(
                fields=["visitor_hash"], condition=models.Q(member__isnull=True), name="members_touchpoint_visitor"
            ),
        ]


class StageChange(models.Model):
    """A member went from one life-cycle stage to another. Only ever added to."""

    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="stage_changes")
    before = models.CharField(max_length=10)
    after = models.CharField(max_length=10)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["after", "at"], name="members_stage_entered")]


class LifecycleRules(models.Model):
    """When a member is at which stage. One row; a change takes effect at the next nightly run.

    A member is held against their own habit: their mean gap between days with a purchase, kept between 10 and 45 days.
    """

    id = models.SmallAutoField(primary_key=True)
    new_days = models.PositiveSmallIntegerField(
        _("new for days"), default=60, validators=[MinValueValidator(1), MaxValueValidator(730)],
        help_text=_("Days from the first purchase (or from joining, for who never bought)."),
    )  # fmt: skip
    new_visits = models.PositiveSmallIntegerField(
        _("new up to visits"), default=2, help_text=_("Days with a purchase; more, and a member develops.")
    )
    loyal_days = models.PositiveSmallIntegerField(
        _("loyal after days"), default=180, help_text=_("Days since the first purchase.")
    )
    loyal_visits = models.PositiveSmallIntegerField(_("loyal from visits"), default=8)
    risk_gaps = models.DecimalField(
        _("at risk after gaps"), max_digits=4, decimal_places=1, default=3, validators=[MinValueValidator(1)],
        help_text=_("Silent for so many times their usual gap."),
    )  # fmt: skip
    lapsed_gaps = models.DecimalField(_("lapsed after gaps"), max_digits=4, decimal_places=1, default=8)
    won_back_days = models.PositiveSmallIntegerField(
        _("won back for days"),
        default=60,
        help_text=_("Days after coming back from a silence that had made them lapsed."),
    )

    class Meta:
        verbose_name = _("life-cycle rules")
        verbose_name_plural = _("life-cycle rules")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_set_of_lifecycle_rules"),
            models.CheckConstraint(
                condition=models.Q(lapsed_gaps__gt=models.F("risk_gaps")), name="a_member_is_at_risk_before_they_lapse"
            ),
        ]

    def __str__(self):
        return str(_("Life-cycle stages"))
