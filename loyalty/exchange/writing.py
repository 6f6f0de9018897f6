"""Writing the files of exchange: canonical, in a fixed order, without anything of this database's own such as its ids."""

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from babel.numbers import get_currency_precision
from django.db.models import Sum

from loyalty.models import Wallet
from loyalty.operations.planned_purchases import programme_zone
from loyalty.operations.purchases import POINTS
from members import custom
from members.importing.members import CUSTOM
from members.knowing import CustomField, CustomValue
from members.models import Consent, Identifier, Member
from sales.models import Product, Purchase, PurchaseLine, Store

SOURCE = "exchange"
"""Under which an import of these files stores receipts; they keep the name they came with."""
CHUNK = 2_000
FIELDS = ("code", "label_en", "label_zh", "kind", "is_personal", "choices")
STORES = ("code", "name", "time_zone")
PRODUCTS = ("code", "name", "category", "brand", "tags", "is_service")
MEMBERS = (
    "card", "external_id", "email", "phone", "given_name", "family_name", "birthday", "language", "time_zone", "country", "joined",
    "consents",
)  # fmt: skip
PURCHASES = (
    "receipt", "time", "store", "product", "quantity", "unit", "line_total", "currency", "member", "refunds_receipt", "name", "category",
    "brand", "tags",
)  # fmt: skip
BALANCES = ("card", "points", "expires_on", "tier")
KINDS = {"card": "card", "external": "external_id", "email": "email", "phone": "phone"}


def write(folder: Path, *, at: datetime) -> dict[str, int]:
    """Write every file, and manifest.json with the totals they hold; answers the totals.

    `left_out` counts identifiers beyond a member's first of a kind, `waiting` points that are pending or held: both stay behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # personal data in clear: nobody else of this machine reads it
    totals = {
        "fields": _file(folder / "fields.csv", FIELDS, _fields()),
        "stores": _file(folder / "stores.csv", STORES, Store.objects.order_by("code").values_list(*STORES)),
        "products": _file(folder / "products.csv", PRODUCTS, _products()),
    }
    own = list(CustomField.objects.order_by("code"))
    named = _identifiers()
    cards = _cards(named)
    totals["members"] = _file(
        folder / "members.csv", (*MEMBERS, *(f"{CUSTOM}{one.code}" for one in own)), _members(own, named)
    )
    totals["lines"] = _file(folder / "purchases.csv", PURCHASES, _lines(cards))
    balances = list(_balances(cards, at))
    totals["balances"] = _file(folder / "balances.csv", BALANCES, balances)
    totals |= {
        "holders": len({row[0] for row in balances}), "points": sum(row[1] for row in balances),
        "purchases": Purchase.objects.count(),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(totals, indent=2) + "\n", encoding="utf-8")
    return totals | _left_behind()


def _file(path: Path, headings: tuple, rows: Iterable[tuple]) -> int:
    """One CSV file; how many rows it has. Plain values, for machines: a cell is written as it is."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        for row in rows:
            writer.writerow(["" if cell is None else cell for cell in row])
            count += 1
    return count


def _left_behind() -> dict[str, int]:
    held = Wallet.objects.filter(currency=POINTS, member__isnull=False).aggregate(a=Sum("pending"), b=Sum("held"))
    identifiers = Identifier.objects.filter(member__status=Member.Status.ACTIVE)
    firsts = identifiers.order_by().values("member", "kind").distinct().count()
    return {"left_out": identifiers.count() - firsts, "waiting": sum(int(value or 0) for value in held.values())}


