"""Cells of a table that a spreadsheet will open: shown, never executed."""

FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠", "｜", "％", "\t", "\r", "\n")


def safe_cell(value: object) -> object:
    """Numbers as they are; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = str(value)
    starts = text.lstrip(" \u00a0\u200b\ufeff")
    return f"'{text}" if starts.startswith(FORMULA_STARTS) or text.startswith(FORMULA_STARTS) else text
