"""The trend card: what was planted stands on the first page by name, and a shop where nothing moves says so."""

from datetime import timedelta

import pytest

from members import clock
from members.models import Member
from reports.panels import PANELS
from sales.models import Category, Product, Source, Store
from tests.insights.test_trends import AT, sold
from tests.reports.test_pages import signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelves(monkeypatch):
    """Forty members who bought of three categories in each window: how much they buy of tea now, `tea` times as much."""
    monkeypatch.setattr(clock, "now", lambda: AT)
    place = (Source.objects.create(code="till"), Store.objects.create(code="1", name="Elm Street"))

    def make(tea: float):
        goods = [
            Product.objects.create(
                code=name, category=Category.objects.create(level=1, path=name, raw_name=name, name_en=name.title())
            )
            for name in ("TEA", "MILK", "BREAD")
        ]
        people = Member.objects.bulk_create(Member(joined_at=AT - timedelta(days=400)) for _n in range(40))
        rows = [
            (one, product, int((500 + (i * 37 + g * 211 + late * (i % 7) * 13) % 400) * (tea if late and not g else 1)), AT - timedelta(days=90 - 60 * late))
            for i, one in enumerate(people) for g, product in enumerate(goods) for late in (0, 1)
        ]  # fmt: skip
        sold(rows, place)

    return make


def test_a_planted_trend_stands_on_the_first_page_with_what_it_was_before_and_is_now(shelves):
    shelves(tea=2)
    found = PANELS["sales_trends"].ask(AT)
    first = dict(zip([column.code for column in found.columns], found.rows[0], strict=True))
    assert (first["kind"], first["name"], first["verdict"], first["members"]) == ("Category", "Tea", "Rising", 40)
    assert 0 < first["low"] < first["change"] < first["high"]
    assert first["now"] > 1.9 * first["before"]
    page = text_of(signed_in("marketer").get("/reports/"))
    assert 'href="/reports/figures/sales_trends/"' in page
    assert "Rising" in page
    assert "<svg" in PANELS["sales_trends"].chart(found)


def test_where_nothing_moves_every_line_says_noise_and_nothing_is_drawn(shelves):
    shelves(tea=1)
    found = PANELS["sales_trends"].ask(AT)
    said = {(kind, verdict) for kind, verdict in zip(found.values("kind"), found.values("verdict"), strict=True)}
    assert said == {
        ("Category", "No more than noise"),
        ("Store", "Too little to say"),
    }  # of one store nothing can be told
    assert PANELS["sales_trends"].chart(found) == ""
