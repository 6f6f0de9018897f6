"""Taking files of exchange into an empty house: each by its importer, and the totals held against the manifest."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.exchange.writing import FIELDS, PRODUCTS, SOURCE, STORES
from loyalty.importing import BATCH_RECEIPTS, Posting
from loyalty.opening import import_balances
from members.importing.files import File
from members.importing.members import MemberMapping, import_members
from members.importing.problems import CannotImport, Rejects
from members.knowing import CustomField
from members.models import Member
from sales import catalogue
from sales.importing.loading import Load, load
from sales.importing.mapping import Mapping
from sales.importing.staging import Staging
from sales.models import Purchase, Source
from sales.operations import ensure_products, ensure_stores


class NotEmpty(CannotImport):
    """Somebody lives here already: an exchange moves into an empty house."""


COUNTED = ("members", "purchases", "lines", "holders", "points")
"""The totals of a manifest that what comes in is held against."""


def read(folder: Path, *, at: datetime, rejects: Rejects) -> dict[str, int]:
    """Take a folder in. Raises CannotImport when it is not whole, or what came in is not what the manifest says.

    What was taken before stays, so that a run that was killed may be begun again: it is known by the source under which it came.
    """
    manifest = _manifest(folder)
    if Member.objects.exists() and not Source.objects.filter(code=SOURCE).exists():
        raise NotEmpty(_("There are members here already. An exchange moves into an empty house."))
    catalogue.source_id(SOURCE)
    _take_fields(folder, rejects)
    for row in _rows(folder / "stores.csv", STORES, rejects):
        ensure_stores([(row["code"], row["name"])], time_zone=row["time_zone"])
    ensure_products(
        (one["code"], one["name"], one["category"], one["brand"], one["is_service"] == "yes", one["tags"])
        for one in _rows(folder / "products.csv", PRODUCTS, rejects)
    )
    members = folder / "members.csv"
    import_members(members, MemberMapping(), at=at, source=SOURCE, rejects=rejects, progress=lambda *_told: None)
    _stop_at(members, rejects)
    _take_purchases(folder, rejects)
    _agree(manifest, rejects)
    import_balances(
        folder / "balances.csv", control_members=manifest["holders"], control_points=manifest["points"], source=SOURCE, at=at,
        rejects=rejects,
    )  # fmt: skip
    return manifest


def _manifest(folder: Path) -> dict[str, int]:
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotImport(_("%(folder)s holds no manifest.json: %(error)s") % {"folder": folder, "error": error}) from error  # fmt: skip
    counts = found if isinstance(found, dict) else {}
    if missing := [name for name in COUNTED if type(counts.get(name)) is not int]:
        raise CannotImport(
            _("%(path)s does not count %(names)s. Export the programme again.")
            % {"path": path, "names": ", ".join(missing)}
        )
    return counts


def _rows(path: Path, columns: tuple[str, ...], rejects: Rejects) -> Iterator[dict[str, str]]:
    """The rows of one small file; stops the run after the last if one of them was no row."""
    file = File(path)
    if missing := [name for name in columns if name not in file.headings]:
        raise CannotImport(
            _("%(path)s lacks the columns %(names)s. Export the programme again.")
            % {"path": path, "names": ", ".join(missing)}
        )
    for batch in file.batches(list(columns), problem=rejects.add):
        for _number, cells in batch.cells(list(columns)):
            yield cells
    _stop_at(path, rejects)


def _stop_at(path: Path, rejects: Rejects):
    if rejects.count:
        raise CannotImport(
            ngettext(
                "%(path)s: %(count)s row cannot be taken. Mend it and run the import again; what is in stays.",
                "%(path)s: %(count)s rows cannot be taken. Mend them and run the import again; what is in stays.",
                rejects.count,
            )
            % {"path": path, "count": f"{rejects.count:,}"}
        )


def _take_fields(folder: Path, rejects: Rejects):
    CustomField.objects.bulk_create(
        [
            CustomField(
                code=row["code"], label_en=row["label_en"], label_zh=row["label_zh"], kind=row["kind"],
                is_personal=row["is_personal"] == "yes", choices=[one for one in row["choices"].split(";") if one],
            )
            for row in _rows(folder / "fields.csv", FIELDS, rejects)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _take_purchases(folder: Path, rejects: Rejects):
    """As history: what they earned comes as balances."""
    with Staging() as staging:
        job = Load(folder / "purchases.csv", Mapping(), rejects, SOURCE)
        load(job, staging, progress=lambda *_told: None)
        Posting(SOURCE, problem=rejects.add, done=lambda _lines: None, earns=False).run(
            staging.receipts(BATCH_RECEIPTS)
        )


def _agree(manifest: dict[str, int], rejects: Rejects):
    """What came in so far is what the manifest counts; else what is missing stands in the rejects, and no point moves."""
    found = {"members": Member.objects.active().count(), "purchases": Purchase.objects.count()}
    wanted = {name: manifest[name] for name in found}
    if found != wanted or rejects.count:
        raise CannotImport(
            _("%(members)s members and %(purchases)s purchases came in, of %(want_members)s and %(want_purchases)s; %(rejects)s rows were left out. No points were brought in.")
            % {
                "members": f"{found['members']:,}", "purchases": f"{found['purchases']:,}", "want_members": f"{wanted['members']:,}",
                "want_purchases": f"{wanted['purchases']:,}", "rejects": f"{rejects.count:,}",
            }
        )  # fmt: skip
