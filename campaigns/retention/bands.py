"""Bands of risk: how far a member's purchases fell, by the figures of their warning. Plain rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.retention.reasons import FEWER


@dataclass(frozen=True)
class Band:
    """Who lost at least `fall_from` of their usual purchases and less than the band above; None: other signs than that."""

    code: str
    label: str | Promise
    fall_from: float | None


BANDS = (
    Band("gone", _("Almost gone (−90 % and more)"), 0.9),
    Band("far", _("Far down (−70 to −90 %)"), 0.7),
    Band("down", _("Down (less than −70 %)"), 0.0),
    Band("other", _("Other signs (returns, displeased)"), None),
)
BY_CODE = {band.code: band for band in BANDS}


def band_of(reasons: Sequence[dict]) -> Band:
    """The band of one warning; each warning has exactly one."""
    falls = [fall(one) for one in reasons if one.get("code") == FEWER]
    if not falls:
        return BY_CODE["other"]
    return next(band for band in BANDS if band.fall_from is not None and max(falls) >= band.fall_from)


def fall(reason: dict) -> float:
    """How much of what was usual is missing: 0 … 1."""
    usual = reason.get("usual") or 0
    return min(1.0, max(0.0, 1 - reason["recent"] / usual)) if usual > 0 else 0.0
