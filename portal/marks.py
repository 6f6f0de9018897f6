"""The card as a till reads it: a QR code, and a Code 128 bar code drawn from its definition (ISO/IEC 15417).

Plain SVG without styles, dark on white in both colour schemes, because scanners need it so. Not EAN-13: the card's check
digit is Luhn's, and an EAN reader would refuse it.
"""

import io

import segno
from django.utils.html import format_html
from django.utils.safestring import mark_safe

# Widths of bar, space, bar, … of each symbol; 103–105 start sets A, B and C, 106 stops.
WIDTHS = [
    "212222",
    "222122",
    "222221",
    "121223",
    "121322",
    "131222",
    "122213",
    "122312",
    "132212",
    "221213",
    "221312",
    "231212",
    "112232",
    "122132",
    "122231",
    "113222",
    "123122",
    "123221",
    "223211",
    "221132",
    "221231",
    "213212",
    "223112",
    "312131",
    "311222",
    "321122",
    "321221",
    "312212",
    "322112",
    "322211",
    "212123",
    "212321",
    "232121",
    "111323",
    "131123",
    "131321",
    "112313",
    "132113",
    "132311",
    "211313",
    "231113",
    "231311",
    "112133",
    "112331",
    "132131",
    "113123",
    "113321",
    "133121",
    "313121",
    "211331",
    "231131",
    "213113",
    "213311",
    "213131",
    "311123",
    "311321",
    "331121",
    "312113",
    "312311",
    "332111",
    "314111",
    "221411",
    "431111",
    "111224",
    "111422",
    "121124",
    "121421",
    "141122",
    "141221",
    "112214",
    "112412",
    "122114",
    "122411",
    "142112",
    "142211",
    "241211",
    "221114",
    "413111",
    "241112",
    "134111",
    "111242",
    "121142",
    "121241",
    "114212",
    "124112",
    "124211",
    "411212",
    "421112",
    "421211",
    "212141",
    "214121",
    "412121",
    "111143",
    "111341",
    "131141",
    "114113",
    "114311",
    "411113",
    "411311",
    "113141",
    "114131",
    "311141",
    "411131",
    "211412",
    "211214",
    "211232",
    "2331112",
]
START_C, TO_B, STOP = 105, 100, 106
DIGIT_ZERO_IN_B = 16
QUIET_MODULES = 10


def qr(text: str) -> str:
    """A QR code of the text, error correction M, as inline SVG."""
    out = io.BytesIO()
    segno.make(text, error="m", boost_error=False).save(
        out,
        kind="svg",
        xmldecl=False,
        omitsize=True,
        border=2,
        dark="#111",
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    return mark_safe(out.getvalue().decode())  # noqa: S308 - segno's own output; the text is in it as modules only


def code128_symbols(digits: str) -> list[int]:
    """The symbols of a string of digits: pairs in set C, an odd last digit in set B, the check symbol, the stop."""
    symbols = [START_C, *(int(digits[at : at + 2]) for at in range(0, len(digits) // 2 * 2, 2))]
    if len(digits) % 2:
        symbols += [TO_B, DIGIT_ZERO_IN_B + int(digits[-1])]
    check = (symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols))) % 103
    return [*symbols, check, STOP]


def barcode(digits: str) -> str:
    """The bar code of a card number as inline SVG; empty for what is no number."""
    if not (digits.isascii() and digits.isdigit()):
        return ""
    path, at = "", QUIET_MODULES
    for place, width in enumerate("".join(WIDTHS[symbol] for symbol in code128_symbols(digits))):
        if place % 2 == 0:
            path += f"M{at} 0h{width}v40h-{width}z"
        at += int(width)
    return format_html(
        '<svg class="barcode" viewBox="0 0 {} 40" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<path fill="#111" shape-rendering="crispEdges" d="{}"/></svg>',
        at + QUIET_MODULES,
        path,
    )
