"""What `make demo` does once: a year of real purchases, and one campaign's whole journey through every room.

The story is told in chapters. Each is finished or not (a fact in the database), each may be told again from its beginning,
and so a demo that was interrupted goes on where it was. Everything goes through the ordinary commands and operations.
"""

import csv
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from tqdm import tqdm

from api.operations import create_client
from campaigns import operations as campaigns
from campaigns import programme_lift
from campaigns.models import Audience, Campaign
from delivery.operations import set_policy
from delivery.queries import counts
from demo import (
    authoring,
    devices,
    dressing,
    featuring,
    labels,
    operations,
    people,
    queries,
    rewarding,
    serving,
    spending,
)
from experiments.operations import open_control
from experiments.queries import control_at
from insights.operations import refresh_lifecycle
from loyalty import operations as loyalty
from members import clock
from members.crypto import keyed_hash
from members.queries import identifier_ids
from portal import starters
from recommender import operations as recommender
from recommender.queries import live as live_ranker
from sales import queries as sold

WEEKS_AFTER = 4  # the campaign is sent this long before the year's end
LAUNCH_AFTER_MIDNIGHT = timedelta(hours=10)  # ten in the morning at the shop
OUTCOME_DAYS = 27
CONTROL_PERCENT = 5  # of all members: what the whole of marketing changes is read from them
HOLDOUT_PERCENT = REHEARSAL_HOLDOUT_PERCENT = 30  # the audiences are small: a tenth of them would tell nothing
REFUNDS = 60
SENDING_PATIENCE_S = 120


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


def scene(one_in: int = 1) -> Scene:
    """The scene of this demo; the shift of its year is decided once and kept."""
    weeks = queries.fact("weeks_moved")
    if weeks is None:
        weeks = dressing.weeks_moved(timezone.localdate())
        operations.remember(weeks_moved=weeks)
    return Scene(dressing.Year(weeks, one_in), settings.VAR / "demo")


def is_finished(chapter: Chapter) -> bool:
    return queries.fact(f"chapter_{chapter.name}") is not None


def tell(chapters: list[Chapter], say: Callable[[str], None], *, here: Scene | None = None) -> None:
    """Tell what is not told yet, in order, each with its time."""
    here = here or scene()
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
            "consents": ";".join(f"{channel}=yes" for channel in person.consents),
        }
        for person in here.people
    ]
    path = here.folder / "members.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    call_command("import_members", str(path), source="demo", verbosity=0, rejects=here.folder / "members-rejects.csv")
    _expect("members", len(_members_by_household(here)), len(rows), here.folder / "members-rejects.csv")
    return f"{len(rows):,} households, each one member, with invented names"


def _expect(what: str, found: int, wanted: int, rejects: Path) -> None:
    """The story goes on only when everything of its file arrived."""
    if found != wanted:
        raise RuntimeError(f"{found:,} of {wanted:,} {what} were imported; {rejects} says why.")


def _import(here: Scene, name: str, *, begin=None, end=None) -> str:
    lines = here.year.lines(begin=begin, end=end)
    path = _write(lines, here.folder / f"{name}.parquet")
    call_command(
        "import_purchases", str(path), mapping=Path(__file__).with_name("complete_journey.toml"), source="complete-journey",
        rejects=here.folder / f"{name}-rejects.csv",
    )  # fmt: skip
    receipts = pc.count_distinct(lines["receipt"]).as_py()
    within = {"purchased_at__gte": begin, "purchased_at__lt": end}
    found = sold.receipts(source_code="complete-journey").filter(**{k: v for k, v in within.items() if v}).count()
    _expect("receipts", found, receipts, here.folder / f"{name}-rejects.csv")
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
    members = _members_by_household(here)
    rows = [
        {
            "name": row["name"],
            "started_at": row["begins_at"],
            "ended_at": row["ends_at"],
            "reached": [members[h] for h in row["households"] if h in members],
            "redemptions": Counter(members[h] for h, _at in row["redemptions"] if h in members),
        }
        for row in dressing.campaigns(here.year)
    ]
    campaigns.import_history(rows)
    return f"{len(rows)} campaigns of the year as history: not randomised, lift unknown"


def _members_by_household(here: Scene) -> dict[int, int]:
    hashes = {keyed_hash(str(h), kind="external"): h for h in here.year.households}
    return {hashes[found]: member for found, member in identifier_ids("external", hashes).items()}


def begin_programme(here: Scene) -> str:
    """Invented rules and rewards, in force from the day of the campaign: the last four weeks' real purchases meet them."""
    rules = rewarding.publish_rules(live_from=here.cut)
    rewarding.print_codes(since=here.cut)
    pages = starters.write()
    return (
        f"{rules} rules (one of them a running trial), {rewarding.CODES} voucher codes, {pages} pages for members, "
        "all invented"
    )


