"""What a rule may name, found by a few letters: categories, brands, products, stores, tags, tiers."""

from collections.abc import Sequence

from django.db.models import Q

from loyalty.models import Tier
from sales.models import Category, Product, Store
from sales.queries import products_by_tag

LIMIT = 12


def search(what: str, text: str) -> list[tuple[str, str]]:
    """Up to a dozen (value for the definition, label for people) whose names hold the text."""
    text = text.strip()
    if not text:
        return []
    return _SEARCHES[what](text)[:LIMIT]


def labels(what: str, values: Sequence) -> list[tuple[str, str]]:
    """The same pairs for values that are chosen already; what is gone keeps its own name."""
    known = dict(_LABELS[what]([str(value) for value in values]))
    return [(str(value), known.get(str(value), str(value))) for value in values]


def resolve(what: str, values: Sequence[str]) -> tuple[list, list[str]]:
    """Values as a definition holds them, and those that name nothing. Typed names count in any case of letters."""
    found, unknown = [], []
    for value in values:
        exact = _EXACT[what](value)
        if exact is None:
            unknown.append(value)
        elif exact not in found:
            found.append(exact)
    return found, unknown


# -- categories --------------------------------------------------------------------------------------------------------


def _category_label(category: Category) -> str:
    above, _sep, _own = category.path.rpartition(" > ")
    return f"{category.name} ({above})" if above else category.name


def _find_categories(text: str) -> list[tuple[str, str]]:
    named = Q(raw_name__icontains=text) | Q(name_en__icontains=text) | Q(name_zh__icontains=text)
    return [(c.path, _category_label(c)) for c in Category.objects.filter(named).order_by("level", "path")[:LIMIT]]


def _label_categories(values: list[str]) -> list[tuple[str, str]]:
    named = Category.objects.filter(Q(path__in=values) | Q(raw_name__in=values)).order_by("-level")
    return [pair for c in named for pair in ((c.raw_name, c.name), (c.path, _category_label(c)))]


def _exact_category(value: str) -> str | None:
    """A path or a source's own name stands as it is; a reviewed name becomes its path."""
    path = " > ".join(part.strip() for part in value.split(">"))
    found = Category.objects.filter(Q(path__iexact=path) | Q(raw_name__iexact=path)).order_by("level", "path").first()
    if found:
        return found.path if found.path.lower() == path.lower() else found.raw_name
    named = Category.objects.filter(Q(name_en__iexact=value) | Q(name_zh__iexact=value)).order_by("level").first()
    return named.path if named else None


# -- brands, products, stores, tags ------------------------------------------------------------------------------------


def _find_brands(text: str) -> list[tuple[str, str]]:
    found = (
        Product.objects.filter(brand__icontains=text)
        .exclude(brand="")
        .order_by("brand")
        .values_list("brand", flat=True)
    )
    return [(brand, brand) for brand in found.distinct()[:LIMIT]]


def _exact_brand(value: str) -> str | None:
    return Product.objects.filter(brand__iexact=value).values_list("brand", flat=True).first()


def _find_products(text: str) -> list[tuple[str, str]]:
    named = Product.objects.filter(Q(name__icontains=text) | Q(code__istartswith=text)).order_by("name", "code")
    return [(str(p.pk), _product_label(p)) for p in named[:LIMIT]]


def _product_label(product: Product) -> str:
    return f"{product.name} ({product.code})" if product.name else product.code


def _label_products(values: list[str]) -> list[tuple[str, str]]:
    ids = [int(value) for value in values if value.isdecimal()]
    return [(str(p.pk), _product_label(p)) for p in Product.objects.filter(pk__in=ids)]


def _exact_product(value: str) -> int | None:
    if value.isdecimal() and Product.objects.filter(pk=int(value)).exists():
        return int(value)
    return Product.objects.filter(Q(code__iexact=value) | Q(name__iexact=value)).values_list("pk", flat=True).first()


def _find_stores(text: str) -> list[tuple[str, str]]:
    found = Store.objects.filter(Q(name__icontains=text) | Q(code__icontains=text)).order_by("name", "code")
    return [(store.code, _store_label(store)) for store in found[:LIMIT]]


def _store_label(store: Store) -> str:
    return f"{store.name} ({store.code})" if store.name and store.name != store.code else store.code


def _label_stores(values: list[str]) -> list[tuple[str, str]]:
    return [(store.code, _store_label(store)) for store in Store.objects.filter(code__in=values)]


def _exact_store(value: str) -> str | None:
    return Store.objects.filter(Q(code__iexact=value) | Q(name__iexact=value)).values_list("code", flat=True).first()


def _find_tiers(text: str) -> list[tuple[str, str]]:
    named = Q(name_en__icontains=text) | Q(name_zh__icontains=text) | Q(code__icontains=text)
    return [(tier.code, tier.name) for tier in Tier.objects.filter(named).order_by("rank")[:LIMIT]]


def _exact_tier(value: str) -> str | None:
    named = Q(code__iexact=value) | Q(name_en__iexact=value) | Q(name_zh__iexact=value)
    return Tier.objects.filter(named).values_list("code", flat=True).first()


def _find_tags(text: str) -> list[tuple[str, str]]:
    """Tags that products carry; a new one may be typed, for products that will carry it."""
    return [(tag, tag) for tag, _products in products_by_tag() if text.casefold() in tag.casefold()] or [(text, text)]


def _as_they_are(values: list[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


_SEARCHES = {
    "categories": _find_categories, "brands": _find_brands, "products": _find_products, "stores": _find_stores,
    "tags": _find_tags, "tiers": _find_tiers,
}  # fmt: skip
_LABELS = {
    "categories": _label_categories, "brands": _as_they_are, "products": _label_products, "stores": _label_stores,
    "tags": _as_they_are,
    "tiers": lambda values: [(tier.code, tier.name) for tier in Tier.objects.filter(code__in=values)],
}  # fmt: skip
_EXACT = {
    "categories": _exact_category, "brands": _exact_brand, "products": _exact_product, "stores": _exact_store,
    "tags": lambda value: value, "tiers": _exact_tier,
}  # fmt: skip
