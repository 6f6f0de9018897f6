"""The sample-ratio check: whether the arms hold the members they should."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scipy import special

RED_BELOW, AMBER_BELOW = 0.001, 0.01


@dataclass(frozen=True)
class SampleRatio:
    """χ² of the counts against the shares fixed before launch (Fabijan et al., KDD 2019).

    Red (p < .001) means the split is broken and no verdict may be shown; amber (.001–.01) asks for a second look.
    """

    p_value: float
    verdict: Literal["ok", "amber", "red"]
    counts: dict[str, int]
    expected: dict[str, float]


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio:
    """Check the counts per arm against the planned shares; both name the same arms."""
    if set(counts) != set(shares):
        raise ValueError("The counts and the shares name different arms.")
    total, weight = sum(counts.values()), sum(shares.values())
    expected = {arm: total * shares[arm] / weight for arm in counts}
    p_value = 1.0
    if total and len(counts) > 1:
        distance = sum((counts[arm] - expected[arm]) ** 2 / expected[arm] for arm in counts)
        p_value = float(special.chdtrc(len(counts) - 1, distance))
    verdict: Literal["ok", "amber", "red"] = (
        "red" if p_value < RED_BELOW else "amber" if p_value < AMBER_BELOW else "ok"
    )
    return SampleRatio(p_value, verdict, dict(counts), expected)
