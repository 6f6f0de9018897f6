"""Push templates, what they are frozen into, and the devices they reach."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.admin.panels import FieldPanel, InlinePanel, PublishingPanel
from wagtail.models import DraftStateMixin, LockableMixin, RevisionMixin, WorkflowMixin

from members.crypto import EncryptedTextField
from push.wording import check_wording

TITLE_MAX, BODY_MAX = 100, 300


class PushTemplate(WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, ClusterableModel):
    """A short message as a marketer writes it: a title and a body in each language, and where a tap leads."""

    name = models.CharField(_("name"), max_length=120)
    url = models.CharField(
        _("address"),
        max_length=500,
        default="/portal/",
        help_text=_("Where a tap leads: a path of this site, or an https address."),
    )

    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState", content_type_field="base_content_type", object_id_field="object_id",
        related_query_name="push_template", for_concrete_model=False,
    )  # fmt: skip
    revisions = GenericRelation(
        "wagtailcore.Revision", content_type_field="base_content_type", object_id_field="object_id",
        related_query_name="push_template", for_concrete_model=False,
    )  # fmt: skip

    panels = [
        FieldPanel("name"), FieldPanel("url"), InlinePanel("wordings", label=_("Wording"), min_num=1), PublishingPanel(),
    ]  # fmt: skip

    class Meta:
        verbose_name = _("push message")
        verbose_name_plural = _("push messages")

    def __str__(self):
        return self.name


class PushWording(models.Model):
    """The words of a push template in one language. Liquid fields such as {{ given_name }} are filled in per member."""

    template = ParentalKey(PushTemplate, on_delete=models.CASCADE, related_name="wordings")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    title = models.CharField(_("title"), max_length=TITLE_MAX, validators=[check_wording])
    body = models.CharField(_("text"), max_length=BODY_MAX, blank=True, validators=[check_wording])

    panels = [FieldPanel("language"), FieldPanel("title"), FieldPanel("body")]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "language"], name="one_push_wording_for_one_language")
        ]


class FrozenPush(models.Model):
    """A push message as it stood when a campaign was planned. Never edited: equal content is the same row."""

    content_hash = models.BinaryField(max_length=32, unique=True)
    template = models.ForeignKey(PushTemplate, on_delete=models.PROTECT, related_name="frozen")
    revision_id = models.PositiveIntegerField(null=True, blank=True)
    language = models.CharField(max_length=10)
    title = models.CharField(max_length=TITLE_MAX)
    body = models.CharField(max_length=BODY_MAX, blank=True)
    links = models.JSONField(default=list, help_text="Where taps lead, by index. A tap follows index 0.")
    fields_used = models.JSONField(default=list)
    frozen_at = models.DateTimeField(auto_now_add=True)


class PushSubscription(models.Model):
    """One browser of one member, as its push service handed it out."""

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="push_subscriptions")
    endpoint = EncryptedTextField()
    endpoint_hash = models.BinaryField(max_length=16, unique=True)
    p256dh = models.CharField(max_length=100)
    auth = EncryptedTextField()
    subscribed_at = models.DateTimeField()


class AppInstallation(models.Model):
    """An app of a member's that may be pushed to, by the token its maker's service knows it by."""

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="app_installations")
    token_hash = models.BinaryField(max_length=16, unique=True)
    token = EncryptedTextField()
    registered_at = models.DateTimeField()

    def __str__(self):
        return f"{self.member_id} · {self.registered_at:%Y-%m-%d}"
