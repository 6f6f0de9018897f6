"""Logistic regression, and how well a score orders. Arrays in, numbers out."""

import numpy as np


def logistic_regression(
    features: np.ndarray, label: np.ndarray, *, penalty: float, weight: np.ndarray | None = None, rounds: int = 25
) -> np.ndarray:
    """Ridge-penalised maximum likelihood by Newton's method; the first column is the intercept, unpenalised."""
    weight = np.ones(len(label)) if weight is None else weight
    weights = np.zeros(features.shape[1])
    ridge = np.full(features.shape[1], penalty)
    ridge[0] = 1e-6
    for _ in range(rounds):
        probability = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (weight * (label - probability)) - ridge * weights
        curvature = (features * (weight * probability * (1 - probability))[:, None]).T @ features + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive is scored above a negative, ties counting half; 0.5 where one side is empty."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return 0.5
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    return float((rank[place][positive].sum() - n * (n + 1) / 2) / (n * m))
