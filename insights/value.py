"""How often a member will buy, whether they still do, and what it is worth. Arrays in, frozen results out.

Purchases follow BG/NBD (Fader, Hardie & Lee, Marketing Science 2005): while a member is alive they buy at a rate of their
own, and after each purchase they may leave; rates are Gamma(r, α) and chances of leaving Beta(a, b) over members. What a
purchase is worth follows Gamma–Gamma (Fader & Hardie 2013). Both are fitted by maximum likelihood; members with the same
numbers are counted once, so that a million of them cost as much as some ten thousand.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import optimize, special

DRAWS = 400
SHRUNK = 1e-9  # keeps parameters from running away where data say nothing
LIMITS = (np.log(1e-4), np.log(1e5))


class CannotFit(ValueError):
    """Too little was bought to fit a model of value; says what is missing."""


@dataclass(frozen=True, eq=False)
class History:
    """What BG/NBD needs of each member, parallel arrays over `units` of time (weeks, days).

    `x` counts repeat days of purchase (the first day is not one), `tx` is the time from the first to the last, `age` from
    the first to the end of what was seen; `value` is the mean spent on a repeat day, 0 without any.
    """

    x: np.ndarray
    tx: np.ndarray
    age: np.ndarray
    value: np.ndarray

    def binned(self) -> "tuple[History, np.ndarray]":
        """Times rounded to whole units; members alike counted once. The counts come beside."""
        key = np.column_stack([self.x, np.round(self.tx), np.round(self.age)])
        rows, counts = np.unique(key, axis=0, return_counts=True)
        x, tx, age = rows.T
        return History(x, np.minimum(tx, age), age, np.zeros(len(x))), counts.astype(float)


def histories(member, day, total, *, end: int, unit_days: float = 7.0) -> tuple[np.ndarray, History]:
    """Histories up to and with day `end`, from parallel arrays of purchases; the members' codes come first, ascending.

    What a member bought on one day is one purchase; `day` counts whole days, `total` is money.
    """
    member, day, total = (np.asarray(column) for column in (member, day, total))
    seen = day <= end
    visits, of = np.unique(member[seen].astype(np.int64) * (1 << 20) + (day[seen] + (1 << 16)), return_inverse=True)
    spent = np.bincount(of, total[seen], len(visits))
    codes, start = np.unique(visits >> 20, return_index=True)
    days = (visits & ((1 << 20) - 1)) - (1 << 16)
    size = np.diff(np.r_[start, len(visits)])
    first, last = days[start], days[start + size - 1]
    whole = np.add.reduceat(spent, start) if len(spent) else spent
    repeats = size - 1
    value = np.where(repeats > 0, (whole - spent[start]) / np.maximum(repeats, 1), 0.0)
    return codes, History(repeats.astype(float), (last - first) / unit_days, (end - first) / unit_days, value)


@dataclass(frozen=True)
class BgNbd:
    """Fitted parameters: rates Gamma(r, alpha) a unit of time, chances of leaving Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def alive(self, of: History) -> np.ndarray:
        """P(alive) at the end of what was seen. It is 1 for whoever bought once: never rank all members by it."""
        return 1 / (1 + self._left(of))

    def purchases(self, of: History, horizon: float) -> np.ndarray:
        """Expected purchases within `horizon` units after the end (equation 10 of the paper)."""
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        x, age = of.x, of.age
        z = horizon / (self.alpha + age + horizon)
        series = special.hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, z)
        shrink = np.exp((self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + age + horizon)))
        found = (a + self.b + x - 1) / (a - 1) * (1 - shrink * series) / (1 + self._left(of))
        return np.maximum(np.nan_to_num(found, nan=0.0, posinf=0.0), 0.0)

    def draw(self, of: History, horizon: float, chance: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
        """Possible futures, (draws, members): while alive, Poisson at one's rate, until one leaves."""
        size = (draws, len(of.x))
        rate = chance.gamma(self.r + of.x, 1 / (self.alpha + of.age), size)
        leaving = np.maximum(chance.beta(self.a, self.b + of.x, size), 1e-9)
        bought = np.minimum(chance.poisson(rate * horizon), chance.geometric(leaving))
        return np.where(chance.random(size) < self.alive(of), bought, 0)

    def _left(self, of: History) -> np.ndarray:
        """The odds of having left."""
        odds = (self.r + of.x) * (np.log(self.alpha + of.age) - np.log(self.alpha + of.tx))
        odds += np.log(self.a) - np.log(self.b + np.maximum(of.x, 1) - 1)
        return np.where(of.x > 0, np.exp(np.minimum(odds, 700)), 0.0)


@dataclass(frozen=True)
class GammaGamma:
    """Fitted parameters of what a purchase is worth: z ~ Gamma(p, ν), ν ~ Gamma(q, v)."""

    p: float
    q: float
    v: float
    log_likelihood: float
    correlation: float  # of frequency and value among repeat buyers; the model assumes it is near 0

    def mean_value(self, of: History) -> np.ndarray:
        """Expected worth of a future purchase; the mean of all where the member says nothing yet."""
        weight = self.p * of.x
        return self.p * (self.v + of.x * of.value) / np.maximum(weight + self.q - 1, 1e-6)

    def draw(self, of: History, chance: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
        """Possible mean values, (draws, members)."""
        return self.p / chance.gamma(self.p * of.x + self.q, 1 / (self.v + of.x * of.value), (draws, len(of.x)))


def fit_bg_nbd(of: History, counts: np.ndarray | None = None) -> BgNbd:
    """Maximum likelihood; `counts` says how many members each row stands for. Raises CannotFit."""
    counts = np.ones(len(of.x)) if counts is None else counts
    if not len(of.x) or not (of.x > 0).any():
        raise CannotFit("Nobody bought twice before the end of the calibration: choose a later --calibration-end.")
    if not (of.age > 0).all():
        of, counts = _kept(of, of.age > 0), counts[of.age > 0]
    total = counts.sum()

    def loss(logs):
        likelihood, gradient = _bg_nbd_likelihood(np.exp(logs), of, counts)
        return -likelihood / total + SHRUNK * (logs**2).sum(), -gradient / total + 2 * SHRUNK * logs

    best = None
    for start in ((0.0, 1.0, 0.0, 1.0), (-1.0, 2.0, -0.5, 0.5)):
        found = optimize.minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=[LIMITS] * 4, options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8}
        )  # fmt: skip
        best = found if best is None or found.fun < best.fun else best
        if total > 10_000:
            break
    likelihood, _ = _bg_nbd_likelihood(np.exp(best.x), of, counts)
    return BgNbd(*(float(v) for v in np.exp(best.x)), float(likelihood))


