"""BG/NBD and Gamma–Gamma on a file of purchases, held against what happened after the calibration."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from insights import plots, value
from members.importing.problems import CannotImport
from sales.importing import arrays

UNITS = {"day": 1.0, "week": 7.0}
EPOCH = date(1970, 1, 1)


class Command(BaseCommand):
    help = "Fit BG/NBD and Gamma–Gamma to a file of purchases; print parameters, log-likelihood and the holdout."

    def add_arguments(self, parser):
        parser.add_argument("--input", type=Path, required=True, help="canonical purchases (docs/formats.md)")
        parser.add_argument("--calibration-end", required=True, help="last day learned from, such as 1997-09-30")
        parser.add_argument("--unit", choices=UNITS, default="week", help="unit of time of the parameters")
        parser.add_argument("--mapping", type=Path, help="columns, in TOML, where they differ")
        parser.add_argument("--binned", action="store_true", help="count members alike once, times rounded to units")
        parser.add_argument("--horizon", type=float, help="units ahead; default: to the end of the file")
        parser.add_argument("--output", type=Path, help="write everything as JSON")
        parser.add_argument("--plot", type=Path, help="write the calibration plot as SVG")

    def handle(self, *, input, calibration_end, unit, mapping, binned, horizon, output, plot, **options):  # noqa: A002 - the option's name
        end = _day(calibration_end)
        try:
            lines = arrays.read(input, mapping)
            codes, seen = value.histories(lines.member, lines.day, lines.total, end=end, unit_days=UNITS[unit])
            buying = value.fit_bg_nbd(*seen.binned()) if binned else value.fit_bg_nbd(seen)
        except (CannotImport, value.CannotFit) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{len(codes):,} members, {int(seen.x.sum()):,} repeat purchases to {calibration_end}, time in {unit}s.\n"
            f"BG/NBD       r={buying.r:.4f} alpha={buying.alpha:.4f} a={buying.a:.4f} b={buying.b:.4f} "
            f"LL={buying.log_likelihood:.1f}"
        )
        told = {"members": len(codes), "unit": unit, "bg_nbd": value.as_json(buying)}
        told["gamma_gamma"] = self._worth(seen)
        ahead = horizon or (int(lines.day.max()) - end) / UNITS[unit]
        if ahead > 0:
            told["holdout"] = self._holdout(lines, (codes, seen), buying, (end, ahead, UNITS[unit]))
            bins = told["holdout"]["bins"]
            if plot:
                plot.write_text(plots.holdout(bins), encoding="utf-8")
                self.stdout.write(f"Plot written to {plot}.")
        if output:
            output.write_text(json.dumps(told, indent=1), encoding="utf-8")
            self.stdout.write(f"Written to {output}.")

    def _worth(self, seen) -> dict | None:
        try:
            paying = value.fit_gamma_gamma(seen)
        except value.CannotFit as error:
            self.stdout.write(f"Gamma–Gamma  {error}")
            return None
        self.stdout.write(
            f"Gamma–Gamma  p={paying.p:.3f} q={paying.q:.3f} v={paying.v:.3f} LL={paying.log_likelihood:.1f}; "
            f"correlation of frequency and value {paying.correlation:.3f} (the model assumes none)"
        )
        return value.as_json(paying)

    def _holdout(self, lines, members, buying, when) -> dict:
        (codes, seen), (end, ahead, unit_days) = members, when
        made = _made(lines, codes, end, round(ahead * unit_days))
        foretold = buying.purchases(seen, ahead)
        bins = value.holdout_bins(seen.x, foretold, made)
        self.stdout.write(
            f"Holdout of {ahead:.1f} units: {foretold.sum():,.0f} purchases foretold, {made.sum():,} made; "
            f"mean error a member {np.abs(foretold - made).mean():.3f}.\n"
            "repeat purchases   members  foretold      made"
        )
        for one in bins:
            label = f"{one.x}{'+' if one.is_or_more else ''}"
            self.stdout.write(f"{label:>16} {one.members:>9,} {one.foretold:>9.3f} {one.made:>9.3f}")
        return {
            "units": ahead, "foretold": float(foretold.sum()), "made": int(made.sum()),
            "bins": [asdict(one) for one in bins],
        }  # fmt: skip


def _day(text: str) -> int:
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError as error:
        raise CommandError(f"“{text}” is not a date; write it like 1997-09-30.") from error


def _made(lines, codes: np.ndarray, end: int, days: int) -> np.ndarray:
    """Days with a purchase of each member in the holdout."""
    inside = (lines.day > end) & (lines.day <= end + days)
    visits = np.unique(np.column_stack([lines.member[inside], lines.day[inside]]), axis=0)
    at = np.searchsorted(codes, visits[:, 0]) if len(visits) else np.zeros(0, int)
    known = np.flatnonzero((at < len(codes)) & (codes[np.minimum(at, len(codes) - 1)] == visits[:, 0]))
    return np.bincount(at[known], minlength=len(codes))
