"""What survey scores add up to. Plain arithmetic with its doubt: no Django, no clock."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

TOP = {"csat": 5, "nps": 10, "effort": 7}
LOWEST = {"csat": 1, "nps": 0, "effort": 1}
LOW = {"csat": 2, "nps": 6, "effort": 3}  # a score up to this is a complaint nobody wrote down
HAPPY = {"csat": 4, "nps": 9, "effort": 5}  # from here on somebody is content
Z95 = 1.959964


@dataclass(frozen=True)
class Score:
    """One figure over all answers. `value`: per cent, or for NPS promoters minus detractors in points; `low`, `high`: its
    95 % interval (Wald on the scores −1, 0, 1 for NPS; Wilson for a share, doi:10.1080/01621459.1927.10502953).
    """

    value: float
    low: float
    high: float
    answers: int


def is_low(kind: str, score: int) -> bool:
    return score <= LOW[kind]


def feeling(kind: str, score: int) -> int:
    """The score on the scale all rooms share: −100 angry … 100 delighted."""
    lowest, top = LOWEST[kind], TOP[kind]
    return round(200 * (score - lowest) / (top - lowest) - 100)


def problem(kind: str, score: int) -> bool:
    """Whether the score is none of this kind."""
    return not LOWEST[kind] <= score <= TOP[kind]


def nps(counts: Mapping[int, int]) -> Score | None:
    """Net promoter score (Reichheld 2003): share of 9–10 minus share of 0–6, in points. None without answers."""
    n = sum(counts.values())
    if not n:
        return None
    up = sum(many for score, many in counts.items() if score >= HAPPY["nps"]) / n
    down = sum(many for score, many in counts.items() if is_low("nps", score)) / n
    net = up - down
    half = Z95 * math.sqrt(max(up + down - net * net, 0) / n)
    return Score(100 * net, 100 * max(net - half, -1), 100 * min(net + half, 1), n)


def content_share(kind: str, counts: Mapping[int, int]) -> Score | None:
    """The share of content answers, in per cent (CSAT: 4 and 5 of 5). None without answers."""
    n = sum(counts.values())
    if not n:
        return None
    share = sum(many for score, many in counts.items() if score >= HAPPY[kind]) / n
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    return Score(100 * share, 100 * (middle - half), 100 * (middle + half), n)
