"""The second of two stages: from features to the probability that a candidate is bought. Two learners with one shape."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from scipy.optimize import isotonic_regression

from insights.regression import logistic_regression
from recommender.nets import Network

THREADS = 1  # threads of two programs that wait for each other on shared cores cost more than they save
BINS = 15
KINDS = ("likely", "ordering")  # of trees


class Learner(Protocol):
    """Learns a probability from rows of features.

    `fit(features, label, weight, question)` takes float32 (n, F), bool (n,), float (n,) and, where what comes out will be put to
    scale, the question of each row, ascending; `probabilities(features)` gives (n,) in (0, 1). `state` is what was learned, as plain
    arrays.
    """

    name: ClassVar[str]

    def fit(
        self, features: np.ndarray, label: np.ndarray, weight: np.ndarray, question: np.ndarray | None = None
    ) -> Self: ...

    def probabilities(self, features: np.ndarray) -> np.ndarray: ...

    def state(self) -> dict[str, np.ndarray]: ...

    def restore(self, state: dict[str, np.ndarray]) -> Self: ...


def is_lightgbm_here() -> bool:
    """Can LightGBM be loaded? It needs libgomp, which a small machine may lack."""
    try:
        import lightgbm  # noqa: F401 - a look is enough
    except (ImportError, OSError):
        return False
    return True


@dataclass
class Trees:
    """Gradient-boosted trees (Ke et al., NeurIPS 2017) with a logistic loss: probabilities as they are, no squeezing after.

    Where it is told which rows belong to one question, trees that order each question's rows (LambdaMART; Burges 2010) have a say of
    `order_share` beside them, and networks that order them (`nets`) one of `net_share`, all on the scale of log-odds. What comes out then is
    a score: `Scale` says what it means. Of each kind `crowd` are taught, each on draws of its own, and averaged: what one makes of
    chance, another does not.
    """

    seed: int
    rounds: int = 100
    order_rounds: int = 60
    order_share: float = 0.8
    net_share: float = 2.0
    crowd: int = 3
    name: ClassVar[str] = "lightgbm"

    def fit(
        self, features: np.ndarray, label: np.ndarray, weight: np.ndarray, question: np.ndarray | None = None
    ) -> Self:
        self._likely = self._grown(features, label, self.rounds, {"objective": "binary"}, weight=weight)
        self._ordering, self._nets = [], []
        if question is not None and self.order_rounds:
            sizes = np.unique(question, return_counts=True)[1]
            said = {"objective": "lambdarank", "lambdarank_truncation_level": 20}
            self._ordering = self._grown(features, label, self.order_rounds, said, group=sizes)
            self._nets = [Network(self.seed + nth).fit(features, label, weight, question) for nth in range(self.crowd)]
        return self

    def _grown(self, features: np.ndarray, label: np.ndarray, rounds: int, objective: dict, **data) -> list:
        import lightgbm

        said = objective | {
            "learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": max(20, min(200, len(label) // 500)),
            "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 63,
            "num_threads": THREADS, "seed": self.seed, "deterministic": True, "force_row_wise": True, "verbosity": -1,
        }  # fmt: skip
        table = lightgbm.Dataset(features, label.astype(np.float32), params=said, free_raw_data=True, **data)
        draws = (
            {"bagging_seed": self.seed + nth, "feature_fraction_seed": self.seed + nth} for nth in range(self.crowd)
        )
        return [lightgbm.train(said | one, table, num_boost_round=rounds) for one in draws]

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        if not len(features):
            return np.zeros(0)
        score = _mean_score(self._likely, features)
        if self._ordering:
            score += self.order_share * _mean_score(self._ordering, features)
            score += self.net_share * np.mean([net.scores(features) for net in self._nets], axis=0)
        return 1 / (1 + np.exp(-score))

    def state(self) -> dict[str, np.ndarray]:
        kept = {f"{kind}_{nth}_": one for kind in KINDS for nth, one in enumerate(getattr(self, f"_{kind}"))}
        trees = {name: np.frombuffer(one.model_to_string().encode(), np.uint8) for name, one in kept.items()}
        return trees | {
            f"net_{nth}/{key}": part for nth, one in enumerate(self._nets) for key, part in one.state().items()
        }

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        import lightgbm

        for kind in KINDS:
            texts = [state[name].tobytes().decode() for name in sorted(state) if name.startswith(kind)]
            setattr(self, f"_{kind}", [lightgbm.Booster(model_str=text) for text in texts])
        parts = {name.split("/")[0] for name in state if name.startswith("net_")}
        self._nets = [
            Network(self.seed).restore(
                {k.removeprefix(f"{part}/"): v for k, v in state.items() if k.startswith(f"{part}/")}
            )
            for part in sorted(parts)
        ]
        return self


def _mean_score(boosters: list, features: np.ndarray) -> np.ndarray:
    said = (np.asarray(one.predict(features, num_threads=THREADS, raw_score=True)) for one in boosters)
    return sum(said, np.zeros(len(features))) / len(boosters)


@dataclass
class Logistic:
    """A ridge-penalised logistic regression over the features, their logarithms, and whether there is anything to say.

    A few hundred weights are known well from `rows_max` rows; of more, every second, third … is taken.
    """

    seed: int = 0
    penalty: float = 5.0
    rows_max: int = 150_000
    name: ClassVar[str] = "logistic"

    def fit(
        self, features: np.ndarray, label: np.ndarray, weight: np.ndarray, question: np.ndarray | None = None
    ) -> Self:
        some = slice(None, None, max(1, -(-len(label) // self.rows_max)))
        features, label, weight = features[some], label[some], weight[some]
        widened = _widened(features)
        self.mean_ = widened.mean(axis=0)
        scale = widened.std(axis=0)
        self.scale_ = np.where(scale > 1e-9, scale, 1.0)
        self.weights_ = logistic_regression(
            self._standard(widened), label.astype(np.float64), penalty=self.penalty, weight=weight
        )
        return self

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        logit = self._standard(_widened(features)) @ self.weights_
        return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))

    def _standard(self, widened: np.ndarray) -> np.ndarray:
        return np.c_[np.ones(len(widened)), np.clip((widened - self.mean_) / self.scale_, -8, 8)]

    def state(self) -> dict[str, np.ndarray]:
        return {"mean_": self.mean_, "scale_": self.scale_, "weights_": self.weights_}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        vars(self).update(state)
        return self


class Scale:
    """What a score means: the share of rows with such a score that came true, rising with it (isotonic, Zadrozny & Elkan 2002).

    Learned on rows the learner has not seen. Between the bins it is a straight line, and it never falls or stands still, so that an
    order stays an order. Without rows it changes nothing.
    """

    BINS = 40

    def fit(self, score: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Self:
        self.score_, self.share_ = np.array([0.0, 1.0]), np.array([0.0, 1.0])
        order = np.argsort(score, kind="stable")
        expected = np.cumsum(
            (score * weight)[order]
        )  # bins with as many successes each, so that great scores are told apart
        edges = np.searchsorted(expected, expected[-1] * np.arange(1, self.BINS) / self.BINS) if len(order) else []
        parts = [part for part in np.split(order, np.unique(edges)) if len(part)] if len(order) else []
        if len(parts) < 2:
            return self
        centre = np.array([np.average(score[part], weights=weight[part]) for part in parts])
        share = np.array([np.average(label[part], weights=weight[part]) for part in parts])
        mass = np.array([weight[part].sum() for part in parts])
        rising = isotonic_regression(share, weights=mass).x
        centre, first = np.unique(centre, return_index=True)
        self.score_ = np.r_[0.0, centre[(centre > 0) & (centre < 1)], 1.0]
        rising = rising[first][(centre > 0) & (centre < 1)]
        self.share_ = np.r_[0.0, rising, max(1.0, rising[-1])] if len(rising) else np.array([0.0, 1.0])
        return self

    def probabilities(self, score: np.ndarray) -> np.ndarray:
        return 0.999 * np.interp(score, self.score_, self.share_) + 0.001 * score

    def state(self) -> dict[str, np.ndarray]:
        return {"score_": self.score_, "share_": self.share_}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        vars(self).update(state)
        return self


LEARNERS = {learner.name: learner for learner in (Trees, Logistic)}


def _widened(features: np.ndarray) -> np.ndarray:
    is_known = ~np.isnan(features)
    values = np.where(is_known, features, 0.0).astype(np.float64)
    return np.c_[values, np.sign(values) * np.log1p(np.abs(values)), is_known]


@dataclass(frozen=True)
class Calibration:
    """Predicted beside observed shares in bins of equal size; `error` is their mean distance, weighed by size (ECE)."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    sizes: tuple[int, ...]

    @property
    def error(self) -> float:
        total = sum(self.sizes)
        gaps = (n * abs(p - o) for n, p, o in zip(self.sizes, self.predicted, self.observed, strict=True))
        return sum(gaps) / total if total else 0.0


def calibration(probabilities: np.ndarray, outcomes: np.ndarray, bins: int = BINS) -> Calibration:
    """Expected calibration error (Guo et al., ICML 2017), in bins of equal size, because most probabilities are small."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return Calibration(
        tuple(float(probabilities[part].mean()) for part in parts),
        tuple(float(outcomes[part].mean()) for part in parts),
        tuple(len(part) for part in parts),
    )
