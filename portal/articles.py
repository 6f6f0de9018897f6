"""Pages of words, in the portal's own frame: open to everybody, because terms are read before one joins."""

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts import member_of
from portal.models import Article, MenuItem, in_readers_language, menu

ASKED_MAX, AROUND = 80, 60


@require_GET
def overview(request):
    """All pages, or those that hold what is searched for."""
    request.member = member_of(request)
    asked = " ".join(request.GET.get("q", "").split())[:ASKED_MAX]
    found = in_readers_language(Article.objects.pages())
    return render(
        request, "portal/articles/overview.html", {"articles": search(found, asked) if asked else found, "asked": asked}
    )


def search(articles: list[Article], asked: str) -> list[Article]:
    """Pages that hold every word asked for, the title's before the text's; each with the words around the first hit.

    A shop has some dozens of pages: they are read, not indexed, and Chinese needs no cutting into words.
    """
    words = asked.casefold().split()
    ranked = []
    for article in articles:
        text = article.plain_words
        folded = text.casefold()
        if all(word in folded for word in words):
            in_title = sum(word in article.title.casefold() for word in words)
            in_summary = sum(word in article.summary.casefold() for word in words)
            article.excerpt = _excerpt(text, folded.find(words[0]))
            ranked.append((-in_title, -in_summary, len(ranked), article))
    return [article for *_rank, article in sorted(ranked, key=lambda one: one[:3])]


def _excerpt(text: str, at: int) -> str:
    start, end = max(0, at - AROUND), at + AROUND
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"


@require_GET
def article(request, slug):
    request.member = member_of(request)
    found = in_readers_language(Article.objects.pages().filter(slug=slug))
    if not found:
        raise Http404
    return render(request, "portal/articles/article.html", {"article": found[0]})


def part_of(page: str) -> Article | None:
    """What the shop wrote for the top of a page of the programme, in the reader's language."""
    found = in_readers_language(Article.objects.shown().filter(stands_on=page))
    return found[0] if found else None


def good_to_know() -> list:
    """The menu under Me: its lines, else every page in its order."""
    return menu(MenuItem.Menu.ME) or [MenuItem(article=one) for one in in_readers_language(Article.objects.pages())]


def in_footer() -> list:
    """Terms, privacy: what stands at the foot of every page."""
    return menu(MenuItem.Menu.FOOT) or [
        MenuItem(article=one) for one in in_readers_language(Article.objects.pages().filter(is_in_footer=True))
    ]
