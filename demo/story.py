"""What `make demo` does once: a year of real purchases, and one campaign's whole journey through every room.

The story is told in chapters. Each is finished or not (a fact in the database), each may be told again from its beginning,
and so a demo that was interrupted goes on where it was. Everything goes through the ordinary commands and operations.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from demo import authoring, dressing, labels, operations, people, queries
from members import clock

WEEKS_AFTER = 4  # the campaign is sent this long before the year's end
LAUNCH_AFTER_MIDNIGHT = timedelta(hours=10)  # ten in the morning at the shop
OUTCOME_DAYS = 27
ANALYSIS_SEED = 20171204
REHEARSAL_SEED = 7


@dataclass(frozen=True)
class Scene:
    """Where the story plays: the moved year, and a folder for its files."""

    year: dressing.Year
    folder: Path

    @property
    def cut(self) -> datetime:
        """The campaign's day begins: purchases before it are known, purchases after it are the outcome."""
        return self.year.ends_at - timedelta(weeks=WEEKS_AFTER)

    @property
    def launch_at(self) -> datetime:
        return self.cut + LAUNCH_AFTER_MIDNIGHT

    @cached_property
    def people(self) -> list[people.Person]:
        return people.invent(self.year.households)


@dataclass(frozen=True)
class Chapter:
    name: str
    title: str
    tell: Callable[[Scene], str]


def scene() -> Scene:
    """The scene of this demo; the shift of its year is decided once and kept."""
    weeks = queries.fact("weeks_moved")
    if weeks is None:
        weeks = dressing.weeks_moved(timezone.localdate())
        operations.remember(weeks_moved=weeks)
    return Scene(dressing.Year(weeks), settings.VAR / "demo")


def is_finished(chapter: Chapter) -> bool:
    return queries.fact(f"chapter_{chapter.name}") is not None


def tell(chapters: list[Chapter], say: Callable[[str], None]) -> None:
    """Tell what is not told yet, in order, each with its time."""
    here = scene()
    here.folder.mkdir(parents=True, exist_ok=True)
    for number, chapter in enumerate(chapters, start=1):
        if is_finished(chapter):
            continue
        say(f"[{number}/{len(chapters)}] {chapter.title} …")
        begun = time.monotonic()
        note = chapter.tell(here)
        seconds = time.monotonic() - begun
        operations.remember(**{f"chapter_{chapter.name}": {"seconds": round(seconds, 1), "note": note}})
        say(f"      {note} ({seconds:.0f} s)")


# -- people and purchases ----------------------------------------------------------------------------------------------


def _write(table, path: Path) -> Path:
    temporary = path.with_suffix(".part")
    pq.write_table(table, temporary)
    return temporary.replace(path)


def enrol(here: Scene) -> str:
    """Households become members through the import that any shop would use."""
    rows = [
        {
            "external_id": str(person.household),
            "given_name": person.given_name,
            "family_name": person.family_name,
            "email": person.email,
            "phone": person.phone,
            "language": person.language,
            "time_zone": dressing.SHOP_ZONE.key,
            "joined": here.year.first_seen[person.household].isoformat(),
            "consents": " ".join(f"{channel}:{purpose}" for channel, purpose in person.consents),
        }
        for person in here.people
    ]
    path = here.folder / "members.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    call_command("import_members", str(path), source="demo", verbosity=0)
    return f"{len(rows):,} households, each one member, with invented names"


def _import(here: Scene, name: str, *, begin=None, end=None) -> str:
    lines = here.year.lines(begin=begin, end=end)
    path = _write(lines, here.folder / f"{name}.parquet")
    call_command(
        "import_purchases", str(path), mapping=str(Path(__file__).with_name("complete_journey.toml")), source="complete-journey",
        rejects=str(here.folder / f"{name}-rejects.csv"),
    )  # fmt: skip
    receipts = pc.count_distinct(lines["receipt"]).as_py()
    return f"{receipts:,} receipts, {lines.num_rows:,} lines"


def import_before(here: Scene) -> str:
    return _import(here, "purchases-before", end=here.cut)


def import_after(here: Scene) -> str:
    return _import(here, "purchases-after", begin=here.cut)


def name_things(here: Scene) -> str:
    """Reviewed names for the commonest product types, stores by their number, and the cashier's store."""
    labelled = labels.apply()
    made = recommender.make_offers()
    return f"{labelled:,} product types named in two languages, {made:,} offers"


def import_history(here: Scene) -> str:
    """The year's own campaigns. Nobody was chosen by chance, so nothing is claimed of their lift."""
    rows = dressing.campaigns(here.year)
    known = identifier_ids("external", [str(h) for row in rows for h in row["households"]])
    campaigns.import_history([_history(row, known) for row in rows])
    return f"{len(rows)} campaigns of the year as history: not randomised, lift unknown"


# -- offers ------------------------------------------------------------------------------------------------------------


def train(here: Scene) -> str:
    """Trained on what was known four weeks before the campaign, judged by those four weeks, then brought up to the day."""
    call_command("train_recommender", cutoff=(here.cut - timedelta(weeks=WEEKS_AFTER)).isoformat(), weeks=WEEKS_AFTER)
    recommender.refresh_recommendations(at=here.cut)
    live = {slot: live_version(slot) for slot in ("buy_again", "new_for_you")}
    return ", ".join(f"{slot.replace('_', ' ')}: {version.ranker}" for slot, version in live.items() if version)
