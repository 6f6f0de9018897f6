"""The bar code says the card's number to any scanner that knows Code 128."""

import re

from hypothesis import given
from hypothesis import strategies as st

from portal import marks


def _read(svg: str) -> str:
    """Read the drawn bars as a scanner would: widths to symbols, symbols to digits, the check symbol checked."""
    bars = [(int(at), int(width)) for at, width in re.findall(r"M(\d+) 0h(\d+)v40", svg)]
    total = int(re.search(r'viewBox="0 0 (\d+)', svg).group(1))
    widths, place = [], marks.QUIET_MODULES
    for at, width in bars:
        if at > place:
            widths.append(at - place)
        widths.append(width)
        place = at + width
    assert place + marks.QUIET_MODULES == total
    body, stop = widths[:-7], widths[-7:]
    symbols = [marks.WIDTHS.index("".join(map(str, body[at : at + 6]))) for at in range(0, len(body), 6)]
    assert "".join(map(str, stop)) == marks.WIDTHS[marks.STOP]
    *said, check = symbols
    assert check == (said[0] + sum(place * symbol for place, symbol in enumerate(said))) % 103
    assert said[0] == marks.START_C
    text, is_c = "", True
    for symbol in said[1:]:
        if symbol == marks.TO_B and is_c:
            is_c = False
        else:
            text += f"{symbol:02d}" if is_c else chr(symbol + 32)
    return text


@given(st.text("0123456789", min_size=2, max_size=20))
def test_what_is_drawn_reads_back(digits):
    assert _read(marks.barcode(digits)) == digits


def test_the_table_is_the_standards():
    assert len(marks.WIDTHS) == 107 == len(set(marks.WIDTHS))
    for symbol in marks.WIDTHS[:106]:
        assert sum(map(int, symbol)) == 11
        assert sum(map(int, symbol[::2])) % 2 == 0  # bars are even, spaces odd


def test_what_is_no_number_is_not_drawn():
    assert marks.barcode("") == marks.barcode("29A") == ""


def test_the_qr_code_is_plain_svg_without_styles():
    svg = marks.qr("2900000000018")
    assert svg.startswith("<svg")
    assert "style" not in svg
    assert "script" not in svg
