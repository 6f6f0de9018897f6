"""What an outcome depends on: a Bayesian linear model of each group of offers, groups about a common mean. Arrays in, arrays out.

An outcome y (bought or not, or a reward in money) of an offer of group g in the circumstances φ, F numbers of which the first is 1:

    y = φ · θ_g + noise,  θ_g ~ N(β, diag τ),  β ~ N(0, wide)

so that a new group starts from all groups and leaves them as evidence comes in. How far groups differ in each number (τ) and the noise
are estimated from the data (EM; Dempster, Laird & Rubin 1977), so that circumstances which change nothing cost next to nothing. All it needs
of the outcomes is their number, Σφφᵀ, Σφy and Σy² by group: sums of different lessons add up, and a lesson can be taken out again.
Draws are from the exact joint posterior of all groups given τ and the noise: first β, then each group about it (Agrawal & Goyal 2013
draw each arm by itself). Linear in a probability on purpose: only *differences* of probabilities are used, and sums need no refitting.
"""

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from recommender.sampling import DRAWS

ROUNDS = 100  # of EM
STRENGTH = 1.0  # group's worth of belief that groups differ a little, so that this belief never dies
USUAL_SPREAD = 1 / 100  # that little, as a share of the outcome's variance
BASELINES = 32  # draws of what is bought anyway, for the doubt that all rewards share
WIDE = 10.0  # prior variance of the common mean, in the outcome's variance


@dataclass(frozen=True, eq=False)
class Sums:
    """Of one group's outcomes: how many, Σy², Σφy shape (F,), Σφφᵀ shape (F, F)."""

    n: float
    squares: float
    moment: np.ndarray
    gram: np.ndarray

    @classmethod
    def of(cls, known: np.ndarray, outcomes: np.ndarray) -> "Sums":
        """`known` (n, F), `outcomes` (n,)."""
        return cls(float(len(outcomes)), float((outcomes**2).sum()), known.T @ outcomes, known.T @ known)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.n + other.n, self.squares + other.squares, self.moment + other.moment, self.gram + other.gram)


@dataclass(frozen=True, eq=False)
class Common:
    """What is believed of all groups: mean (F,) and Cholesky factor (F, F) of β, and the spread τ (F,) of groups about it."""

    mean: np.ndarray
    factor: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Own:
    """What is believed of one group given β: its mean is `start` (F,) + `pull` (F, F) β, about which it is doubted by `factor` (F, F)."""

    start: np.ndarray
    pull: np.ndarray
    factor: np.ndarray

    def mean(self, common: np.ndarray) -> np.ndarray:
        return self.start + self.pull @ common


@dataclass(frozen=True, eq=False)
class Tastes:
    """The posterior: of all groups, and of each that outcomes speak of."""

    common: Common
    groups: dict[Hashable, Own]

    def of(self, group: Hashable) -> Own:
        """A group nothing is known of is like all."""
        unknown = Own(
            np.zeros_like(self.common.mean), np.eye(len(self.common.mean)), np.diag(np.sqrt(self.common.spread))
        )
        return self.groups.get(group, unknown)

    def mean(self, group: Hashable) -> np.ndarray:
        """Expected θ of a group, shape (F,)."""
        return self.of(group).mean(self.common.mean)

    def draws(self, groups: Iterable[Hashable], number: int, said: str) -> dict[Hashable, np.ndarray]:
        """Draws of θ, group → (number, F), jointly over all groups asked now or later for the same word `said`.

        Each group's part of chance is its own, so who asks for three groups gets the same as who asks for three hundred.
        """
        common = self.common.mean + _chance(said, number, len(self.common.mean)) @ self.common.factor.T
        found = {}
        for group in groups:
            own = self.of(group)
            noise = _chance(f"{said}:{group}", number, len(own.start))
            found[group] = own.start + common @ own.pull.T + noise @ own.factor.T
        return found


@dataclass(frozen=True, eq=False)
class Effects:
    """What is believed of the offers of one slot, and what would come of them without: (F,) by group, and of any other group.

    The first is drawn, the second taken at its mean: showing other offers teaches nothing of those who are held out.
    """

    offered: Tastes
    anyway: dict[Hashable, np.ndarray]
    anyway_else: np.ndarray
    held_out: Tastes | None = None
    """The whole of what those who are held out taught, where it was just fitted."""

    @classmethod
    def taught(cls, shown: dict[Hashable, Sums], held_out: dict[Hashable, Sums]) -> "Effects":
        """From sums by group; where nobody was held out, nothing is taken off."""
        offered = fit(shown)
        if not held_out:
            return cls(offered, {}, np.zeros_like(offered.common.mean))
        without = fit(held_out)
        means = {group: without.mean(group) for group in shown.keys() | held_out.keys()}
        return cls(offered, means, without.common.mean, without)

    def without(self, group: Hashable) -> np.ndarray:
        return self.anyway.get(group, self.anyway_else)

    def worth(self, known: np.ndarray, group: np.ndarray, margin: np.ndarray, said: str) -> np.ndarray:
        """Incremental margin of each offer by each draw, shape (m, `DRAWS`, n).

        Of circumstances (m, n, F), ids of groups and margins (m, n); chance belongs to the word `said`.
        """
        ids, column = np.unique(group, return_inverse=True)
        drawn = self.offered.draws(ids.tolist(), DRAWS, said)
        flat, of = known.reshape(-1, known.shape[2]), column.reshape(-1)
        found = np.zeros((len(flat), DRAWS))
        for at, one in enumerate(ids.tolist()):
            found[of == at] = flat[of == at] @ (drawn[one] - self.without(one)).T
        return found.reshape(*group.shape, DRAWS).transpose(0, 2, 1) * margin[:, None, :]


