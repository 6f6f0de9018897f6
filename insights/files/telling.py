"""A measured file in lines of text, for the terminal. English, as commands are."""

from collections.abc import Iterator

from insights.files.measuring import Comparison, Measured

SPLITS = {"ok": "as planned", "amber": "DOUBTFUL: look again", "red": "BROKEN: no verdict may be read from this"}


def lines(found: Measured) -> Iterator[str]:
    yield f"{found.units:,} units in {found.rows:,} rows."
    if found.excluded:
        examples = ", ".join(found.excluded_examples)
        yield f"{found.excluded:,} units were in several variants and are left out: {examples}."
    yield ""
    yield f"{'metric':24}{'variant':16}{'members':>12}{'mean':>16}{'sum':>18}"
    for arm in found.arms:
        yield f"{arm.metric:24}{arm.variant:16}{arm.n:12,}{arm.mean:16,.6g}{arm.total:18,.6g}"
    yield ""
    yield f"Split: {SPLITS[found.split.verdict]} (sample-ratio check p = {found.split.p_value:.4g})"
    if found.is_hidden:
        return
    yield ""
    for one in found.comparisons:
        yield from _comparison(one, found)
    if found.correction != "none":
        yield f"p adjusted over {len(found.comparisons)} comparisons by {_correction(found.correction)}."


def _correction(code: str) -> str:
    return {"holm": "Holm", "bh": "Benjamini and Hochberg"}[code]


def _comparison(one: Comparison, found: Measured) -> Iterator[str]:
    yield f"{one.metric}: {one.variant} against {found.control}"
    if one.found is None:
        yield f"  cannot be compared: {one.cannot}"
        return
    it = one.found
    yield f"  difference   {it.absolute:+.6g}   95 % interval {it.low:+.6g} to {it.high:+.6g}"
    if it.relative is not None:
        yield f"  relative     {it.relative:+.2%}   95 % interval {it.relative_low:+.2%} to {it.relative_high:+.2%}"
    yield f"  p            {it.p_value:.4g}   adjusted {one.p_adjusted:.4g}"
    if one.plain is not None:
        yield f"  CUPED        kept {it.variance_kept:.1%} of the variance; without it {one.plain.low:+.6g} to {one.plain.high:+.6g}"