def take_rewards(here: Scene) -> str:
    """Rewards all year, and members who took some: a programme in which nobody ever spends a point shows half of itself."""
    rewards = rewarding.stock_catalogue(since=here.year.ends_at - timedelta(days=366))
    taken = spending.take_rewards(until=here.cut)
    return f"{rewards} rewards; {taken:,} were taken by one member in seven, invented (source: {spending.SOURCE})"


# -- offers ------------------------------------------------------------------------------------------------------------


def train(here: Scene) -> str:
    """Trained on what was known four weeks before the campaign, judged by those four weeks, then brought up to the day."""
    call_command("train_recommender", cutoff=(here.cut - timedelta(weeks=WEEKS_AFTER)).isoformat(), weeks=WEEKS_AFTER)
    recommender.refresh_recommendations(at=here.cut)
    live = {slot: live_ranker(slot) for slot in ("buy_again", "new_for_you")}
    return ", ".join(f"{slot.replace('_', ' ')}: {version.ranker}" for slot, version in live.items() if version)


# -- the campaign ------------------------------------------------------------------------------------------------------


def subscribe_devices(here: Scene) -> str:
    """A stand-in browser for each member who agreed to push; its keys are real, its push service is the local one."""
    members = _members_by_household(here)
    agreed = [members[p.household] for p in here.people if "push" in p.consents and p.household in members]
    return f"{devices.subscribe(agreed, at=here.cut):,} devices subscribed to push"


LAPSING = {
    "match": "all",
    "conditions": [
        {"type": "lifecycle_stage", "stages": ["at_risk", "lapsed"]},
        {"type": "points_balance", "op": "at_least", "points": 100},
    ],
}
REGULARS = {
    "match": "all",
    "conditions": [
        {"type": "last_purchase", "op": "newer", "days": 60},
        {"type": "points_balance", "op": "at_least", "points": 50},
    ],
}


def _audience(name: str, description: str, conditions: dict) -> Audience:
    made, _new = Audience.objects.get_or_create(
        name=name, defaults={"description": description, "conditions": conditions}
    )
    return made


def _variants(*, push=None) -> list[dict]:
    return [
        {"name": name, "weight": 1, "email_template": authoring.email_template(name), "push_template": push}
        for name in authoring.VARIANTS
    ]


def _draft(name: str, **settings) -> Campaign:
    return Campaign.objects.filter(name=name).first() or campaigns.create(name=name, **settings)


def send_campaign(here: Scene) -> str:
    """Planned and sent four weeks ago by the business clock, through the scheduler, Celery, SMTP and web push."""
    # Whoever tries the demo late in the evening shall see the push arrive too; a shop's default is quiet from 21:00 to 08:00.
    set_policy(channel="push", marketing_messages_max=4, cap_days=7)
    clock.set_shift(here.launch_at - timezone.now())
    try:
        refresh_lifecycle(at=here.launch_at)
        if not control_at(here.launch_at):
            open_control(percent=CONTROL_PERCENT, starts_at=here.launch_at)
        audience = _audience(
            "Lapsing, with points", "Members who have not come for a while and still have points.", LAPSING
        )
        variants = _variants(push=authoring.push_template())
        campaign = _draft(
            "Come back to your points", audience=audience, variants=variants, outcome_days=OUTCOME_DAYS,
            holdout_percent=HOLDOUT_PERCENT,
        )  # fmt: skip
        if campaign.is_draft:
            campaigns.schedule(campaign=campaign, launch_at=here.launch_at, at=here.launch_at)
        _wait_until_sent(campaign)
    finally:
        clock.set_shift(timedelta())
    return f"{_sent_words(campaign)}; sent on {here.launch_at:%d %B} by the business clock"


def _wait_until_sent(campaign: Campaign) -> None:
    """The workers do it; here one only looks on."""
    begun = time.monotonic()
    before = Campaign.Status.DRAFT, Campaign.Status.SCHEDULED, Campaign.Status.PLANNED, Campaign.Status.SENDING
    with tqdm(desc="Sending", unit=" messages") as bar:
        while True:
            campaign.refresh_from_db()
            bar.total = sum(counts(campaign.cause).values()) or None
            bar.update(counts(campaign.cause).get("sent", 0) - bar.n)
            if campaign.status not in before:
                break
            if time.monotonic() - begun > SENDING_PATIENCE_S:
                raise RuntimeError(
                    f"“{campaign}” is still {campaign.status}; see worker.log and beat.log in the demo's folder."
                )
            time.sleep(0.5)
    if campaign.status not in {Campaign.Status.SENT, Campaign.Status.MEASURED}:
        detail = campaign.fires.values_list("detail", flat=True).first()
        raise RuntimeError(f"“{campaign}” was not sent: {campaign.status}. {detail}")


def _sent_words(campaign: Campaign) -> str:
    told = counts(campaign.cause)
    return f"audience {campaign.audience_size:,}, {told.get('sent', 0):,} messages sent"