def held_out(believed: Tastes, shown: tuple[np.ndarray, np.ndarray], said: str) -> tuple[np.ndarray, np.ndarray]:
    """The probability that what was shown is bought anyway (m,), and draws of how wrong that is (m, `BASELINES`).

    `shown`: circumstances (m, F) and groups (m,); chance belongs to the word `said`.
    """
    known, group = shown
    expected, wrong = np.zeros(len(known)), np.zeros((len(known), BASELINES))
    for one, drawn in believed.draws(np.unique(group).tolist(), BASELINES, said).items():
        here, mean = group == one, believed.mean(one)
        expected[here], wrong[here] = known[here] @ mean, known[here] @ (drawn - mean).T
    return np.clip(expected, 0.0, 1.0), wrong


def _chance(said: str, number: int, width: int) -> np.ndarray:
    """Standard normal numbers that belong to a word."""
    seed = list(hashlib.md5(said.encode(), usedforsecurity=False).digest())
    return np.random.default_rng(seed).normal(size=(number, width))


def fit(sums: dict[Hashable, Sums], *, rounds: int = ROUNDS) -> Tastes:
    """The posterior given all sums, at least one of them with an outcome."""
    names = sorted(sums, key=str)
    n, squares = (np.array([getattr(sums[name], part) for name in names]) for part in ("n", "squares"))
    moment, gram = (np.array([getattr(sums[name], part) for name in names]) for part in ("moment", "gram"))
    width = moment.shape[1]
    overall = float(moment[:, 0].sum() / n.sum())
    usual = max(float(squares.sum() / n.sum()) - overall**2, 1e-6)
    spread, noise = np.full(width, USUAL_SPREAD * usual), usual
    for _ in range(rounds):
        step = _posterior(gram, moment, (spread, noise, usual))
        means, apart, covariances, doubts = step.means()
        differs = (apart**2 + np.einsum("gjj->gj", doubts)).sum(axis=0)
        spread = (differs + STRENGTH * USUAL_SPREAD * usual) / (len(names) + STRENGTH)
        left = squares.sum() - 2 * (means * moment).sum() + np.einsum("gij,gij->", gram, covariances)
        left += np.einsum("gi,gij,gj->", means, gram, means)
        noise = max((left + STRENGTH * usual) / (n.sum() + STRENGTH), 1e-3 * usual)
    return _posterior(gram, moment, (spread, noise, usual)).told(names, spread)


@dataclass(frozen=True, eq=False)
class _Posterior:
    """β: mean, covariance; θ_g given β: start + pull β, with covariance `own`."""

    mean: np.ndarray
    covariance: np.ndarray
    start: np.ndarray
    pull: np.ndarray
    own: np.ndarray

    def means(self):
        """Of θ_g, and of θ_g − β; the covariances of both."""
        means = self.start + self.pull @ self.mean
        about = self.pull - np.eye(len(self.mean))
        covariances = self.own + self.pull @ self.covariance @ self.pull.transpose(0, 2, 1)
        doubts = self.own + about @ self.covariance @ about.transpose(0, 2, 1)
        return means, means - self.mean, covariances, doubts

    def told(self, names: list, spread: np.ndarray) -> Tastes:
        factors = np.linalg.cholesky(self.own)
        groups = {
            name: Own(*parts)
            for name, parts in zip(names, zip(self.start, self.pull, factors, strict=True), strict=True)
        }
        return Tastes(Common(self.mean, np.linalg.cholesky(self.covariance), spread), groups)


def _posterior(gram: np.ndarray, moment: np.ndarray, scale: tuple[np.ndarray, float, float]) -> _Posterior:
    spread, noise, usual = scale
    pulls = np.diag(1 / spread)
    own = _symmetric(np.linalg.inv(gram / noise + pulls))
    pull = own @ pulls
    start = np.einsum("gij,gj->gi", own, moment / noise)
    precision = (pulls - pulls @ pull).sum(axis=0) + np.eye(len(spread)) / (WIDE * usual)
    covariance = _symmetric(np.linalg.inv(_symmetric(precision)))
    return _Posterior(covariance @ (pulls @ start.sum(axis=0)), covariance, start, pull, own)


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    return (matrix + np.swapaxes(matrix, -1, -2)) / 2
