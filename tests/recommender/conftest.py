"""A small shop in the database: a product tree, members, and purchases of a planted year in one line."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from members.models import Member
from recommender import purchases
from recommender.models import Offer, RankerVersion, Recommendation
from sales.models import Category, Product, Purchase, PurchaseLine, Source, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Shop:
    """Whatever a test of the recommender needs, made straight in the tables."""

    def __init__(self):
        self.source = Source.objects.create(code="till")
        self.store = Store.objects.create(code="1", name="Main Street")
        self.receipts = self.enrolled = 0

    def type(self, path: str, *, name: str = "", name_zh: str = "", icon: str = "") -> Category:
        """A product type with a product of its own, and the nodes above it."""
        parent, so_far = None, []
        for level, raw in enumerate(path.split(" > "), start=1):
            so_far.append(raw)
            parent, _ = Category.objects.get_or_create(
                path=" > ".join(so_far), defaults={"level": level, "raw_name": raw, "parent": parent}
            )
        parent.name_en, parent.name_zh, parent.icon = name, name_zh, icon
        parent.save()
        Product.objects.create(code=path[-60:], name=path, category=parent)
        return parent

    def members(self, number: int) -> list[Member]:
        """Whose ids are the same in every run, so that what chance decides of them is too."""
        first, self.enrolled = self.enrolled, self.enrolled + number
        ids = (uuid.uuid5(uuid.NAMESPACE_OID, f"member {n}") for n in range(first, self.enrolled))
        return Member.objects.bulk_create(Member(joined_at=NOW, public_id=public_id) for public_id in ids)

    def buy(self, rows, *, refunds=None) -> list[Purchase]:
        """Rows of (member, day or moment, types): one receipt each, a unit of every type at 1.00."""
        products = {product.category_id: product for product in Product.objects.all()}
        receipts, contents = [], []
        for member, at, types in rows:
            self.receipts += 1
            moment = at if isinstance(at, datetime) else purchases.moment_of(int(at))
            receipts.append(
                Purchase(
                    source=self.source, client_key=f"r{self.receipts}", body_hash=b"0" * 16, member=member, store=self.store,
                    purchased_at=moment, currency="USD", total_minor=100 * len(types), refunds=refunds,
                    kind=Purchase.Kind.REFUND if refunds else Purchase.Kind.SALE,
                )
            )  # fmt: skip
            contents.append(types)
        sign = -1 if refunds else 1
        Purchase.objects.bulk_create(receipts, batch_size=5000)
        PurchaseLine.objects.bulk_create(
            (
                PurchaseLine(
                    purchase=receipt, line_no=number, product=products[category.pk], quantity=Decimal(sign),
                    total_minor=100 * sign, refunds_line_no=number if refunds else None,
                )
                for receipt, types in zip(receipts, contents, strict=True)
                for number, category in enumerate(types, start=1)
            ),
            batch_size=5000,
        )  # fmt: skip
        return receipts

    def version(self, slot: str) -> RankerVersion:
        return RankerVersion.objects.create(
            slot=slot, ranker="popular", artifact="none", checksum="0", trained_from=NOW, trained_until=NOW,
            evaluated_until=NOW, seed=1, status="live",
        )  # fmt: skip

    def recommend(self, members, slot: str, types, *, reason=("popular", {})) -> RankerVersion:
        """The same list for each of these members."""
        version = RankerVersion.objects.filter(slot=slot, status="live").first() or self.version(slot)
        for category in types:
            Offer.objects.get_or_create(category=category)
        Recommendation.objects.bulk_create(
            Recommendation(
                member=member, slot=slot, rank=rank, category=category, score=1 / rank, reason_code=reason[0],
                reason_params=reason[1], version=version,
            )
            for member in members
            for rank, category in enumerate(types, start=1)
        )  # fmt: skip
        return version


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def artifacts_folder(settings, tmp_path):
    settings.ARTIFACTS = tmp_path
    return tmp_path


@pytest.fixture(scope="module")
def short_lessons():
    """Rankers of two stages learn from a few thousand rows: enough for what is planted, in a part of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recommender.rankers.lessons.ROWS_MAX", 12_000)
        patch.setattr("recommender.rankers.lessons.POSITIONS_MAX", 3)
        patch.setattr("recommender.learners.Trees.rounds", 20)
        patch.setattr("recommender.learners.Trees.order_rounds", 10)
        patch.setattr("recommender.contenders.TUNING_MEMBERS", 30)
        yield
