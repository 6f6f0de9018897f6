"""Help pages answer what is asked plainly. A person reads the case all the same, and its clocks run on."""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from care import operations, queries
from care.answering import Question, sure_match
from members import modules
from portal.models import Article, in_readers_language

ANSWERED_CHANNELS = ("portal", "email", "form", "api")
LOOKS_BACK = timedelta(hours=2)
"""An answer that comes later than this is none: a person has the case by then."""


def answer_case(*, case_id: int, at) -> bool:
    """Answer a case from the help pages, if one is sure to. Safe to repeat: a case is answered by itself once."""
    if not (modules.is_on("pages") and modules.is_on("cases")):
        return False
    asked = queries.unanswered(case_id)
    if asked is None or asked.channel not in ANSWERED_CHANNELS:
        return False
    with translation.override(asked.language or settings.LANGUAGE_CODE):
        known = _questions()
        found = sure_match(asked.text, [Question(key, words) for key, (words, _answer, _article) in known.items()])
        if found is None:
            return False
        _words, answer, article = known[found.key]
        text = _letter(answer, article)
    operations.answer_by_itself(case=asked.case, text=text, article=article.slug, at=at)
    return True


def answer_cases(*, at) -> int:
    """Look at every case of the last hours that nobody has answered yet; how many a page answered. Safe to repeat."""
    waiting = queries.waiting_for_an_answer(since=at - LOOKS_BACK, at=at)
    return sum(answer_case(case_id=case_id, at=at) for case_id in waiting)


def _questions() -> dict[str, tuple[tuple[str, ...], str, Article]]:
    """By key: the words a question is asked in, its answer as text, and the page it stands on."""
    found = {}
    for article in in_readers_language(Article.objects.shown()):
        for block in article.body:
            if block.block_type == "questions":
                for place, one in enumerate(block.value):
                    words = (one["question"], *filter(None, map(str.strip, (one.get("asked_as") or "").splitlines())))
                    found[f"{article.slug}:{block.id}:{place}"] = (words, _plain(one["answer"].source), article)
    return found


def _plain(html: str) -> str:
    return strip_tags(html.replace("</p>", "\n").replace("<br/>", "\n").replace("</li>", "\n")).strip()


def _letter(answer: str, article: Article) -> str:
    address = settings.SITE_URL + reverse("portal:article", args=[article.slug])
    return _(
        "%(answer)s\n\nMore on this page: %(address)s\n\nThis answer was found by itself. If it does not help you need do nothing: "
        "a person reads what you wrote."
    ) % {"answer": answer, "address": address}
