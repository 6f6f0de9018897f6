"""How words sound: right often enough to be shown, on a fixed labelled set, and stated in the docs."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from care import operations, sentiment
from care.models import Case
from members import operations as members
from members.knowing import Touchpoint

SERVICE = Path(__file__).resolve().parents[2] / "docs/service.md"
LABELLED = {
    "pleased": [
        "I love this shop, great staff!", "Fantastic selection and very friendly people", "Thank you, that was quick and kind",
        "Best bakery in town", "Happy with my new rewards", "Super fresh vegetables, I am delighted",
        "这家店太棒了，服务很好！", "东西新鲜，价格实惠", "店员很热情，购物体验很愉快", "非常满意，下次还来",
    ],
    "displeased": [
        "The milk was spoiled and the cashier rude.", "Worst service ever", "I am angry, my points are gone",
        "Terrible queue and dirty floor", "Very disappointed with the quality", "I hate this app, it never works",
        "牛奶变质了，收银员态度很差", "垃圾，再也不来了", "排队太久，很生气", "包装破损，退款还慢",
    ],
    "neutral": [
        "Opened at nine today.", "I bought two bottles of water", "Where is the store on Elm Street?",
        "My receipt has the number 4711", "The parcel comes on Tuesday",
    ],
}  # fmt: skip


def test_the_mood_of_a_fixed_labelled_set_is_right_often_enough():
    told = [(mood, sentiment.mood(sentiment.feeling(text))) for mood, texts in LABELLED.items() for text in texts]
    scores = []
    for mood in LABELLED:
        hits = sum(truth == said == mood for truth, said in told)
        scores.append(2 * hits / (sum(said == mood for _t, said in told) + sum(truth == mood for truth, _s in told)))
    macro_f1 = sum(scores) / len(scores)
    assert macro_f1 >= 0.8, f"macro-F1 {macro_f1:.2f}: {[pair for pair in told if pair[0] != pair[1]]}"
    stated = re.search(
        r"macro-F1 of pleased, neutral and displeased is \*\*([\d.]+)\*\*", SERVICE.read_text(encoding="utf-8")
    )
    assert stated[1] == f"{macro_f1:.2f}", "docs/service.md states what is measured"


def test_a_text_without_words_has_no_feeling():
    assert sentiment.feeling("… !!") is None
    assert sentiment.mood(None) == "neutral"


@pytest.mark.django_db
def test_comments_and_cases_are_read_once():
    at = datetime(2026, 3, 10, tzinfo=UTC)
    maria = members.enrol(at=at, source="test", email="maria@example.com")
    said = {"at": at, "source": "site", "member_id": maria.pk}
    members.note_touchpoint(kind="call", client_key="1", words="Terrible, I am angry", **said)
    members.note_touchpoint(kind="visit", client_key="2", **said)
    operations.open_case(text="Great staff, thank you!", channel="form", client_key="3", **said)
    assert [operations.read_feelings(), operations.read_feelings()] == [2, 0]
    assert [one.feeling is not None and one.feeling < -30 for one in Touchpoint.objects.order_by("pk")] == [True, False]
    assert Case.objects.get().feeling > 30
