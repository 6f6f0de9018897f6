"""E-mail templates as marketers write them, and frozen e-mails as they are sent."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting
from wagtail.fields import StreamField
from wagtail.models import (
    AbstractGroupApprovalTask,
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    RevisionMixin,
    TranslatableMixin,
    WorkflowMixin,
)

from emails.blocks import BodyBlock
from emails.brand import Brand

SUBJECT_LENGTH_MAX = 150
_colour = RegexValidator(r"^#[0-9a-fA-F]{6}$", _("A colour is written as #rrggbb."))


class Network(models.TextChoices):
    """Where a shop may be found. Names, not pictures: a picture of somebody else's mark needs their leave."""

    WECHAT = "WeChat", _("WeChat")
    WEIBO = "Weibo", _("Weibo")
    XIAOHONGSHU = "Xiaohongshu", _("Xiaohongshu")
    DOUYIN = "Douyin", _("Douyin")
    INSTAGRAM = "Instagram", "Instagram"
    FACEBOOK = "Facebook", "Facebook"
    YOUTUBE = "YouTube", "YouTube"
    TIKTOK = "TikTok", "TikTok"
    LINKEDIN = "LinkedIn", "LinkedIn"
    X = "X", "X"


class Font(models.TextChoices):
    """Families every reader has; see emails.brand.FONTS."""

    SYSTEM = "system", _("Plain, as on the reader's device")
    HUMANIST = "humanist", _("Soft")
    SERIF = "serif", _("With serifs")
    ROUNDED = "rounded", _("Rounded")
    MONO = "mono", _("Typewriter")