def _bg_nbd_likelihood(parameters, of: History, counts: np.ndarray) -> tuple[float, np.ndarray]:
    """Σ counts × log-likelihood (equation 6 of the paper) and its gradient by the logarithms of the parameters."""
    r, alpha, a, b = parameters
    x, tx, age = of.x, of.tx, of.age
    again = np.maximum(x, 1)
    common = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    common += special.gammaln(a + b) + special.gammaln(b + x) - special.gammaln(b) - special.gammaln(a + b + x)
    stays = -(r + x) * np.log(alpha + age)
    leaves = np.where(x > 0, np.log(a) - np.log(b + again - 1) - (r + x) * np.log(alpha + tx), -np.inf)
    either = np.logaddexp(stays, leaves)
    share = np.exp(leaves - either)  # of the likelihood that comes from having left
    digamma = special.digamma
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - (1 - share) * np.log(alpha + age) - share * np.log(alpha + tx)
    by_alpha = r / alpha - (r + x) * ((1 - share) / (alpha + age) + share / (alpha + tx))
    by_a = digamma(a + b) - digamma(a + b + x) + share / a
    by_b = digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - share / (b + again - 1)
    gradient = np.array([(counts * part).sum() for part in (by_r, by_alpha, by_a, by_b)]) * parameters
    return float((counts * (common + either)).sum()), gradient


