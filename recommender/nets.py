"""A small neural network that orders the rows of a question: what trees cut into steps, it draws as curves, so that it errs elsewhere."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

LAYERS = (64, 32)  # units
STEPS = 3_000  # of learning that are aimed at,
BATCHES = 250  # a pass over all questions,
PASSES = 12, 24  # at least, and at most
BATCH = 20, 100  # questions, likewise
PACE = 2e-3  # of Adam, falling to nothing along a cosine
WARM_STEPS = 50
DECAY = 2e-5  # what every weight loses at a step
DROPPED = 0.1  # share of columns left out of a batch
FAR = 5.0  # standard deviations; what lies further counts as this
ROWS = 50_000  # scored at a time, and looked at to learn what is usual


class Encoding:
    """From features to what a network can read: logarithms, standardised; 0 where there is nothing to say, and a column that says so."""

    def fit(self, features: np.ndarray) -> Self:
        features = features[:: max(1, len(features) // ROWS)]
        is_known = ~np.isnan(features)
        _, first = np.unique(np.packbits(is_known, axis=0), axis=1, return_index=True)
        # many columns are silent together: one flag says it for all
        self.flags_ = np.sort(first[~is_known[:, first].all(axis=0)])
        known = np.maximum(is_known.sum(axis=0), 1)
        logs = _logs(features)
        self.mean_ = (logs.sum(axis=0, dtype=np.float64) / known).astype(np.float32)
        spread = np.sqrt((np.where(is_known, logs - self.mean_, 0) ** 2).sum(axis=0, dtype=np.float64) / known)
        self.scale_ = np.where(spread > 1e-6, spread, 1.0).astype(np.float32)
        return self

    def of(self, features: np.ndarray) -> np.ndarray:
        """Shape (n, columns + flags), float32, all within ±FAR."""
        is_known = ~np.isnan(features)
        values = np.clip((_logs(features) - self.mean_) / self.scale_, -FAR, FAR)
        return np.concatenate([np.where(is_known, values, 0), is_known[:, self.flags_]], axis=1, dtype=np.float32)


def _logs(features: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(features)
    return np.sign(values) * np.log1p(np.abs(values))


@dataclass
class Network:
    """Two hidden layers (ReLU), taught by the cross-entropy of each question's bought rows among all of its rows (ListNet; Cao et al.,
    ICML 2007) with Adam (Kingma & Ba, ICLR 2015).

    A question counts by what was bought to the power of `1 − evenness`. A row that stands for several candidates counts as so many.
    """

    seed: int
    evenness: float = 0.6

    def fit(self, features: np.ndarray, label: np.ndarray, weight: np.ndarray, question: np.ndarray) -> Self:
        chance = np.random.default_rng(self.seed)
        self.encoding = Encoding().fit(features)
        sizes = [len(self.encoding.mean_) + len(self.encoding.flags_), *LAYERS, 1]
        self.weights_ = [
            (chance.standard_normal((a, b)) * np.sqrt((2 if b > 1 else 0.02) / a)).astype(np.float32)
            for a, b in pairwise(sizes)
        ]
        self.biases_ = [np.zeros(size, np.float32) for size in sizes[1:]]
        edges = np.r_[np.flatnonzero(np.r_[True, np.diff(question) != 0]), len(question)]
        bought = np.add.reduceat(label.astype(np.int64), edges[:-1]) if len(label) else np.zeros(0)
        able = np.flatnonzero(bought > 0)  # where nothing was bought, no order is better than another
        steps = -(-len(able) // int(np.clip(len(able) // BATCHES, *BATCH)))
        passes = int(np.clip(STEPS // max(steps, 1), *PASSES))
        adam = _Adam([*self.weights_, *self.biases_], passes * steps)
        offset = np.log(weight).astype(np.float32)
        for _ in range(passes):
            for batch in np.array_split(chance.permutation(able), steps) if steps else ():
                rows, start = _rows(edges, np.sort(batch))
                inputs = self.encoding.of(features[rows])
                inputs *= (chance.random(inputs.shape[1]) >= DROPPED) / np.float32(1 - DROPPED)
                adam.step(self._gradients(inputs, label[rows], offset[rows], start))
        return self

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Shape (n,): greater is better among the rows of one question; between questions it says nothing."""
        parts = [self._layers(self.encoding.of(features[at : at + ROWS]))[-1] for at in range(0, len(features), ROWS)]
        return np.concatenate(parts)[:, 0].astype(np.float64) if parts else np.zeros(0)

    def _layers(self, inputs: np.ndarray) -> list[np.ndarray]:
        found = [inputs]
        for weights, bias in zip(self.weights_, self.biases_, strict=True):
            above = found[-1] @ weights + bias
            found.append(np.maximum(above, 0) if len(bias) > 1 else above)
        return found

    def _gradients(self, inputs, label, offset, start) -> list[np.ndarray]:
        """Of all weights and then all biases, for the rows of one batch; `start` bounds its questions."""
        *layers, said = self._layers(inputs)
        length = np.diff(np.r_[start, len(label)])
        said = said[:, 0] + offset
        raised = np.exp(said - np.repeat(np.maximum.reduceat(said, start), length))
        share = raised / np.repeat(np.add.reduceat(raised, start), length)
        bought = np.add.reduceat(label.astype(np.float32), start)
        wrong = (share * np.repeat(bought, length) - label) * np.repeat(bought**-self.evenness, length)
        error = (wrong / len(start))[:, None].astype(np.float32)
        weights, biases = [], []
        for n in reversed(range(len(layers))):
            weights.insert(0, layers[n].T @ error)
            biases.insert(0, error.sum(axis=0))
            if n:
                error = (error @ self.weights_[n].T) * (layers[n] > 0)
        return weights + biases

    def state(self) -> dict[str, np.ndarray]:
        kinds = {"weights_": self.weights_, "biases_": self.biases_}
        return vars(self.encoding) | {f"{kind}{n}": one for kind, each in kinds.items() for n, one in enumerate(each)}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        self.encoding = Encoding()
        vars(self.encoding).update({name: state[name] for name in ("flags_", "mean_", "scale_")})
        self.weights_, self.biases_ = (
            [state[f"{kind}{n}"] for n in range(len(LAYERS) + 1)] for kind in ("weights_", "biases_")
        )
        return self


class _Adam:
    """Steps along what the gradients have been lately, each by its own usual size; the pace rises at first and then falls to nothing."""

    def __init__(self, parameters: list[np.ndarray], steps: int):
        self.parameters, self.steps, self.done = parameters, steps, 0
        self.means = [np.zeros_like(one) for one in parameters]
        self.squares = [np.zeros_like(one) for one in parameters]

    def step(self, gradients: list[np.ndarray]):
        self.done += 1
        pace = PACE * min(1.0, self.done / WARM_STEPS) * (0.505 + 0.5 * np.cos(np.pi * self.done / self.steps))
        for n, gradient in enumerate(gradients):
            self.means[n] += 0.1 * (gradient - self.means[n])
            self.squares[n] += 0.001 * (gradient**2 - self.squares[n])
            usual = np.sqrt(self.squares[n] / (1 - 0.999**self.done)) + 1e-8
            decay = DECAY / PACE * pace * self.parameters[n] if gradient.ndim > 1 else 0
            self.parameters[n] -= np.float32(pace / (1 - 0.9**self.done)) * self.means[n] / usual + decay


def _rows(edges: np.ndarray, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of some questions, and where each begins among them."""
    length = edges[questions + 1] - edges[questions]
    start = np.r_[0, np.cumsum(length)[:-1]]
    return np.repeat(edges[questions] - start, length) + np.arange(length.sum()), start
