"""Every ranker on the same question, from the database or straight from a file, with repeat and explore purchases apart."""

import json
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from members.importing.problems import CannotImport
from recommender import contenders, files, learners, purchases, scoreboard
from recommender.answers import Answers
from recommender.evaluation import PARTS
from recommender.management.commands.train_recommender import default_cutoff, moment
from recommender.operations.training import SEED
from recommender.scoreboard import LAST_BASKET, TIME_SPLIT
from recommender.selection import CALIBRATION_ERROR_MAX

COLUMNS = ("recall", "ndcg", "phr", "coverage", "novelty")
PROTOCOLS = (TIME_SPLIT, LAST_BASKET)


class Command(BaseCommand):
    help = (
        "Judge every ranker on purchases it has not seen, of the database or of a file (--input): recall, NDCG, PHR (share of "
        "members with a hit), coverage and novelty, repeat and explore purchases apart, with 95 % intervals over members."
    )

    def add_arguments(self, parser):
        parser.add_argument("--input", type=Path, help="canonical purchases (docs/formats.md): CSV, CSV.gz or Parquet")
        parser.add_argument("--mapping", type=Path, help="columns of the file, in TOML, where they differ")
        parser.add_argument("--protocol", choices=PROTOCOLS, default=TIME_SPLIT)
        parser.add_argument("--cutoff", help="date of the time-split; default: --weeks before the last purchase")
        parser.add_argument("--weeks", type=int, default=4, help="weeks foretold in the time-split (default 4)")
        parser.add_argument("--k", default="10", help="lengths of the lists judged, such as 10,20")
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--output", type=Path, help="write everything as JSON to this file")

    def handle(self, *, k, seed, output, **options):
        self.begun = time.monotonic()
        ks = _lengths(k)
        question, groups = self._question(**options)
        self.stdout.write(
            f"{options['protocol']}: {len(question.seen.member):,} purchases of {question.seen.shape[0]:,} members and "
            f"{question.seen.shape[1]:,} products seen; {len(question.members):,} members asked about."
        )
        if not learners.is_lightgbm_here():
            self.stdout.write(
                "LightGBM cannot be loaded (is libgomp there?): the two stages rank by logistic regression."
            )
        judged, told = [], []
        for one in contenders.contenders(question, groups=groups, seed=seed):
            judged += self._judged(one, question, ks, told)
        self._print(judged, ks, seed)
        goals = [goal for length in ks for goal in contenders.goals(judged, k=length, seed=seed)]
        self._print_goals(goals)
        answer = {
            "protocol": options["protocol"], "seed": seed, "members": len(question.members), "k": list(ks),
            "results": [one.as_json(seed=seed) for one in judged], "against_the_best_rival": goals, "rankers": told,
            "seconds": round(time.monotonic() - self.begun, 1),
        }  # fmt: skip
        if output:
            output.write_text(json.dumps(answer, indent=1), encoding="utf-8")
            self.stdout.write(f"Written to {output}.")

    def _question(self, *, input, mapping, protocol, cutoff, weeks, **options):  # noqa: A002 - the option's name
        try:
            if input:
                read = files.read(input, mapping)
                everything, groups = read.seen, read.groups
                self.stdout.write(
                    f"{read.lines:,} lines read from {input}; {read.left_out:,} without member, time or product."
                )
                for problem in read.problems:
                    self.stderr.write(problem)
                if protocol == TIME_SPLIT and not read.has_dates:
                    raise CommandError(f"{input} has no field time, only order: choose --protocol last-basket.")
            else:
                until = moment(cutoff) if cutoff else default_cutoff(weeks)
                types = purchases.types_to_learn_from()
                last = purchases.moment_of(purchases.day_of(until) + 7 * weeks)
                everything, _ = purchases.read(until=last, types=types)
                groups = purchases.groups_of(types)
            return scoreboard.ask(everything, protocol=protocol, weeks=weeks), groups
        except (CannotImport, ValueError) as error:
            raise CommandError(str(error)) from error

    def _judged(self, one, question, ks, told):
        begun = time.monotonic()
        fitted = one.ranker.fit(question.seen)
        trained = time.monotonic() - begun
        judged = scoreboard.judge(fitted, question, ks=ks, label=one.label)
        seconds = time.monotonic() - begun
        entry = {
            "ranker": one.label, "settings": one.note, "seconds_to_train": round(trained, 1), "seconds": round(seconds, 1),
        }  # fmt: skip
        if isinstance(fitted, Answers):
            error = learners.calibration(fitted.probability, fitted.came_true(question.after)).error
            entry |= {"calibration_error": round(error, 5), "may_be_published": error <= CALIBRATION_ERROR_MAX}
        told.append(entry)
        note = f" ({one.note})" if one.note else ""
        ece = _calibrated(entry["calibration_error"]) if "calibration_error" in entry else ""
        self.stdout.write(f"{time.monotonic() - self.begun:6.0f} s  {one.label}{note} judged{ece}")
        self.stdout.flush()
        return judged

    def _print(self, judged, ks, seed):
        for k in ks:
            for part in PARTS:
                rows = [one for one in judged if one.part == part and one.k == k]
                head = "".join(f"{name:>26}" for name in COLUMNS[:3]) + "".join(f"{name:>10}" for name in COLUMNS[3:])
                self.stdout.write(
                    f"\n{part} purchases, k = {k}, {len(rows[0].values['recall']):,} members\n{'ranker':24}{head}"
                )
                for one in rows:
                    cells = "".join(_cell(one, measure, seed) for measure in COLUMNS[:3])
                    self.stdout.write(f"{one.ranker:24}{cells}{one.coverage:10.4f}{one.novelty:10.2f}")

    def _print_goals(self, goals):
        self.stdout.write("\nOurs beside the best rival (95 % interval from a paired bootstrap over members):")
        for goal in goals:
            self.stdout.write(
                f"{goal['ranker']:20} {goal['part']:8} {goal['measure']:10} ×{goal['times']:.3f} of {goal['rival']} "
                f"({goal['low']:.3f} to {goal['high']:.3f})"
            )


def _lengths(text) -> tuple[int, ...]:
    parts = [part.strip() for part in str(text).split(",")]
    if not all(part.isdigit() and int(part) for part in parts):
        raise CommandError(f"--k is “{text}”; write lengths of lists such as 10,20.")
    return tuple(sorted({int(part) for part in parts}))


def _cell(one, measure: str, seed: int) -> str:
    low, high = one.interval(measure, seed=seed)
    return f"{one.mean(measure):10.4f} ({low:.4f}–{high:.4f})"


def _calibrated(error: float) -> str:
    verdict = "at most" if error <= CALIBRATION_ERROR_MAX else "NOT PUBLISHED: more than"
    return f", calibration error {error:.4f} ({verdict} {CALIBRATION_ERROR_MAX})"
