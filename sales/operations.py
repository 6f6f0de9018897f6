"""What is done to stores, products and sources. Purchases are stored by the posting functions of loyalty."""

from collections.abc import Iterable, Mapping

from django.db import connection, transaction

from sales import catalogue
from sales.models import Category, Product, Source, Store


def source(code: str, *, name: str = "") -> Source:
    """The source with this code, made when it is new."""
    return Source.objects.get_or_create(code=code, defaults={"name": name})[0]


@transaction.atomic
def ensure_stores(rows: Iterable[tuple[str, str]], *, time_zone: str = "America/New_York") -> int:
    """Make the stores (code, name) that are not known yet. Returns how many were made."""
    rows = {code: name or code for code, name in rows}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO sales_store (code, name, time_zone)
               SELECT code, name, %s FROM unnest(%s::text[], %s::text[]) AS said (code, name) ORDER BY code
               ON CONFLICT (code) DO NOTHING""",
            [time_zone, list(rows), list(rows.values())],
        )
        return cursor.rowcount


@transaction.atomic
def ensure_categories(paths: Iterable[str]) -> int:
    """Make the categories of these paths, and those above them, that are not known yet. Returns how many were made."""
    levels = [catalogue.path_levels(path) for path in set(paths)]
    made = 0
    with connection.cursor() as cursor:
        for depth, level in enumerate(Category.Level):
            wanted = sorted({path[depth] for path in levels if len(path) > depth})
            if not wanted:
                break
            cursor.execute(
                """INSERT INTO sales_category (parent_id, level, path, raw_name, name_en, name_zh, icon)
                   SELECT above.id, %s, said.path, said.raw_name, '', '', ''
                     FROM unnest(%s::text[], %s::text[], %s::text[]) AS said (path, above, raw_name)
                     LEFT JOIN sales_category above ON above.path = said.above
                    WHERE NOT EXISTS (SELECT FROM sales_category known WHERE known.path = said.path)
                    ORDER BY said.path
                   ON CONFLICT (path) DO NOTHING""",
                [
                    int(level),
                    wanted,
                    [path.rpartition(" > ")[0] for path in wanted],
                    [path.rpartition(" > ")[2] for path in wanted],
                ],
            )
            made += cursor.rowcount
    return made


@transaction.atomic
def ensure_products(rows: Iterable[tuple]) -> int:
    """Make the products of `rows` that are not known yet, and complete those known by their code only.

    Each row is (code, name, category path) and may go on with (brand, is_service, tags by semicolon). A name, a category, a
    brand or tags that are known already are kept: a later file does not rename products. Returns how many rows were written.
    """
    rows = list({row[0]: (*row, *("", False, "")[len(row) - 3 :]) for row in rows}.values())
    paths = {row[2]: path[-1] for row in rows if (path := catalogue.path_levels(row[2]))}
    ensure_categories(paths.values())
    codes, names, _, brands, services, tags = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 6
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO sales_product AS known (code, name, category_id, brand, is_service, tags)
               SELECT said.code, said.name, category.id, said.brand, said.is_service,
                      (SELECT coalesce(array_agg(DISTINCT left(btrim(tag), 40)) FILTER (WHERE btrim(tag) <> ''), '{}')
                         FROM unnest(string_to_array(said.tags, ';')) AS tag)
                 FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::text[])
                      AS said (code, name, path, brand, is_service, tags)
                 LEFT JOIN sales_category category ON category.path = said.path
                ORDER BY said.code
               ON CONFLICT (code) DO UPDATE
                  SET name = CASE known.name WHEN '' THEN excluded.name ELSE known.name END,
                      category_id = coalesce(known.category_id, excluded.category_id),
                      brand = CASE known.brand WHEN '' THEN excluded.brand ELSE known.brand END,
                      tags = CASE known.tags WHEN '{}' THEN excluded.tags ELSE known.tags END
                WHERE known.name = '' AND excluded.name <> ''
                   OR known.category_id IS NULL AND excluded.category_id IS NOT NULL
                   OR known.brand = '' AND excluded.brand <> ''
                   OR known.tags = '{}' AND excluded.tags <> '{}'""",
            [codes, names, [paths.get(row[2], "") for row in rows], brands, services, tags],
        )
        written = cursor.rowcount
    catalogue.facts.drop(codes)
    return written


def tag_products(tags: Mapping[str, Iterable[str]]) -> int:
    """Set the tags of products by their code: what earning rules may ask for. Returns how many products were changed."""
    known = list(Product.objects.filter(code__in=list(tags)))
    for product in known:
        product.tags = sorted({tag.strip()[:40] for tag in tags[product.code] if tag.strip()})
    Product.objects.bulk_update(known, ["tags"], batch_size=1000)
    catalogue.facts.drop(tags)
    return len(known)


@transaction.atomic
def change_tag(*, tag: str, codes: Iterable[str] = (), under: str = "", is_on: bool = True) -> int:
    """Put one tag on products, or take it off: those with these codes, and all under a category's path. How many changed."""
    tag = tag.strip()[:40]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE sales_product p
                  SET tags = CASE WHEN %(is_on)s THEN (SELECT array_agg(t ORDER BY t) FROM unnest(p.tags || %(tag)s::varchar) AS t)
                                  ELSE array_remove(p.tags, %(tag)s::varchar) END
                 FROM (SELECT id FROM sales_product WHERE code = ANY (%(codes)s)
                        UNION
                       SELECT q.id FROM sales_product q JOIN sales_category c ON c.id = q.category_id
                        WHERE %(under)s <> '' AND (c.path = %(under)s OR starts_with(c.path, %(under)s || ' > '))) chosen
                WHERE p.id = chosen.id AND (%(tag)s = ANY (p.tags)) <> %(is_on)s
            RETURNING p.code""",
            {"is_on": is_on, "tag": tag, "codes": list(codes), "under": under},
        )
        changed = [code for (code,) in cursor.fetchall()]
    catalogue.facts.drop(changed)
    return len(changed)


def store(code: str, *, name: str, time_zone: str) -> Store:
    """The store with this code, made when it is new."""
    return Store.objects.get_or_create(code=code, defaults={"name": name, "time_zone": time_zone})[0]
