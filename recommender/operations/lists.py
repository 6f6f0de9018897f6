"""Writing what is recommended: ranked, held against the business rules, with the reason of the candidate that won."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from members.models import Member
from recommender import artifacts, assembling, novelties, purchases, queries, ranking, reasons, rulebook, shelf
from recommender.artifacts import Trained
from recommender.interactions import Interactions
from recommender.models import Dropped, ListState, RankerVersion, Recommendation, Slot
from recommender.operations import contexts, watching
from recommender.selection import quiet

PER_SLOT = 20  # recommendations kept per member and slot
TOGETHER = 500  # members whose lists are made anew in one transaction
WIDE = 3 * PER_SLOT  # ranked, so that enough is left where rules take types off
TRAINED = (
    Slot.BUY_AGAIN,
    Slot.NEW_FOR_YOU,
)  # slots with a ranker of their own; what is new in store is ranked by theirs
COLUMNS = (
    "member_id", "slot", "rank", "category_id", "score", "reason_code", "reason_params", "source", "probability", "version_id",
)  # fmt: skip
DROPPED = ("member_id", "slot", "category_id", "place", "why", "version_id")

log = logging.getLogger(__name__)


class NothingToServe(Exception):
    """No ranker is live in a slot; says what to do."""


@dataclass(frozen=True, eq=False)
class Customers:
    """Whom recommendations are made for, and what is known of them."""

    seen: Interactions
    known: np.ndarray  # indices into seen.member_ids
    strangers: list[int]  # ids of members without purchases we may look at
    home_stores: np.ndarray
    rules: dict[str, assembling.Rules]
    fresh: dict[int, tuple[int, int]]  # what is new in store: type → (product, members who took it up)


def refresh_recommendations(
    *, at: datetime, member_ids: Iterable[int] | None = None, progress: Callable[[str], None] = quiet
) -> int:
    """Rewrite what is recommended, from purchases before `at`; for all active members, or for some. Returns rows written.

    Members about whom nothing is known, or who said no to personal recommendations, get what is popular. One transaction:
    readers see the old lists or the new. Raises NothingToServe, BrokenArtifact.
    """
    served = [_served(slot) for slot in TRAINED]
    asked = None if member_ids is None else sorted(set(member_ids))
    customers = _customers(served, at, asked)
    # all that is asked of the database is asked before: while a COPY runs, its connection answers nothing else
    with transaction.atomic(), connection.cursor() as cursor:
        if not _locked(cursor, asked):
            return 0  # all lists are being written just now, from the same purchases
        before = watching.listed(cursor) if asked is None else {}
        for model in (Recommendation, Dropped):
            old = model.objects.all() if asked is None else model.objects.filter(member_id__in=asked)
            old.delete()
        dropped: list[tuple] = []
        with cursor.cursor.copy(f"COPY recommender_recommendation ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            written = _copy(copy, _all_rows(served, customers, dropped))
            progress(f"{written:,} recommendations of {len(customers.known):,} members written")
        with cursor.cursor.copy(f"COPY recommender_dropped ({', '.join(DROPPED)}) FROM STDIN") as copy:
            _copy(copy, dropped)
        contexts.write(at=at, member_ids=asked)
        _note_when(served[-1][0], asked, at)
        if before:
            lists = before, watching.listed(cursor), as_before(before, customers)
            watching.watch(served, lists, customers.seen)
        watching.count_drops(dropped, [version for version, _ in served] if asked is None else [])
    return written


def as_before(before: dict[str, watching.Listed], customers: Customers) -> dict[str, watching.Listed]:
    """What the versions that served before would list now, for the sample of members that is watched."""
    sampled = customers.known[customers.seen.member_ids[customers.known] % watching.SAMPLE == 0]
    few = replace(customers, known=sampled)
    found = {}
    for slot, listed in before.items():
        version = RankerVersion.objects.filter(pk=listed.version_id).first()
        if version is None or version.status == RankerVersion.Status.LIVE or slot not in TRAINED:
            continue
        try:
            trained = _loaded(version.artifact, version.checksum)
        except artifacts.BrokenArtifact:
            continue  # an old file that is gone: there is nothing to compare with
        rows = list(_rows(version, trained, few, []))
        found[slot] = watching.Listed(
            {(row[0], row[3]) for row in rows}, np.array([row[4] for row in rows]), version.pk
        )
    return found


def _locked(cursor, asked: list[int] | None) -> bool:
    """Writing all lists waits for nobody but itself; who wants some made anew meanwhile is not kept waiting."""
    if asked is None:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('recommender.refresh'))")
        return True
    cursor.execute("SELECT pg_try_advisory_xact_lock_shared(hashtext('recommender.refresh'))")
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtext('recommender.list'), (id %% 2147483647)::int) FROM unnest(%s::bigint[]) AS id ORDER BY id",
        [asked],
    )
    return True


def _note_when(version: RankerVersion, asked: list[int] | None, at: datetime) -> None:
    """Up to when purchases are in the lists: of all members, or of some."""
    if asked is None:
        version.metrics["refreshed_at"] = at.isoformat()
        version.save(update_fields=["metrics"])
        ListState.objects.all().delete()
        return
    ListState.objects.bulk_create(
        (ListState(member_id=pk, at=at) for pk in asked),
        update_conflicts=True,
        unique_fields=["member"],
        update_fields=["at"],
    )


def keep_fresh(*, at: datetime, member_ids: Iterable[int]) -> int:
    """Make the lists of these members anew where they bought something since; how many were. Nothing is trained.

    Rankers fold a member in on present purchases, so this costs milliseconds. Where nothing serves yet there is nothing to do; where the
    file of what serves is gone or was made by other code, the lists that are stored go on serving, and the log says so.
    """
    version = queries.live(TRAINED[-1])
    if version is None or "refreshed_at" not in version.metrics:
        return 0
    stale = _stale(datetime.fromisoformat(version.metrics["refreshed_at"]), at, list(member_ids))
    try:
        for start in range(0, len(stale), TOGETHER):
            refresh_recommendations(at=at, member_ids=stale[start : start + TOGETHER])
    except artifacts.BrokenArtifact:
        log.exception("Lists stay as they are until the recommender is trained again.")
        return 0
    return len(stale)


def keep_all_fresh(*, at: datetime) -> int:
    """The same for everybody who bought something since their lists were written; a chore of every few minutes."""
    return keep_fresh(at=at, member_ids=[])


def _stale(listed_at: datetime, at: datetime, member_ids: list[int]) -> list[int]:
    """Active members with a purchase that is not in their lists yet; of some, or of all when none are named."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT p.member_id FROM sales_purchase p
              JOIN members_member m ON m.id = p.member_id AND m.status = 'active'
              LEFT JOIN recommender_liststate s ON s.member_id = p.member_id
             WHERE p.purchased_at >= %(listed)s AND p.purchased_at < %(at)s
               AND (cardinality(%(members)s::bigint[]) = 0 OR p.member_id = ANY (%(members)s))
               AND p.purchased_at >= coalesce(s.at, %(listed)s)
            """,
            {"listed": listed_at, "at": at, "members": member_ids},
        )
        return sorted(pk for (pk,) in cursor.fetchall())


def _copy(copy, rows: Iterable[tuple]) -> int:
    written = 0
    for row in rows:
        copy.write_row(row)
        written += 1
    return written


def _customers(served, at: datetime, asked: list[int] | None) -> Customers:
    types = sorted({int(pk) for _, trained in served for pk in trained.item_ids})
    seen, home_stores = purchases.read(until=at, types=types, member_ids=asked)
    active = Member.objects.active()
    if asked is not None:
        active = active.filter(pk__in=asked)
    everybody = set(active.values_list("pk", flat=True))
    on = shelf.read()
    rules = rulebook.rules(Slot.values, on=on, seen=seen, home_stores=home_stores, at=at)
    known = np.flatnonzero(np.isin(seen.member_ids, list(everybody)))
    fresh = _fresh(served[-1][0], at, is_whole=asked is None)
    return Customers(seen, known, sorted(everybody - set(seen.member_ids.tolist())), home_stores, rules, fresh)


def _fresh(version: RankerVersion, at: datetime, *, is_whole: bool) -> dict[int, tuple[int, int]]:
    """What is new in store: counted when all lists are written, remembered for the members whose lists are made anew since."""
    if not is_whole and "new_in_store" in version.metrics:
        return {category: (product, buyers) for category, product, buyers in version.metrics["new_in_store"]}
    found = novelties.fresh_types(at=at)
    version.metrics["new_in_store"] = [[category, *what] for category, what in found.items()]
    version.save(update_fields=["metrics"])
    return found


def _all_rows(served, customers: Customers, dropped: list) -> Iterator[tuple]:
    for version, trained in served:
        yield from _rows(version, trained, customers, dropped)
    version, trained = served[-1]
    yield from _new_rows(version, customers, dropped)
    yield from _popular_rows(version, trained, customers)


def _new_rows(version: RankerVersion, customers: Customers, dropped: list) -> Iterator[tuple]:
    """What is new in store, best first by the member's own taste; each row names the new product."""
    seen, slot = customers.seen, Slot.NEW_PRODUCTS
    rules, types = customers.rules[slot], np.array(sorted(customers.fresh), np.int64)
    types = types[np.isin(types, seen.item_ids)]
    if not len(types):
        return
    fresh = np.searchsorted(seen.item_ids, types)
    taken_up = np.array([customers.fresh[pk][1] for pk in types.tolist()])
    for chunk in ranking.chunks(customers.known, seen.shape[1]):
        values = novelties.scores(seen, chunk, fresh, taken_up, rules.groups).astype(np.float32)
        order, values = ranking.best(values, WIDE)
        items = np.where(order >= 0, fresh[order], -1)
        why = assembling.reasons(rules, chunk, items)
        stays = assembling.kept(why, items, novelties.PER_MEMBER)
        _note(dropped, version, (seen, chunk), (items, why), slot)
        for row, column in zip(*np.nonzero(stays), strict=True):
            category, rank = int(types[order[row, column]]), int(stays[row, : column + 1].sum())
            yield (
                int(seen.member_ids[chunk[row]]), slot, rank, category, float(values[row, column]), reasons.NEW_IN_STORE,
                json.dumps({"product": customers.fresh[category][0]}), "fresh", None, version.pk,
            )  # fmt: skip


