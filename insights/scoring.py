"""Scores of every member, written as rows of a run; what is not better than its rival is kept, refused and not read."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from django.db import connection, transaction
from django.utils.translation import gettext as _

from insights import churn, drivers, rfm, value
from insights.kin import REFUSING, ROOTS
from insights.models import ScoreKind, ScoreRun
from insights.regression import auc

SEED = 20_171
HORIZON_DAYS = 90
CHURN_DAYS = 28
SOON_DAYS = 42  # replenishments further ahead are not written
LOOK_ALIKES_MIN = 20
TIMES_MIN = 4  # purchases of a type that make a rhythm
COLUMNS = ("run_id", "member_id", "category_id", "value", "low", "high", "on", "reason_code", "reason_params")
EPOCH = date(1970, 1, 1)

# Whoever said no to personal recommendations (REFUSING) is not scored.
_DAYS = f"""
    WITH RECURSIVE {ROOTS}
    SELECT m.id, floor(extract(epoch FROM p.purchased_at) / 86400)::int,
           sum(p.total_minor)::float8, count(*) FILTER (WHERE p.kind = 2), count(*) FILTER (WHERE p.kind = 1)
      FROM sales_purchase p LEFT JOIN roots r ON r.id = p.member_id
      JOIN members_member m ON m.id = coalesce(r.root, p.member_id) AND m.status = 'active'
     WHERE p.purchased_at < %(at)s AND p.currency = %(currency)s AND m.id NOT IN ({REFUSING})
     GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608 - no text from outside
_RHYTHMS = f"""
    WITH RECURSIVE {ROOTS}
    SELECT member_id, category_id, count(*), min(day), max(day) FROM (
        SELECT DISTINCT m.id AS member_id, t.category_id, floor(extract(epoch FROM p.purchased_at) / 86400)::int AS day
          FROM sales_purchase p LEFT JOIN roots r ON r.id = p.member_id
          JOIN members_member m ON m.id = coalesce(r.root, p.member_id) AND m.status = 'active'
          JOIN sales_purchaseline l ON l.purchase_id = p.id AND l.quantity > 0
          JOIN sales_product t ON t.id = l.product_id AND NOT t.is_service
         WHERE p.kind = 1 AND p.purchased_at < %(at)s AND t.category_id IS NOT NULL
           AND m.id NOT IN ({REFUSING})
    ) days GROUP BY 1, 2 HAVING count(*) >= {TIMES_MIN} ORDER BY 1, 2
"""  # noqa: S608 - no text from outside


class NothingToScore(Exception):
    """No member bought anything in this currency before the moment asked about."""