def measure_campaign(here: Scene) -> str:
    """What those people really bought afterwards. They never saw the message, and the report says what that shows."""
    campaign = Campaign.objects.get(name="Come back to your points")
    report = campaigns.measure(campaign=campaign, at=max(timezone.now(), campaign.outcome_ends_at))
    programme_lift.keep(at=timezone.now())
    first = report.figures["comparisons"][0]
    if first.get("cannot"):
        return f"too few to compare: {first['n_control']} held out, {first['n_treated']} sent"
    low, high = first["low"] / 100, first["high"] / 100
    return (
        f"difference per member {first['absolute'] / 100:+.2f} [{low:+.2f}, {high:+.2f}] {report.figures['currency']}"
    )


def make_refunds(here: Scene) -> str:
    """The data knows no refunds: the first line of every so many recent receipts is taken back, and labelled so."""
    made = 0
    for purchase in sold.receipts(source_code="complete-journey")[: REFUNDS * 5 : 5]:
        left = [line for line in sold.refundable(purchase) if line[2] > 0]
        if left:
            loyalty.refund(
                source="demo-refunds", client_key=f"refund-of-{purchase.client_key}", purchase_id=purchase.pk, lines=left[:1],
                refunded_at=timezone.now() - timedelta(days=1),
            )  # fmt: skip
            made += 1
    return f"{made} invented refunds through the real operation (source: demo-refunds)"


def rehearse(here: Scene) -> str:
    """A second campaign whose responses are simulated with a planted effect, and the next draft that learned from it."""
    now = timezone.now()
    refresh_lifecycle(at=now)
    recommender.refresh_recommendations(at=now)
    audience = _audience("Regulars of the last two months", "Came within 60 days and have points to spend.", REGULARS)
    # By e-mail alone: a push would wait for the morning when the demo is made at night.
    rehearsal = _draft(
        "Rehearsal: weekly picks", audience=audience, variants=_variants(), kind=Campaign.Kind.REHEARSAL,
        holdout_percent=REHEARSAL_HOLDOUT_PERCENT, outcome_days=28,
    )  # fmt: skip
    if rehearsal.is_draft:
        campaigns.schedule(campaign=rehearsal, launch_at=now, at=now)
    _wait_until_sent(rehearsal)
    _wait_for_report(rehearsal)
    following = rehearsal.clones.first() or campaigns.clone(campaign=rehearsal)
    Campaign.objects.filter(pk=following.pk).update(name="Rehearsal: weekly picks, next round")
    operations.remember(second_campaign=following.pk, rehearsal=rehearsal.pk)
    return f"{_sent_words(rehearsal)}; {rehearsal.learning.verdict}"


def _wait_for_report(campaign: Campaign) -> None:
    begun = time.monotonic()
    while campaign.status != Campaign.Status.MEASURED:
        if time.monotonic() - begun > SENDING_PATIENCE_S:
            raise RuntimeError(f"“{campaign}” has no report yet; see worker.log in the demo's folder.")
        time.sleep(0.5)
        campaign.refresh_from_db()


def feature(here: Scene) -> str:
    """Somebody near the next tier, somebody lapsing, somebody new; the busiest store is the cashier's."""
    found = featuring.find(at=timezone.now())
    operations.remember(**found)
    rewarding.treat_featured(at=timezone.now())
    return f"featured: {', '.join(member['name'] for member in found['featured'].values())}; {found['busiest_store']['name']}"


def keep_desk(here: Scene) -> str:
    """Cases, answers, deals, points by hand, scores and a journey: what the other rooms' pages are about."""
    told = serving.keep(at=timezone.now())
    return (
        f"{told['cases']} cases, {told['answers']} answers, {told['deals']} deals; members are scored, a journey runs"
    )


def hand_out_token(here: Scene) -> str:
    """A token for the developer's first call. It is shown, because this shop is fictional."""
    _client, token = create_client(name="Demo")
    operations.remember(api_token=token)
    return "a token for the API, printed below"


CHAPTERS = [
    Chapter("members", "Members are enrolled", enrol),
    Chapter("purchases", "Forty-eight weeks of purchases are imported, points posted, tiers evaluated", import_before),
    Chapter("names", "Products get names, offers are made", name_things),
    Chapter("history", "The year's own campaigns", import_history),
    Chapter("recommender", "The recommender is trained and judged on later weeks", train),
    Chapter("devices", "Devices subscribe to push", subscribe_devices),
    Chapter("rewards", "Members take rewards in the course of the year", take_rewards),
    Chapter("campaign", "A campaign is planned and sent, four weeks ago", send_campaign),
    Chapter("programme", "Rules with cards and a trial are published", begin_programme),
    Chapter("outcomes", "The four weeks after it are imported", import_after),
    Chapter("report", "Its outcome is read", measure_campaign),
    Chapter("refunds", "A few refunds are made", make_refunds),
    Chapter("rehearsal", "A rehearsal with a planted effect, and what it taught", rehearse),
    Chapter("featured", "Whom to look at", feature),
    Chapter("desk", "The service desk's weeks, scores, a journey", keep_desk),
    Chapter("token", "The developer gets a token", hand_out_token),
]
