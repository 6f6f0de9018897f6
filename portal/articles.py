"""Pages of words, in the portal's own frame: open to everybody, because terms are read before one joins."""

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts import member_of
from portal.models import Article, in_readers_language


@require_GET
def overview(request):
    request.member = member_of(request)
    return render(request, "portal/articles/overview.html", {"articles": in_readers_language(Article.objects.shown())})


@require_GET
def article(request, slug):
    request.member = member_of(request)
    found = in_readers_language(Article.objects.shown().filter(slug=slug))
    if not found:
        raise Http404
    return render(request, "portal/articles/article.html", {"article": found[0]})


def in_footer() -> list[Article]:
    return in_readers_language(Article.objects.shown().filter(is_in_footer=True))
