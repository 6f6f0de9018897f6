"""The words around the member's pages: how it works, help, terms. Written in the CMS, one article per language."""

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.admin.panels import FieldPanel, FieldRowPanel, PublishingPanel
from wagtail.fields import StreamField
from wagtail.models import DraftStateMixin, PreviewableMixin, RevisionMixin, TranslatableMixin

ICONS = (
    ("book", _("Book")), ("info", _("Information")), ("sparkle", _("Sparkle")), ("gift", _("Gift")), ("star", _("Star")),
    ("shield", _("Shield")), ("headset", _("Help")), ("store", _("Shop")),
)  # fmt: skip


class Step(blocks.StructBlock):
    title = blocks.CharBlock(label=_("Title"), max_length=80)
    text = blocks.TextBlock(label=_("Text"), max_length=400, required=False)


class Question(blocks.StructBlock):
    question = blocks.CharBlock(label=_("Question"), max_length=160)
    answer = blocks.RichTextBlock(label=_("Answer"), features=["bold", "italic", "link", "ul", "ol"])
    asked_as = blocks.TextBlock(
        label=_("Also asked as"), required=False, max_length=1000, rows=3,
        help_text=_("One a line, in the words members use. Who writes to us and asks this gets the answer by e-mail at once."),
    )  # fmt: skip


class Body(blocks.StreamBlock):
    """Four kinds of block are enough for what is read once: a heading, a text, steps, questions with answers."""

    heading = blocks.CharBlock(
        label=_("Heading"), max_length=120, icon="title", template="portal/articles/heading.html"
    )
    text = blocks.RichTextBlock(
        label=_("Text"), features=["bold", "italic", "link", "ul", "ol", "h3"], template="portal/articles/text.html"
    )
    steps = blocks.ListBlock(Step(), label=_("Steps"), icon="list-ol", template="portal/articles/steps.html")
    questions = blocks.ListBlock(
        Question(), label=_("Questions and answers"), icon="help", template="portal/articles/questions.html"
    )


class ArticleQuerySet(models.QuerySet):
    def shown(self):
        return self.filter(live=True).select_related("locale").order_by("place", "pk")


class Article(DraftStateMixin, RevisionMixin, PreviewableMixin, TranslatableMixin, models.Model):
    """One page of words in one language; its translations share the slug and `translation_key`."""

    slug = models.SlugField(
        _("address"), max_length=60, help_text=_("The last part of its address, the same in each language.")
    )
    title = models.CharField(_("title"), max_length=100)
    summary = models.CharField(_("summary"), max_length=200, blank=True, help_text=_("One line, shown in lists."))
    icon = models.CharField(_("icon"), max_length=20, choices=ICONS, default="book")
    place = models.PositiveSmallIntegerField(_("place"), default=10, help_text=_("Lower stands first in the menu."))
    is_in_footer = models.BooleanField(
        _("in the foot of every page"), default=False, help_text=_("For terms and privacy.")
    )
    body = StreamField(Body(), verbose_name=_("body"), blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    revisions = GenericRelation(
        "wagtailcore.Revision", content_type_field="base_content_type", object_id_field="object_id",
        related_query_name="article", for_concrete_model=False,
    )  # fmt: skip

    objects = ArticleQuerySet.as_manager()

    panels = [
        FieldPanel("title"), FieldPanel("summary"),
        FieldRowPanel([FieldPanel("slug"), FieldPanel("icon"), FieldPanel("place"), FieldPanel("is_in_footer")]),
        FieldPanel("body"), PublishingPanel(),
    ]  # fmt: skip

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("page for members")
        verbose_name_plural = _("pages for members")
        constraints = [
            models.UniqueConstraint(fields=["slug", "locale"], name="one_article_for_one_address_and_language")
        ]

    def __str__(self):
        return self.title

    def serve_preview(self, request, mode_name):
        return render(request, "portal/articles/article.html", {"article": self})


def in_readers_language(found) -> list[Article]:
    """Of each slug the article in the reader's language, else whichever there is; in the order given."""
    language, chosen = get_language() or "en", {}
    for article in found:
        if article.slug not in chosen or article.locale.language_code == language:
            chosen[article.slug] = article
    return list(chosen.values())