def _rows(version: RankerVersion, trained: Trained, customers: Customers, dropped: list) -> Iterator[tuple]:
    """Rows of one slot, in COLUMNS' order; what the rules took off is added to `dropped`."""
    seen, rules = customers.seen, customers.rules[version.slot]
    for chunk in ranking.chunks(customers.known, seen.shape[1]):
        scores = trained.ranker.scores(seen, chunk)
        assert not np.isnan(scores).any(), f"{trained.ranker.name} gave a score that is not a number"
        ranking.mask_slot(scores, seen, chunk, version.slot)
        first, _ = ranking.best(scores, PER_SLOT)
        scores[:, ~rules.among] = ranking.NOTHING
        items, values = ranking.best(scores, WIDE)
        why = assembling.reasons(rules, chunk, items)
        stays = assembling.kept(why, items, PER_SLOT)
        _note(dropped, version, (seen, chunk), (first, np.where(first >= 0, rules.never[first], "")))
        _note(dropped, version, (seen, chunk), (items[:, :PER_SLOT], why[:, :PER_SLOT]))
        yield from _told(version, trained, customers, (chunk, items, values, stays))


def _told(version, trained: Trained, customers: Customers, listed) -> Iterator[tuple]:
    chunk, items, values, stays = listed
    seen = customers.seen
    place, column = np.nonzero(stays)
    rank = np.cumsum(stays, axis=1)[place, column]
    member, item, score = chunk[place], items[place, column], values[place, column]
    sources, partners = trained.ranker.because(seen, member, item)
    told = trained.explainer.reasons(seen, customers.home_stores, (member, item), (sources, partners))
    is_probable = hasattr(trained.ranker, "probabilities")
    for who, what, value, (code, params), source, nth in zip(
        seen.member_ids[member].tolist(), seen.item_ids[item].tolist(), score.tolist(), told, sources.tolist(), rank.tolist(),
        strict=True,
    ):  # fmt: skip
        chance = value if is_probable else None
        yield who, version.slot, nth, what, value, code, json.dumps(params), source, chance, version.pk


