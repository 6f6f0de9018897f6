"""The rankers on a year of real purchases against their humble rivals, and how long training takes."""

import time

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo import dressing, labels
from recommender import evaluation, selection
from recommender.interactions import Interactions
from recommender.ranking import BUY_AGAIN, NEW_FOR_YOU

WEEKS = 4
SEED = 20_171


def year() -> tuple[Interactions, np.ndarray]:
    """The Complete Journey year at its original dates, over types that may be reasoned from; and which of them have a name."""
    folder = dressing.data_folder()
    columns = ["department", "product_category", "product_type"]
    products = pq.read_table(folder / "products.parquet", columns=["product_id", *columns])
    lines = pq.read_table(
        folder / "transactions.parquet", columns=["household_id", "product_id", "transaction_timestamp"]
    ).join(products, "product_id")
    lines = lines.filter(pc.is_valid(pc.binary_join_element_wise(*(lines[column] for column in columns), " > ")))
    path = (
        pc.binary_join_element_wise(*(lines[column] for column in columns), " > ").combine_chunks().dictionary_encode()
    )
    names = path.dictionary.to_pylist()
    private = (
        "FUEL",
        "CIGAR",
        "BEER",
        "WINE",
        "ANALGESIC",
        "COLD AND FLU",
        "ANTACID",
        "LAXATIVE",
        "FEM",
        "FITNESS",
        "COUPON",
    )
    kept = np.array([not any(word in name for word in private) for name in names])
    item = path.indices.to_numpy()
    day = lines["transaction_timestamp"].cast("timestamp[s]").cast("int64").to_numpy() // 86_400
    usable = kept[item]
    member = lines["household_id"].to_numpy()
    seen = Interactions.of(member[usable], item[usable], day[usable], until=int(day.max()) + 1)
    named = {label.path for label in labels.read()}
    return seen, np.array([names[i] in named for i in seen.item_ids])


def run(report):
    seen, among = year()
    cutoff = seen.until - 7 * WEEKS
    begun, cpu = time.perf_counter(), time.process_time()
    results = {
        slot: selection.contest(seen, slot=slot, cutoff=cutoff, horizon_days=7 * WEEKS, among=among, seed=SEED)
        for slot in (BUY_AGAIN, NEW_FOR_YOU)
    }
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    for slot, result in results.items():
        rival = result.rival_quality
        gain = result.difference
        report(
            f"{slot}, NDCG@10 of {result.best.name} over {result.rival.name}",
            round(result.best_quality.ndcg / rival.ndcg, 3), "the whole 95 % interval above 1", gain.low > 0,
            f"{1 + gain.low / rival.ndcg:.3f} to {1 + gain.high / rival.ndcg:.3f}, {rival.members:,} members, {WEEKS} weeks after",
        )  # fmt: skip
        recall = evaluation.compare(result.best_quality.recalls, rival.recalls, seed=SEED)
        report(
            f"{slot}, recall@10 of {result.best.name} over {result.rival.name}",
            round(result.best_quality.recall / rival.recall, 3), "at least 1", recall.mean >= 0,
            f"{1 + recall.low / rival.recall:.3f} to {1 + recall.high / rival.recall:.3f}",
        )  # fmt: skip
    report(
        "tuning, training and judging both slots on the year, seconds of processor time",
        round(cpu, 1), "below 60", cpu < 60, f"{seconds:.0f} s by the clock",
    )  # fmt: skip
