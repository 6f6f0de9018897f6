"""E-mail templates as marketers write them, and frozen e-mails as they are sent."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.contrib.settings.models import BaseGenericSetting
from wagtail.fields import StreamField
from wagtail.models import (
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
        )


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
