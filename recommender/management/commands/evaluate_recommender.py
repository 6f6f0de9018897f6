"""Every ranker on the same later weeks, with repeat and explore purchases apart."""

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from recommender import evaluation, purchases, queries
from recommender.management.commands.train_recommender import default_cutoff, moment
from recommender.models import Slot
from recommender.rankers import RANKERS

COLUMNS = ("recall", "ndcg", "phr", "coverage")


class Command(BaseCommand):
    help = "Train every ranker up to a cut-off and print how well it foretold the weeks after."

    def add_arguments(self, parser):
        parser.add_argument("--cutoff", help="date; default: --weeks before the last purchase")
        parser.add_argument("--weeks", type=int, default=4)
        parser.add_argument("--k", type=int, default=10, help="length of the lists judged (default 10)")

    def handle(self, *, cutoff, weeks, k, **options):
        cutoff = moment(cutoff) if cutoff else default_cutoff(weeks)
        day = purchases.day_of(cutoff)
        until = purchases.moment_of(day + 7 * weeks)
        seen, _ = purchases.read(until=until, types=purchases.types_to_learn_from())
        before, after = seen.before(day), seen.since(day)
        if not len(before.member) or not len(after.member):
            raise CommandError("There are no purchases before or after the cut-off; choose another --cutoff.")
        among = {
            part: np.isin(seen.item_ids, queries.offerable_ids(slot or Slot.BUY_AGAIN))
            for part, slot in evaluation.PARTS.items()
        }
        self.stdout.write(
            f"Trained on {len(before.member):,} purchases before {cutoff:%Y-%m-%d}, judged on the {weeks} weeks after, k = {k}.\n"
            "Recall, NDCG and PHR (share of members with a hit) are means over members; coverage is the share of offers shown."
        )
        parts = "".join(f"{part:^36}" for part in evaluation.PARTS)
        self.stdout.write(
            f"\n{'':24}{parts}\n{'ranker':24}" + "".join(f"{name:>9}" for name in COLUMNS) * len(evaluation.PARTS)
        )
        for make in RANKERS.values():
            ranker = make().fit(before)
            judged = [
                evaluation.judge(ranker, before, after, part=part, k=k, among=among[part]) for part in evaluation.PARTS
            ]
            cells = "".join(f"{getattr(quality, name):9.4f}" for quality in judged for name in COLUMNS)
            self.stdout.write(f"{ranker.name:24}{cells}")
            self.stdout.flush()
        sizes = {quality.part: quality.members for quality in judged}
        self.stdout.write("\nMembers judged: " + ", ".join(f"{part} {size:,}" for part, size in sizes.items()))
