"""Charts as SVG, drawn by Altair and vl-convert. The table always stands beside; a chart adds nothing that it lacks.

Colours are placeholders that become the design's own variables, so that one SVG reads in light, in dark and in print.
"""

import functools
import hashlib
import json
import re

import altair as alt
import vl_convert
from django.core.cache import cache
from django.utils.html import escape

INK, LINE, ACCENT, WARM = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {INK: "currentColor", LINE: "var(--line-strong)", ACCENT: "var(--pine)", WARM: "var(--marigold)"}
WIDTH, NARROW = 330, 250
LINE_MOST = 18
KEPT_S = 3600


def _svg(chart, label: str) -> str:
    """The chart as inline SVG that says what it shows to who cannot see it."""
    axis = {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": LINE,
        "tickColor": LINE,
        "gridColor": LINE,
        "gridOpacity": 0.4,
    }
    styled = chart.configure(background="transparent", font="sans-serif").configure_axis(
        labelFontSize=11, titleFontSize=11, titleFontWeight="normal", **axis
    )
    # Not held against Vega-Lite's schema by every request, which took longer than all else of a page: what is drawn is fixed here.
    spec = styled.configure_view(strokeWidth=0).to_dict(validate=False)
    return _converted(json.dumps(spec), label)


@functools.lru_cache(maxsize=64)
def _converted(spec: str, label: str) -> str:
    """Drawn once for all processes: a young one would otherwise draw a first page's charts for a second or more."""
    key = "reports:chart:" + hashlib.sha256(f"{spec}\n{label}".encode()).hexdigest()
    if (held := cache.get(key)) is None:
        held = _drawn(spec, label)
        cache.set(key, held, KEPT_S)
    return held


def _drawn(spec: str, label: str) -> str:
    svg = vl_convert.vegalite_to_svg(spec, format_locale=None)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    svg = re.sub(r"; to: #row-\d+", "", svg)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)


def _lined(rows: list[dict]) -> list[dict]:
    """Rows whose long names stand in two lines, broken at the space nearest to the middle."""
    return [row | {"name": _two_lines(row["name"])} for row in rows]


def _two_lines(name: str) -> str:
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if len(name) <= LINE_MOST or not spaces:
        return name
    place = min(spaces, key=lambda one: abs(one - len(name) / 2))
    return f"{name[:place]}\n{name[place + 1 :]}"


def _rows(rows):
    return alt.Data(values=rows)


def _dated(rows: list[dict], day: str):
    """Rows whose `day` is an ISO date, as that day's midnight: a bare date would be midnight in Greenwich, and the day before here."""
    return _rows([row | {day: f"{row[day]}T00:00:00"} for row in rows])


def intervals(rows: list[dict], *, title: str, label: str, truth: float | None = None) -> str:
    """Estimates with their 95 % intervals: rows of name, low, estimate, high; the zero line, and the planted truth if any."""
    base = alt.Chart(_rows(_lined(rows)), width=NARROW, height=44 * len(rows) + 10)
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, labelExpr="split(datum.label, '\\n')"))
    bars = base.mark_rule(strokeWidth=3, color=ACCENT).encode(y=y, x=alt.X("low:Q", title=title), x2="high:Q")
    dots = base.mark_point(filled=True, size=110, color=ACCENT, opacity=1).encode(y=y, x="estimate:Q")
    zero = alt.Chart(_rows([{"x": 0}])).mark_rule(strokeDash=[4, 3], color=INK).encode(x="x:Q")
    layers = [zero, bars, dots]
    if truth is not None:
        layers.append(alt.Chart(_rows([{"x": truth}])).mark_rule(strokeWidth=3, color=WARM).encode(x="x:Q"))
    return _svg(alt.layer(*layers), label)