class BrandSettings(BaseGenericSetting):
    """How the shop's e-mails are dressed. There is one shop, so there is one row."""

    name = models.CharField(
        _("shop's name"), max_length=80, blank=True, help_text=_("Empty: the name this installation was given.")
    )
    tagline = models.CharField(_("tagline"), max_length=120, blank=True, default="Good food, close by")
    shop_url = models.URLField(_("shop's address on the web"), blank=True, help_text=_("Empty: this site."))
    postal_address = models.CharField(
        _("postal address"), max_length=200, default="12 Orchard Lane, Larkfield, NY 10999, USA",
        help_text=_("The law asks for it in every marketing e-mail."),
    )  # fmt: skip
    primary = models.CharField(_("colour"), max_length=7, default="#1d5c3f", validators=[_colour])
    accent = models.CharField(_("accent colour"), max_length=7, default="#f4b740", validators=[_colour])
    paper = models.CharField(_("background colour"), max_length=7, default="#f5f1e8", validators=[_colour])
    logo = models.ForeignKey(
        "wagtailimages.Image", verbose_name=_("logo"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("Empty: the name is set in type."),
    )  # fmt: skip

    dark_logo = models.ForeignKey(
        "wagtailimages.Image", verbose_name=_("logo on dark ground"), null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+", help_text=_("Empty: the same logo."),
    )  # fmt: skip
    heading_font = models.CharField(_("letters of headings"), max_length=10, choices=Font, default=Font.SERIF)
    text_font = models.CharField(_("letters of text"), max_length=10, choices=Font, default=Font.SYSTEM)
    has_dark = models.BooleanField(
        _("colours of its own in dark mode"), default=True, help_text=_("Off: mail programs darken by themselves, or do not."),
    )  # fmt: skip
    dark_paper = models.CharField(_("background in the dark"), max_length=7, default="#121a16", validators=[_colour])
    dark_card = models.CharField(_("cards in the dark"), max_length=7, default="#1b2620", validators=[_colour])
    dark_primary = models.CharField(_("colour in the dark"), max_length=7, default="#17452f", validators=[_colour])
    social = StreamField(
        [("link", blocks.StructBlock([
            ("network", blocks.ChoiceBlock(choices=Network.choices, label=_("Network"))),
            ("url", blocks.URLBlock(label=_("Address"))),
        ], label=_("Place")))],
        verbose_name=_("elsewhere on the web"), blank=True, help_text=_("What the block “Social links” shows."),
    )  # fmt: skip

    panels = [
        MultiFieldPanel(
            [FieldPanel("name"), FieldPanel("tagline"), FieldPanel("shop_url"), FieldPanel("postal_address")], heading=_("The shop"),
        ),
        MultiFieldPanel([FieldPanel("logo"), FieldPanel("dark_logo")], heading=_("Logo")),
        MultiFieldPanel([FieldRowPanel([FieldPanel("primary"), FieldPanel("accent"), FieldPanel("paper")])], heading=_("Colours")),
        MultiFieldPanel([FieldRowPanel([FieldPanel("heading_font"), FieldPanel("text_font")])], heading=_("Letters")),
        MultiFieldPanel(
            [FieldPanel("has_dark"), FieldRowPanel([FieldPanel("dark_paper"), FieldPanel("dark_card"), FieldPanel("dark_primary")])],
            heading=_("Dark mode"),
        ),
        FieldPanel("social"),
    ]  # fmt: skip

    class Meta:
        verbose_name = _("brand")

    def as_brand(self, *, site_url: str) -> Brand:
        return Brand(
            name=self.name or settings.SHOP_NAME,
            tagline=self.tagline,
            shop_url=self.shop_url or f"{site_url}/",
            postal_address=self.postal_address,
            primary=self.primary,
            accent=self.accent,
            paper=self.paper,
            logo_url=f"{site_url}{self.logo.get_rendition('height-80').url}" if self.logo else "",
            heading_font=self.heading_font,
            text_font=self.text_font,
            has_dark=self.has_dark,
            dark_paper=self.dark_paper,
            dark_card=self.dark_card,
            dark_primary=self.dark_primary,
            dark_logo_url=f"{site_url}{self.dark_logo.get_rendition('height-80').url}" if self.dark_logo else "",
            social=tuple((str(Network(link.value["network"]).label), link.value["url"]) for link in self.social),
        )


class MessageRules(BaseGenericSetting):
    """What a message needs before it may be sent."""

    needs_approval = models.BooleanField(
        _("messages need an approval"), default=False,
        help_text=_("A campaign cannot start with an e-mail or push message that nobody approved in this version."),
    )  # fmt: skip
    is_four_eyes = models.BooleanField(
        _("the sender is not the approver"), default=True,
        help_text=_("Who submitted a message, or wrote a part of it since its last approval, cannot approve it."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("rules for messages")


class MessageApprovalTask(AbstractGroupApprovalTask):
    """A person of the groups reads the message and approves it; where the rules ask for four eyes, not the one who wrote it."""

    class Meta:
        verbose_name = _("approval of a message")
        verbose_name_plural = _("approvals of messages")

    def is_own_work(self, obj, user) -> bool:
        """Whether this user submitted this version, or wrote a revision since the last one that was approved."""
        state = obj.current_workflow_state
        if state is None:
            return False
        since = obj.live_revision.created_at if obj.live_revision_id else None
        written = obj.revisions.filter(user=user)
        return state.requested_by_id == user.pk or (written.filter(created_at__gt=since) if since else written).exists()

    def _may_decide(self, obj, user) -> bool:
        return not MessageRules.load().is_four_eyes or not self.is_own_work(obj, user)

    def get_actions(self, obj, user):
        return super().get_actions(obj, user) if self._may_decide(obj, user) else []

    @classmethod
    def get_description(cls):
        return _(
            "Members of the chosen groups approve or send back; nobody approves their own work where the rules say so."
        )


class CheckedLink(models.Model):
    """An address that stands in a template, and whether it answered. Asked by a task, never while somebody waits."""

    url = models.URLField(max_length=2000)
    url_hash = models.BinaryField(max_length=16, unique=True)
    noted_at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)
    checked_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row. One may be a bad moment.")
    detail = models.CharField(max_length=200, blank=True, help_text="What it answered, in words of the protocol.")

    def __str__(self):
        return self.url


class EmailTemplate(
    WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, PreviewableMixin, TranslatableMixin, models.Model
):
    """One e-mail as a marketer writes it, in one language; its translations share `translation_key`."""

    name = models.CharField(_("name"), max_length=120, help_text=_("For colleagues; members never see it."))
    subject = models.CharField(_("subject"), max_length=SUBJECT_LENGTH_MAX)
    preheader = models.CharField(
        _("preheader"), max_length=SUBJECT_LENGTH_MAX, blank=True, help_text=_("The line an inbox shows after the subject."),
    )  # fmt: skip
    body = StreamField(BodyBlock(), verbose_name=_("body"))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState", content_type_field="base_content_type", object_id_field="object_id",
        related_query_name="email_template", for_concrete_model=False,
    )  # fmt: skip
    revisions = GenericRelation(
        "wagtailcore.Revision", content_type_field="base_content_type", object_id_field="object_id",
        related_query_name="email_template", for_concrete_model=False,
    )  # fmt: skip

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        ordering = ["name", "pk"]

    def __str__(self):
        return self.name

    @property
    def language(self) -> str:
        return self.locale.language_code

    def in_language(self, language: str) -> "EmailTemplate":
        """The published translation into this language; the template itself where there is none."""
        if self.language == language or self.pk is None:
            return self
        return self.get_translations().filter(locale__language_code=language, live=True).first() or self

    @property
    def preview_modes(self):
        from emails import previewing  # late: previews freeze, and freezing reads this module

        return previewing.MODES

    def make_preview_request(self, original_request=None, preview_mode=None, extra_request_attrs=None):
        """Wagtail previews through a request of its own; the author's own comes along, for the member they chose."""
        extra = {**(extra_request_attrs or {}), "author_request": original_request}
        return super().make_preview_request(original_request, preview_mode, extra)

    def serve_preview(self, request, mode_name):
        from emails import previewing

        return previewing.serve(request, self, mode_name)


class FrozenEmail(models.Model):
    """An e-mail as it is sent: HTML, text and subject split at the values, everything else encoded. Never changed."""

    content_hash = models.CharField(max_length=64, unique=True)
    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="frozen")
    revision_id = models.PositiveBigIntegerField(null=True)
    language = models.CharField(max_length=10)
    subject = models.TextField(help_text="Liquid.")
    html = models.TextField(help_text="Liquid, compiled from MJML, escaped by context, links indexed.")
    text = models.TextField(help_text="Liquid.")
    program = models.JSONField(null=True, help_text="The segments of the fast path; empty when there is none.")
    links = models.JSONField(help_text="For each index: the address as Liquid, and the list it stands in.")
    fields = models.JSONField(help_text="The names of the fields used.")
    constants = models.JSONField(help_text="Fields fixed at freezing: the shop's name and addresses.")
    is_fast = models.BooleanField()
    notice = models.CharField(max_length=300, blank=True, help_text="Why it is rendered the slow way.")
    size_bytes = models.PositiveIntegerField(help_text="Of the message rendered for the sample member.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.template} ({self.language}, {self.content_hash[:8]})"

    @property
    def sender(self) -> str:
        return settings.MARKETING_FROM