@transaction.atomic
def refresh_scores(
    *, at: datetime, currency: str, horizon_days: int = HORIZON_DAYS, seed: int = SEED
) -> dict[str, ScoreRun]:
    """Score every member as of `at`; the run of each kind, live or refused. Raises NothingToScore.

    Members without purchases and those who refused profiling have no scores. Scores of earlier runs stay.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('insights.scores'))")
        cursor.execute(_DAYS, {"at": at, "currency": currency})
        rows = np.array(cursor.fetchall(), float).reshape(-1, 5)
        cursor.execute(_RHYTHMS, {"at": at})
        rhythms = np.array(cursor.fetchall(), np.int64).reshape(-1, 5)
    bought = rows[:, 4] > 0
    if not bought.any():
        raise NothingToScore(_("No member bought anything in %(currency)s before that day.") % {"currency": currency})
    today = int(at.timestamp() // 86_400)
    days = churn.Days(
        rows[bought, 0].astype(np.int64), rows[bought, 1].astype(np.int64), rows[bought, 2], rows[bought, 3]
    )
    of = churn.rhythm(days, at=today, window=CHURN_DAYS)
    about = {"at": at, "currency": currency, "code_version": code_version()}
    runs = _cells(of, about) | _values(days, today, horizon_days, seed, about) | _churn(days, of, today, seed, about)
    return runs | _next_purchases(of, today, about) | _replenishments(rhythms, today, about) | _drivers(about)


@transaction.atomic
def score_look_alikes(
    *, subject: str, member_ids: Iterable[int], at: datetime, currency: str, seed: int = SEED
) -> ScoreRun:
    """How much each member buys like the chosen ones (a probability); `subject` names them, such as audience:3.

    The run is live only where, on members left out of the fit, the chosen are ranked above the others better than chance (the
    lower end of the 95 % interval of AUC lies above one half). Raises NothingToScore.
    """
    of = _rhythm_of_all(at, currency)
    chosen = np.isin(of.members, np.fromiter(member_ids, np.int64))
    if min(chosen.sum(), (~chosen).sum()) < LOOK_ALIKES_MIN:
        raise NothingToScore(
            _("At least %(count)s of the chosen members, and as many others, must have bought something.")
            % {"count": LOOK_ALIKES_MIN}
        )
    features = of.features()
    half = np.random.default_rng(seed).random(len(chosen)) < 0.5
    unseen = np.zeros(len(chosen))
    for fold in (half, ~half):
        unseen[fold] = churn.probabilities(features[~fold], chosen[~fold], features[fold])
    reached = auc(unseen, chosen)
    low = reached - 1.96 * np.sqrt(reached * (1 - reached) / min(chosen.sum(), (~chosen).sum()))
    about = {"at": at, "currency": currency, "code_version": code_version(), "subject": subject}
    metrics = {"auc": round(reached, 4), "low": round(float(low), 4), "chosen": int(chosen.sum())}
    run = _run(ScoreKind.LOOK_ALIKE, "logistic", about, metrics=metrics, is_published=bool(low > 0.5))
    found = churn.probabilities(features, chosen, features)
    _write(
        run, ((m, None, v, None, None, None, "", {}) for m, v in zip(of.members.tolist(), found.tolist(), strict=True))
    )
    return run


def _rhythm_of_all(at: datetime, currency: str) -> churn.Rhythm:
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, {"at": at, "currency": currency})
        rows = np.array(cursor.fetchall(), float).reshape(-1, 5)
    member, day, spent, returns, _sales = rows[rows[:, 4] > 0].T
    days = churn.Days(member.astype(np.int64), day.astype(np.int64), spent, returns)
    return churn.rhythm(days, at=int(at.timestamp() // 86_400), window=CHURN_DAYS)


def code_version() -> str:
    digest = hashlib.sha256()
    for name in ("scoring", "value", "churn", "rfm", "regression"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def _cells(of: churn.Rhythm, about: dict) -> dict[str, ScoreRun]:
    found = rfm.cells(of.since_last, of.visits, of.spent)
    run = _run(ScoreKind.RFM, "fifths", about, metrics={"members": len(found)})
    _write(
        run, ((m, None, v, None, None, None, "", {}) for m, v in zip(of.members.tolist(), found.tolist(), strict=True))
    )
    return {ScoreKind.RFM: run}


def _values(days: churn.Days, today: int, horizon_days: int, seed: int, about: dict) -> dict[str, ScoreRun]:
    """Purchases, p(alive) and value by BG/NBD and Gamma–Gamma; nothing where they cannot be fitted."""
    codes, seen = value.histories(days.member, days.day, days.spent, end=today)
    try:
        buying, paying = value.fit_bg_nbd(*seen.binned()), value.fit_gamma_gamma(seen)
    except value.CannotFit:
        return {}
    found = value.foretell(seen, buying=buying, paying=paying, horizon=horizon_days / 7, seed=seed)
    told = {"bg_nbd": value.as_json(buying), "gamma_gamma": value.as_json(paying), "unit": "week"}
    metrics = _value_metrics(days, today, horizon_days)
    about = {**about, "horizon_days": horizon_days}
    reasons = [("bought_again", {"times": int(x), "weeks": round(age - tx, 1)})
               for x, tx, age in zip(seen.x, seen.tx, seen.age, strict=True)]  # fmt: skip
    columns = {
        ScoreKind.PURCHASES: (found.purchases, found.purchases_low, found.purchases_high),
        ScoreKind.ALIVE: (found.alive, found.alive, found.alive),
        ScoreKind.VALUE: (found.value, found.value_low, found.value_high),
    }
    runs = {}
    for kind, (middle, low, high) in columns.items():
        runs[kind] = _run(kind, "bg_nbd", about, parameters=told, metrics=metrics)
        bounded = kind != ScoreKind.ALIVE
        _write(runs[kind], (
            (m, None, v, lo if bounded else None, hi if bounded else None, None, *why)
            for m, v, lo, hi, why in zip(
                codes.tolist(), middle.tolist(), low.tolist(), high.tolist(), reasons, strict=True
            )
        ))  # fmt: skip
    return runs


def _value_metrics(days: churn.Days, today: int, horizon_days: int) -> dict:
    """How the same model, fitted one horizon ago, foretold the horizon since: sums, and bins for the calibration plot."""
    end = today - horizon_days
    codes, seen = value.histories(days.member, days.day, days.spent, end=end)
    try:
        buying = value.fit_bg_nbd(*seen.binned())
    except value.CannotFit:
        return {}
    later = np.isin(days.member, codes) & (days.day > end)
    made = np.bincount(np.searchsorted(codes, days.member[later]), minlength=len(codes))
    foretold = buying.purchases(seen, horizon_days / 7)
    bins = [asdict(one) for one in value.holdout_bins(seen.x, foretold, made)]
    return {"members": len(codes), "foretold": round(float(foretold.sum()), 1), "made": int(made.sum()), "bins": bins}


def _churn(days: churn.Days, of: churn.Rhythm, today: int, seed: int, about: dict) -> dict[str, ScoreRun]:
    verdict = churn.judge(days, at=today, horizon=CHURN_DAYS, seed=seed)
    if verdict is None:
        return {}
    words = _("AUC %(ours).3f against %(rule).3f of the rule of recency on %(members)s members, difference %(low).3f to %(high).3f.") % {
        "ours": verdict.auc, "rule": verdict.rival_auc, "members": f"{verdict.members:,}", "low": verdict.low, "high": verdict.high,
    }  # fmt: skip
    run = _run(
        ScoreKind.CHURN, "logistic", {**about, "horizon_days": CHURN_DAYS}, metrics=verdict.as_json(), verdict=words,
        parameters={"weights": [round(float(w), 5) for w in verdict.weights]}, is_published=verdict.is_better,
    )  # fmt: skip
    risks = verdict.risks(of)
    _write(run, (
        (m, None, v, None, None, None, *why)
        for m, v, why in zip(of.members.tolist(), risks.tolist(), churn.reasons(of), strict=True)
    ))  # fmt: skip
    return {ScoreKind.CHURN: run}


def _next_purchases(of: churn.Rhythm, today: int, about: dict) -> dict[str, ScoreRun]:
    """When each member who came twice is likely to come next: their own gap after their last day, tomorrow at the earliest."""
    again = np.flatnonzero(of.visits > 1)
    ahead = np.maximum(np.round(of.gap - of.since_last), 1).astype(int)
    run = _run(ScoreKind.NEXT_PURCHASE, "own_gap", about, metrics={"members": len(again)})
    _write(run, (
        (int(of.members[n]), None, int(ahead[n]), None, None, _date(today + int(ahead[n])), "own_rhythm",
         {"usual": round(float(of.gap[n])), "days": int(of.since_last[n])})
        for n in again.tolist()
    ))  # fmt: skip
    return {ScoreKind.NEXT_PURCHASE: run}


def _replenishments(rhythms: np.ndarray, today: int, about: dict) -> dict[str, ScoreRun]:
    """When a product type is needed again: the member's mean gap for it after the last purchase, where that is not long past."""
    member, category, times, first, last = rhythms.T
    gap = np.maximum((last - first) / np.maximum(times - 1, 1), 1.0)
    ahead = np.round(last + gap - today).astype(int)
    soon = np.flatnonzero((ahead <= SOON_DAYS) & (today - last <= 2 * gap + 7))
    run = _run(ScoreKind.REPLENISHMENT, "own_gap", about, metrics={"rows": len(soon)})
    _write(run, (
        (int(member[n]), int(category[n]), max(int(ahead[n]), 0), None, None, _date(today + max(int(ahead[n]), 0)), "own_rhythm",
         {"usual": round(float(gap[n])), "days": int(today - last[n])})
        for n in soon.tolist()
    ))  # fmt: skip
    return {ScoreKind.REPLENISHMENT: run}