def histogram(counts: list[int], *, title: str, label: str) -> str:
    """Counts of values between 0 and 1 in equal bins, and the level that pure chance gives."""
    width = 1 / len(counts)
    rows = [{"from": i * width, "to": (i + 1) * width, "n": n, "base": 0} for i, n in enumerate(counts)]
    bars = alt.Chart(_rows(rows), width=WIDTH, height=130).mark_rect(color=ACCENT).encode(
        x=alt.X("from:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".1f")), x2="to:Q", y=alt.Y("n:Q", title=None, scale=alt.Scale(zero=True)), y2="base:Q"
    )  # fmt: skip
    even = alt.Chart(_rows([{"y": sum(counts) / len(counts)}])).mark_rule(strokeDash=[4, 3], color=INK).encode(y="y:Q")
    return _svg(bars + even, label)


def weeks(rows: list[dict], *, title: str, label: str) -> str:
    """One line over weeks: rows of week (ISO date) and value."""
    line = alt.Chart(_dated(rows, "week"), width=WIDTH, height=200).mark_area(
        color=ACCENT, opacity=0.25, line={"color": ACCENT, "strokeWidth": 2}
    ).encode(x=alt.X("week:T", title=None, axis=alt.Axis(format="%m/%d", grid=False)), y=alt.Y("value:Q", title=title))  # fmt: skip
    return _svg(line, label)


def bars(rows: list[dict], *, title: str, label: str) -> str:
    """Horizontal bars: rows of name and value, in the order of the table's own. `leading` makes links of them."""
    placed = [{**row, "to": f"#row-{place}"} for place, row in enumerate(rows)]
    drawn = alt.Chart(_rows(placed), width=WIDTH, height=34 * len(rows) + 10).mark_bar(color=ACCENT).encode(
        y=alt.Y("name:N", title=None, sort=None), x=alt.X("value:Q", title=title), href="to:N"
    )  # fmt: skip
    return _svg(drawn, label)


_BAR = re.compile(r'<a xlink:href="[^"]*#row-(\d+)">(.*?)</a>', re.DOTALL)


def leading(svg: str, urls: list[str]) -> str:
    """The chart with each bar a link to what its row was counted from; "" or a row that is not there: no link.

    The same drawing is kept for every reader, so addresses are put in last. Who cannot see or point reaches them from the table beside:
    the links are not read out and are no stops of the Tab key. A picture may hold nothing that can be pressed, so this is a group.
    """

    def link(found: re.Match) -> str:
        place, mark = int(found[1]), found[2]
        url = urls[place] if place < len(urls) else ""
        return f'<a href="{escape(url)}" tabindex="-1" aria-hidden="true">{mark}</a>' if url else mark

    led = _BAR.sub(link, svg)
    return led.replace('role="img"', 'role="group"', 1) if "<a href=" in led else led


def stacked_months(rows: list[dict], *, title: str, label: str, kinds: tuple[str, ...]) -> str:
    """Stacked columns over months: rows of month (ISO date), kind (one of one or two, the lower first) and value."""
    drawn = alt.Chart(_dated(rows, "month"), width=WIDTH, height=200).mark_bar().encode(
        x=alt.X("month:O", timeUnit="yearmonth", title=None, axis=alt.Axis(format="%Y-%m", labelAngle=-45)),
        y=alt.Y("value:Q", title=title),
        color=alt.Color("kind:N", scale=alt.Scale(domain=list(kinds), range=[ACCENT, WARM][: len(kinds)]), title=None, legend=alt.Legend(orient="top", labelColor=INK)),
        order=alt.Order("place:Q"),
    )  # fmt: skip
    return _svg(drawn, label)


def lines(rows: list[dict], *, title: str, label: str) -> str:
    """Up to three series over months: rows of x (ISO date), value and series. Told apart by stroke as well as by colour."""
    series = list(dict.fromkeys(row["series"] for row in rows))
    days = sorted({row["x"] for row in rows})
    is_long = days[-1][:4] > days[0][:4] or all(day.endswith("-01") for day in days)
    axis = alt.Axis(format="%Y-%m" if is_long else "%m/%d", grid=False, labelAngle=-45, tickCount=min(6, len(days)))
    drawn = alt.Chart(_dated(rows, "x"), width=WIDTH, height=200).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24)).encode(
        x=alt.X("x:T", title=None, axis=axis),
        y=alt.Y("value:Q", title=title),
        color=alt.Color("series:N", sort=series, scale=alt.Scale(domain=series, range=[ACCENT, WARM, INK][: len(series)]), title=None, legend=alt.Legend(orient="top", labelColor=INK)),
        strokeDash=alt.StrokeDash("series:N", sort=series, legend=None),
    )  # fmt: skip
    return _svg(drawn, label)


def band(rows: list[dict], *, title: str, label: str) -> str:
    """An estimate over days with its interval: rows of x (ISO date), low, estimate, high; and the zero line."""
    base = alt.Chart(_dated(rows, "x"), width=WIDTH, height=200)
    x = alt.X("x:T", title=None, axis=alt.Axis(format="%m/%d", grid=False))
    area = base.mark_area(color=ACCENT, opacity=0.2).encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q")
    line = base.mark_line(color=ACCENT, strokeWidth=2).encode(x=x, y="estimate:Q")
    zero = alt.Chart(_rows([{"y": 0}])).mark_rule(strokeDash=[4, 3], color=INK).encode(y="y:Q")
    if len(rows) > 1:
        return _svg(area + line + zero, label)
    # A single day has no area and no line: its interval is drawn as a bar.
    day = alt.X("x:O", title=None, timeUnit="monthdate", axis=alt.Axis(labelAngle=0))
    bar = base.mark_rule(strokeWidth=3, color=ACCENT).encode(x=day, y=alt.Y("low:Q", title=title), y2="high:Q")
    dot = base.mark_point(filled=True, size=110, color=ACCENT, opacity=1).encode(x=day, y="estimate:Q")
    return _svg(bar + dot + zero, label)


def heatmap(rows: list[dict], *, x: str, y: str, label: str, text: str = ".0%") -> str:
    """Cells of x and y, darker where the value is larger, each with its figure: nothing rests on colour alone."""
    largest = max((row["value"] for row in rows), default=1) or 1
    base = alt.Chart(_rows([row | {"shade": 0.06 + 0.54 * row["value"] / largest} for row in rows])).encode(
        x=alt.X("x:O", title=x, axis=alt.Axis(labelAngle=0)), y=alt.Y("y:O", title=y)
    )
    cells = base.mark_rect(color=ACCENT).encode(opacity=alt.Opacity("shade:Q", scale=None, legend=None))
    words = base.mark_text(color=INK, fontSize=9).encode(text=alt.Text("value:Q", format=text))
    columns = len({row["x"] for row in rows})
    return _svg(
        (cells + words).properties(width=max(WIDTH, 34 * columns), height=22 * len({row["y"] for row in rows})), label
    )