def _note(dropped: list, version, asked, listed, slot: str = "") -> None:
    """Keep which rule took a type off whose list, and where it would have stood."""
    (seen, chunk), (items, why) = asked, listed
    row, column = np.nonzero(why != "")
    dropped.extend(
        (who, slot or version.slot, what, nth, rule, version.pk)
        for who, what, nth, rule in zip(
            seen.member_ids[chunk[row]].tolist(), seen.item_ids[items[row, column]].tolist(), (column + 1).tolist(),
            why[row, column].tolist(), strict=True,
        )
    )  # fmt: skip


def _popular_rows(version, trained: Trained, customers: Customers) -> Iterator[tuple]:
    """What is popular, for members without a history of their own; only in the slot for new things."""
    among = np.isin(trained.item_ids, customers.seen.item_ids[customers.rules[version.slot].among])
    items, scores = ranking.best(
        np.where(among, trained.explainer.share_, -np.inf).astype(np.float32)[None, :], PER_SLOT
    )
    for member_id in customers.strangers:
        for rank, (item, score) in enumerate(zip(items[0].tolist(), scores[0].tolist(), strict=True), start=1):
            if item >= 0:
                category_id = int(trained.item_ids[item])
                yield (
                    member_id, version.slot, rank, category_id, score, reasons.POPULAR, "{}", "popular", None, version.pk,
                )  # fmt: skip


def _served(slot: str) -> tuple[RankerVersion, Trained]:
    version = queries.live(slot)
    if version is None:
        raise NothingToServe(f"No ranker serves {slot}. Train one: manage.py train_recommender --cutoff YYYY-MM-DD.")
    return version, _loaded(version.artifact, version.checksum)


def _loaded(artifact: str, checksum: str) -> Trained:
    """Kept in the process, because a list that is made anew after a purchase cannot wait for a file; read again when the file changed.

    Raises BrokenArtifact.
    """
    file = settings.ARTIFACTS / artifact
    state = (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else (0, 0)
    return _read(artifact, checksum, state)


@lru_cache(maxsize=4)
def _read(artifact: str, checksum: str, _state: tuple[int, int]) -> Trained:
    return artifacts.load(artifact=artifact, checksum=checksum)