def _fields() -> Iterator[tuple]:
    for one in CustomField.objects.order_by("code"):
        yield (
            one.code,
            one.label_en,
            one.label_zh,
            one.kind,
            _yes(one.is_personal),
            ";".join(map(str, one.choices or [])),
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _products() -> Iterator[tuple]:
    for one in Product.objects.select_related("category").order_by("code").iterator(CHUNK):
        path = one.category.path if one.category else ""
        yield one.code, one.name, path, one.brand, ";".join(sorted(one.tags)), _yes(one.is_service)


# -- members -----------------------------------------------------------------------------------------------------------


def _roots() -> dict[int, int]:
    """Of every record that was merged: the member it turned out to be."""
    above = dict(Member.objects.filter(merged_into__isnull=False).values_list("pk", "merged_into"))
    return {pk: _end_of(pk, above) for pk in above}


def _end_of(pk: int, above: dict[int, int]) -> int:
    while pk in above:
        pk = above[pk]
    return pk


def _identifiers() -> dict[int, dict[str, str]]:
    """Each active member's first identifier of each kind, by column."""
    found: dict[int, dict[str, str]] = {}
    rows = Identifier.objects.filter(member__status=Member.Status.ACTIVE).order_by("pk")
    for one in rows.iterator(CHUNK):
        found.setdefault(one.member_id, {}).setdefault(KINDS[one.kind], one.value)
    return found


def _cards(named: dict[int, dict[str, str]]) -> dict[int, str]:
    """The card by which each record's purchases and balances are told, the merged ones' too."""
    cards = {pk: who["card"] for pk, who in named.items() if "card" in who}
    return cards | {pk: cards[root] for pk, root in _roots().items() if root in cards}


def cards_of_members() -> dict[int, str]:
    """Each member's card, and of a record that was merged the card of whom it became."""
    return _cards(_identifiers())


def _members(own: list[CustomField], named: dict[int, dict[str, str]]) -> Iterator[tuple]:
    """Active members in the order in which they joined, then by card."""
    consents, personal = _consents(), _personal(own)
    joined = Member.objects.active().order_by("joined_at", "pk").iterator(CHUNK)
    for _at, together in itertools.groupby(joined, key=lambda one: one.joined_at):
        for one in sorted(together, key=lambda one: named.get(one.pk, {}).get("card", "")):
            said = {
                **named.get(one.pk, {}), "given_name": one.given_name, "family_name": one.family_name, "language": one.language,
                "time_zone": one.time_zone, "country": one.country, "joined": _time(one.joined_at), "consents": consents.get(one.pk, ""),
                "birthday": f"{one.birth_month:02}-{one.birth_day:02}" if one.birth_month and one.birth_day else "",
            }  # fmt: skip
            values = [_plain(personal.get((one.pk, field.pk), one.custom_fields.get(field.code))) for field in own]
            yield (*(said.get(name, "") for name in MEMBERS), *values)


def _personal(own: list[CustomField]) -> dict[tuple[int, int], object]:
    kinds = {one.pk: one for one in own if one.is_personal}
    rows = CustomValue.objects.filter(field__in=kinds).order_by("pk")
    return {
        (one.member_id, one.field_id): custom.clean(
            kinds[one.field_id].kind, one.value, choices=kinds[one.field_id].choices
        )
        for one in rows.iterator(CHUNK)
    }


def _plain(value) -> str:
    if isinstance(value, bool):
        return _yes(value)
    return "" if value is None else str(value)


def _consents() -> dict[int, str]:
    """Each member's latest word on every channel and purpose, as the importer reads it. A yes was said here: it is confirmed."""
    latest = Consent.objects.filter(member__status=Member.Status.ACTIVE).order_by(
        "member", "channel", "purpose", "-at", "-pk"
    )
    words: dict[int, list[str]] = {}
    for one in latest.distinct("member", "channel", "purpose").iterator(CHUNK):
        purpose = "" if one.purpose == Consent.Purpose.MARKETING else f".{one.purpose}"
        words.setdefault(one.member_id, []).append(f"{one.channel}{purpose}={'confirmed' if one.is_granted else 'no'}")
    return {member: ";".join(sorted(said)) for member, said in words.items()}


# -- purchases and balances --------------------------------------------------------------------------------------------


def _lines(cards: dict[int, str]) -> Iterator[tuple]:
    """Every line of every receipt in the order of time; a refund names the receipt it takes back."""
    for chunk in _batched(_receipts()):
        lines: dict[int, list[PurchaseLine]] = {}
        found = PurchaseLine.objects.filter(purchase__in=[one.pk for _name, one in chunk])
        for line in found.select_related("product__category").order_by("purchase_id", "line_no"):
            lines.setdefault(line.purchase_id, []).append(line)
        for name, one in chunk:
            back = _receipt(one.refunds) if one.refunds else ""
            for line in lines.get(one.pk, []):
                product = line.product
                path = product.category.path if product.category else ""
                yield (
                    name, _time(one.purchased_at), one.store.code, product.code, f"{line.quantity:.3f}", line.unit,
                    money(line.total_minor, one.currency), one.currency, cards.get(one.member_id, ""), back, product.name, path, product.brand,
                    ";".join(sorted(product.tags)),
                )  # fmt: skip


def _receipts() -> Iterator[tuple[str, Purchase]]:
    """Every receipt with what it is called, by time, and by name where two are of one moment: an order any house has."""
    stored = Purchase.objects.select_related("source", "store", "refunds__source").order_by("purchased_at", "pk")
    for _at, together in itertools.groupby(stored.iterator(CHUNK), key=lambda one: one.purchased_at):
        yield from sorted(((_receipt(one), one) for one in together), key=lambda row: row[0])


def _batched(rows: Iterator[tuple]) -> Iterator[list[tuple]]:
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk


def _receipt(one: Purchase) -> str:
    """What a receipt is called in every house: its source and its key; one that came by exchange keeps the name it came with."""
    if one.source.code != SOURCE:
        return f"{one.source.code}:{one.client_key}"
    return one.client_key.removesuffix(":refund") if one.kind == Purchase.Kind.REFUND else one.client_key


def _balances(cards: dict[int, str], at: datetime) -> Iterator[tuple]:
    """Each wallet's lots by their last day; a tier beside the first of them."""
    today = at.astimezone(programme_zone()).date()
    wallets = Wallet.objects.filter(currency=POINTS, member__status=Member.Status.ACTIVE, merged_into=None)
    rows = [(cards[one.member_id], one) for one in wallets.select_related("tier") if one.member_id in cards]
    for card, one in sorted(rows, key=lambda row: row[0]):
        lots = sorted(
            (day, n) for day, n in zip(one.lot_expires_on, one.lot_points, strict=True) if n > 0 and day >= today
        )
        tier = one.tier.code if one.tier else ""
        if tier and not lots:
            yield card, 0, "", tier
        for place, (day, points) in enumerate(lots):
            yield card, points, day.isoformat(), tier if place == 0 else ""


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def money(minor: int, currency: str) -> str:
    """In major units with the currency's own places: 24.60."""
    places = get_currency_precision(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"