def fit_gamma_gamma(of: History) -> GammaGamma:
    """Maximum likelihood over members who bought again and paid something. Raises CannotFit."""
    of = _kept(of, (of.x > 0) & (of.value > 0))
    if len(of.x) < 3:
        raise CannotFit("Fewer than three members bought again and paid: too few to say what a purchase is worth.")
    scale = float(of.value.mean())  # so that money in cents fits as well as money in thousands
    x, z = of.x, of.value / scale

    def loss(logs):
        return -_gamma_gamma_likelihood(np.exp(logs), x, z).mean() + SHRUNK * (logs**2).sum()

    found = optimize.minimize(
        loss, (1.0, 1.0, 0.0), method="L-BFGS-B", bounds=[LIMITS] * 3, options={"maxiter": 500, "ftol": 1e-13}
    )
    p, q, v = (float(value) for value in np.exp(found.x))
    likelihood = float((_gamma_gamma_likelihood((p, q, v), x, z) - np.log(scale)).sum())
    varies = x.std() > 0 and z.std() > 0
    return GammaGamma(p, q, v * scale, likelihood, float(np.corrcoef(x, z)[0, 1]) if varies else 0.0)


def _gamma_gamma_likelihood(parameters, x, z) -> np.ndarray:
    p, q, v = parameters
    gammaln = special.gammaln
    return (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        + (p * x - 1) * np.log(z) + p * x * np.log(x) - (p * x + q) * np.log(x * z + v)
    )  # fmt: skip


def _kept(of: History, mask: np.ndarray) -> History:
    return History(of.x[mask], of.tx[mask], of.age[mask], of.value[mask])


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is foretold of each member: parallel arrays. Intervals are of 95 %, of what may happen, not of the mean."""

    alive: np.ndarray
    purchases: np.ndarray
    purchases_low: np.ndarray
    purchases_high: np.ndarray
    value: np.ndarray
    value_low: np.ndarray
    value_high: np.ndarray


def foretell(
    of: History,
    *,
    buying: BgNbd,
    paying: GammaGamma,
    horizon: float,
    seed: int,
    draws: int = DRAWS,
    chunk: int = 20_000,
) -> Forecast:
    """Expectations, and the 2.5 % and 97.5 % quantiles of simulated futures, widened to hold the expectation."""
    expected = buying.purchases(of, horizon)
    value = expected * paying.mean_value(of)
    chance, bounds = np.random.default_rng(seed), []
    for start in range(0, len(of.x), chunk):
        part = _kept(of, np.s_[start : start + chunk])
        bought = buying.draw(part, horizon, chance, draws)
        worth = bought * paying.draw(part, chance, draws)
        bounds.append([*np.quantile(bought, [0.025, 0.975], axis=0), *np.quantile(worth, [0.025, 0.975], axis=0)])
    low, high, poor, rich = np.concatenate(bounds, axis=1) if bounds else np.zeros((4, 0))
    return Forecast(
        buying.alive(of), expected, np.minimum(low, expected), np.maximum(high, expected), value, np.minimum(poor, value),
        np.maximum(rich, value),
    )  # fmt: skip


@dataclass(frozen=True)
class HoldoutBin:
    """Members with the same number of repeat purchases: purchases foretold and made in the holdout, means a member."""

    x: int
    is_or_more: bool
    members: int
    foretold: float
    made: float


def holdout_bins(x: np.ndarray, foretold: np.ndarray, made: np.ndarray, *, most: int = 7) -> list[HoldoutBin]:
    """The calibration plot of the field: purchases foretold and made, by purchases before."""
    group = np.minimum(x, most).astype(int)
    return [
        HoldoutBin(
            n, n == most, int((group == n).sum()), float(foretold[group == n].mean()), float(made[group == n].mean())
        )
        for n in range(most + 1)
        if (group == n).any()
    ]


def as_json(model) -> dict:
    return {name: round(value, 6) for name, value in asdict(model).items()}
