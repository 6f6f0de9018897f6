"""Contrast of two colours, as WCAG 2.2 defines it (1.4.3): 1 for the same colour, 21 for black on white. Plain arithmetic."""

TEXT_MIN = 4.5
DARK, LIGHT = "#1d1d1d", "#ffffff"


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def ink_on(ground: str, *, dark: str = DARK) -> str:
    """White where it can be read on this ground, else dark letters."""
    return LIGHT if ratio(LIGHT, ground) >= TEXT_MIN else dark


def mixed(colour: str, other: str, share: float) -> str:
    """`share` of the other colour mixed into this one."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def readable_on(colour: str, *grounds: str) -> str:
    """The colour, mixed with black or white in steps until it can be read as text on every ground.

    Grounds that no one ink suits give the ink that suits the first.
    """
    goal = "#000000" if luminance(grounds[0]) > 0.18 else "#ffffff"
    for step in range(11):
        tried = mixed(colour, goal, step / 10)
        if all(ratio(tried, ground) >= TEXT_MIN for ground in grounds):
            return tried
    return goal
