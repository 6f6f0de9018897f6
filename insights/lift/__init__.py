"""The mathematics of lift: sums per arm in, an estimate with its doubt out. No clock, no database, no campaign.

Everybody assigned is counted, held-out members included (intention to treat). Each subject has a module of its own; what
each number means to a reader, and where its formula comes from, stands in docs/lift.md.

    arms          sums per arm, as SQL returns them           sequences    intervals that may be read at any time
    comparing     Welch, CUPED, ratios by the delta method    corrections  Holm, Benjamini–Hochberg
    splits        the sample-ratio check                      worth        money gained less its cost, number needed to treat
    planning      members needed, effect that can be seen     chance       re-randomisation
    capping       winsorizing fixed in advance
"""

from insights.lift.arms import Aggregates, ArmStats
from insights.lift.capping import cap_of, capped
from insights.lift.chance import Rerandomised, rerandomised_p_values
from insights.lift.comparing import ALPHA, CONFIDENCE, CannotCompare, Lift, Metric, compare, difference
from insights.lift.corrections import benjamini_hochberg, holm
from insights.lift.planning import Sample, effect_detectable, members_needed, sample_needed
from insights.lift.sequences import Sequence, confidence_sequence
from insights.lift.splits import AMBER_BELOW, RED_BELOW, SampleRatio, sample_ratio
from insights.lift.worth import NumberNeeded, Worth, number_needed, worth

__all__ = [
    "ALPHA", "AMBER_BELOW", "CONFIDENCE", "RED_BELOW", "Aggregates", "ArmStats", "CannotCompare", "Lift", "Metric",
    "NumberNeeded", "Rerandomised", "Sample", "SampleRatio", "Sequence", "Worth", "benjamini_hochberg", "cap_of", "capped",
    "compare", "confidence_sequence", "difference", "effect_detectable", "holm", "members_needed", "number_needed",
    "rerandomised_p_values", "sample_needed", "sample_ratio", "worth",
]  # fmt: skip