def _drivers(about: dict) -> dict[str, ScoreRun]:
    """What each member seems to look for, as ranks among members; a driver that nothing speaks of has no run."""
    with connection.cursor() as cursor:
        cursor.execute(
            drivers.COUNTS.format(roots=ROOTS, refusing=REFUSING),
            {
                "at": about["at"],
                "currency": about["currency"],
                "days": drivers.WINDOW_DAYS,
                "down": drivers.MARKED_DOWN,
            },
        )
        rows = np.array(cursor.fetchall(), float).reshape(-1, 7)
    member, priced, down, branded, own, meetings, days = rows.T
    counted = {
        ScoreKind.PRICE_DRIVEN: ("marked_down", down, priced), ScoreKind.BRAND_DRIVEN: ("own_brand", own, branded),
        ScoreKind.SERVICE_DRIVEN: ("meetings", meetings, days),
    }  # fmt: skip
    runs = {}
    for kind, (code, times, of) in counted.items():
        found = drivers.driver(member.astype(np.int64), times, of)
        if not len(found.members) or not times.any():
            continue
        runs[kind] = _run(kind, "shares", about, metrics={"members": len(found.members)})
        _write(runs[kind], (
            (m, None, round(float(rank), 5), None, None, None, code, {"percent": round(100 * share, 1), "of": int(n)})
            for m, rank, share, n in zip(
                found.members.tolist(), found.rank.tolist(), found.share.tolist(), found.counted.tolist(), strict=True
            )
        ))  # fmt: skip
    return runs


def _run(kind: str, model: str, about: dict, *, is_published: bool = True, **told) -> ScoreRun:
    status = ScoreRun.Status.REFUSED
    if is_published:
        subject = about.get("subject", "")
        live = ScoreRun.objects.filter(kind=kind, subject=subject, status=ScoreRun.Status.LIVE)
        live.update(status=ScoreRun.Status.RETIRED)
        status = ScoreRun.Status.LIVE
    return ScoreRun.objects.create(kind=kind, model=model, status=status, **about, **told)


def _write(run: ScoreRun, rows: Iterator[tuple]):
    """Rows of (member, category, value, low, high, on, reason, parameters), by COPY."""
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY insights_score ({columns}) FROM STDIN") as copy:
        for *row, params in rows:
            copy.write_row((run.pk, *row, json.dumps(params)))


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)
