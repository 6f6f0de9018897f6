"""The words around the member's pages: how it works, help, terms, what stands above home and rewards, and the menus.

Written in the CMS, one article per language, out of the same blocks as an e-mail where those serve a page.
"""

from django.contrib.contenttypes.fields import GenericRelation
from django.core.exceptions import ValidationError
from django.db import models
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.admin.panels import FieldPanel, FieldRowPanel, PublishingPanel
from wagtail.blocks import StreamValue, StructValue
from wagtail.blocks.list_block import ListValue
from wagtail.fields import StreamField
from wagtail.models import DraftStateMixin, PreviewableMixin, RevisionMixin, TranslatableMixin
from wagtail.rich_text import RichText

from emails.blocks import content as shared

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


class Columns(shared.ColumnsBlock):
    """Columns of a page hold what columns of an e-mail hold."""

    class Meta:
        template = "portal/articles/columns.html"


class Body(blocks.StreamBlock):
    """What a page is made of: its own heading, text, steps and questions, and the blocks it shares with e-mails."""

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
    hero = shared.HeroBlock(template="portal/articles/hero.html")
    image = shared.ImageBlock(template="portal/articles/image.html")
    button = shared.ButtonBlock(template="portal/articles/button.html")
    columns = Columns()
    products = shared.ProductsBlock(template="portal/articles/products.html")
    divider = shared.DividerBlock(template="portal/articles/divider.html")


def words_of(value) -> str:
    """The words in a block's value, however deep."""
    if isinstance(value, RichText):
        return " ".join(strip_tags(value.source.replace("</", " </")).split())
    if isinstance(value, StructValue):
        return " ".join(words_of(inner) for name, inner in value.items() if not name.endswith("url"))
    if isinstance(value, StreamValue):
        return " ".join(words_of(child.value) for child in value)
    if isinstance(value, ListValue):
        return " ".join(map(words_of, value))
    return value if isinstance(value, str) else ""


class ArticleQuerySet(models.QuerySet):
    def shown(self):
        return self.filter(live=True).select_related("locale").order_by("place", "pk")

    def pages(self):
        """Pages with an address of their own."""
        return self.shown().filter(stands_on="")


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

    class Stands(models.TextChoices):
        OWN = "", _("On a page of its own")
        HOME = "home", _("At the top of the home page")
        REWARDS = "rewards", _("At the top of the rewards")

    stands_on = models.CharField(
        _("where it stands"), max_length=10, choices=Stands, default=Stands.OWN, blank=True,
        help_text=_("A part of another page has no address and is in no menu."),
    )  # fmt: skip
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
        FieldPanel("stands_on"), FieldPanel("body"), PublishingPanel(),
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

    @property
    def plain_words(self) -> str:
        """All its words without markup, for searching."""
        return " ".join([self.title, self.summary, *(words_of(child.value) for child in self.body)])


def in_readers_language(found) -> list[Article]:
    """Of each slug the article in the reader's language, else whichever there is; in the order given."""
    language, chosen = get_language() or "en", {}
    for article in found:
        if article.slug not in chosen or article.locale.language_code == language:
            chosen[article.slug] = article
    return list(chosen.values())


class MenuItem(models.Model):
    """One line of a menu of the member's pages. A menu without lines shows the articles in their order."""

    class Menu(models.TextChoices):
        ME = "me", _("“Good to know” under Me")
        FOOT = "foot", _("At the foot of every page")

    class Page(models.TextChoices):
        REWARDS = "rewards", _("Rewards")
        OFFERS = "offers", _("Offers")
        GOALS = "goals", _("Stamps and challenges")
        HISTORY = "history", _("History of points")
        SHARING = "sharing", _("Sharing points")
        ARTICLES = "articles", _("All pages, with search")

    menu = models.CharField(_("menu"), max_length=4, choices=Menu, default=Menu.ME)
    place = models.PositiveSmallIntegerField(_("place"), default=10, help_text=_("Lower stands first in the menu."))
    name_en = models.CharField(_("name in English"), max_length=80, blank=True, help_text=_("Empty: the page's title."))
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True)
    article = models.ForeignKey(
        Article, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("page written here"),
        help_text=_("In any language; readers get it in theirs."),
    )  # fmt: skip
    page = models.CharField(_("page of the programme"), max_length=10, choices=Page, blank=True)
    url = models.URLField(_("address elsewhere"), blank=True)

    panels = [
        FieldRowPanel([FieldPanel("menu"), FieldPanel("place")]),
        FieldRowPanel([FieldPanel("name_en"), FieldPanel("name_zh")]),
        FieldPanel("article"), FieldPanel("page"), FieldPanel("url"),
    ]  # fmt: skip

    class Meta:
        ordering = ["menu", "place", "pk"]
        verbose_name = _("line of a menu")
        verbose_name_plural = _("menus of members")
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(article__isnull=False, page="", url="")
                    | (models.Q(article__isnull=True, url="") & ~models.Q(page=""))
                    | (models.Q(article__isnull=True, page="") & ~models.Q(url=""))
                ),
                name="a_line_of_a_menu_leads_to_one_place",
            )
        ]  # fmt: skip

    def __str__(self):
        return self.words

    def clean(self):
        if sum(map(bool, (self.article_id, self.page, self.url))) != 1:
            raise ValidationError(_("Choose one goal: a page written here, a page of the programme, or an address."))
        if self.url and not self.name_en:
            raise ValidationError({"name_en": _("An address elsewhere needs a name.")})

    @property
    def words(self) -> str:
        """Its name in the reader's language, else the title of where it leads."""
        is_chinese = (get_language() or "").startswith("zh")
        name = (self.name_zh if is_chinese else "") or self.name_en
        return name or (self.article.title if self.article_id else str(self.Page(self.page).label))

    @property
    def icon(self) -> str:
        return self.article.icon if self.article_id else "info"

    @property
    def more(self) -> str:
        """One line below its name."""
        return self.article.summary if self.article_id else ""

    @property
    def address(self) -> str:
        if self.article_id:
            return reverse("portal:article", args=[self.article.slug])
        return self.url or reverse(f"portal:{self.page}")


def menu(name: str) -> list[MenuItem]:
    """A menu's lines, each article in the reader's language; a page that was taken down is left out. Two queries."""
    lines = list(MenuItem.objects.filter(menu=name).select_related("article"))
    keys = {line.article.translation_key for line in lines if line.article_id}
    found = (
        {
            one.translation_key: one
            for one in in_readers_language(Article.objects.pages().filter(translation_key__in=keys))
        }
        if keys
        else {}
    )
    kept = []
    for line in lines:
        if line.article_id:
            shown = found.get(line.article.translation_key)
            if shown is None:
                continue
            line.article = shown
        kept.append(line)
    return kept
