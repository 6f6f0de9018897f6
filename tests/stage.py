"""A browser before the house, as the checks of the doors use it: in the suite at one width, in `make drill ONLY=screens` at all.

A door keeps its checks in `tests/<door>/checks.py`:
    set_up() -> scene           what the checks need, made through the real operations in an empty database
    CHECKS = [k1, k2, …]        plain functions (stage, scene); the first line of each docstring is what it promises
    LONG = […]                  checks that take minutes, for the drill alone
    PAGES = {name: (door, who, address)}   functions of the scene where they need it; every one goes through `Stage.gate`
A check asserts what must be so, and says what it measured with `stage.note(name, value, most)`. In the suite nobody judges
times; the drill does.
"""

import itertools
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe

from tests.signing_in import page_signed_in

PATIENCE_MS = 120_000
LCP_MS, INP_MS, CLS = 2500, 200, 0.1
SLOWER, LATENCY_MS = 4, 150

VITALS = """
(() => {
  const seen = window.vitals = { lcp: 0, cls: 0, inp: 0 };
  const watch = (type, take, more = {}) => { try { new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more }); } catch {} };
  watch("largest-contentful-paint", (entry) => { seen.lcp = entry.startTime; });
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.cls += entry.value; });
  watch("event", (entry) => { if (entry.interactionId) seen.inp = Math.max(seen.inp, entry.duration); }, { durationThreshold: 16 });
})();
"""

# Text that is cut off: by an ancestor that hides what overflows it, by the box of its own button or badge, by the window, or a
# value or placeholder longer than its field.
CLIPPED = """
() => {
  const found = [], say = (text, why) => found.push(`${why}: ${text.trim().slice(0, 60)}`);
  const isSmall = (box) => box.width < 3 || box.height < 3;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, template, noscript, option, .visually-hidden, .skip, [hidden], dialog:not([open])")) continue;
    if (!parent.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true })) continue;
    const isKept = (box) => { const { clip, clipPath } = getComputedStyle(box); return clip !== "auto" || clipPath !== "none"; }; // for screen readers alone
    if ([parent, parent.closest("thead")].some((box) => box && isKept(box))) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    if (isSmall(text)) continue;
    for (let box = parent; box && box !== document.documentElement; box = box.parentElement) {
      const style = getComputedStyle(box), edge = box.getBoundingClientRect();
      if (isSmall(edge)) break;
      const hides = (overflow) => overflow === "hidden" || overflow === "clip";
      if (hides(style.overflowX) && (text.right > edge.right + 1 || text.left < edge.left - 1)) { say(node.data, `hidden by ${box.className || box.tagName}`); break; }
      if (hides(style.overflowY) && (text.bottom > edge.bottom + 3 || text.top < edge.top - 3)) { say(node.data, `hidden by ${box.className || box.tagName}`); break; }
      if (style.overflowX === "auto" || style.overflowX === "scroll") break;
      if (box.matches(".btn, button, .badge, .card, td, th, .nav__link") && (text.right > edge.right + 1 || text.left < edge.left - 1)) { say(node.data, `spills out of ${box.className || box.tagName}`); break; }
      if (style.position === "fixed" || box.parentElement === document.body) { if (text.right > innerWidth + 1) say(node.data, "beyond the window"); }
    }
  }
  for (const field of document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio], [type=range], [type=file], [type=color])")) {
    if (!field.checkVisibility()) continue;
    const style = getComputedStyle(field), ruler = document.createElement("span");
    ruler.style.cssText = `position:absolute;visibility:hidden;white-space:pre;letter-spacing:${style.letterSpacing}`;
    const placeholder = getComputedStyle(field, "::placeholder");
    ruler.style.font = field.value ? style.font : placeholder.font || style.font;
    ruler.textContent = field.value || field.placeholder;
    document.body.append(ruler);
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (ruler.offsetWidth > room + 1 && field.type !== "password") say(ruler.textContent, `longer than its field ${field.name}`);
    ruler.remove();
  }
  return [...new Set(found)];
}
"""


@dataclass(frozen=True)
class Measured:
    """A figure with its bar; `where` names the look it was measured in."""

    name: str
    value: float
    most: float
    where: str

    @property
    def holds(self) -> bool:
        return self.value <= self.most


@dataclass
class Stage:
    """One look (width, theme, language) at one running site. `is_slow` adds the slow machine and the far network."""

    browser: object
    site: str
    width: int = 1280
    theme: str = "light"
    language: str = "en"
    is_slow: bool = False
    measured: list[Measured] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    _contexts: list = field(default_factory=list)
    _wires: list = field(default_factory=list)

    @property
    def look(self) -> str:
        return f"{self.width} px, {self.theme}, {self.language}"

    def page(self, user=None, door: str = "", *, path: str = ""):
        """A new window, signed in at a door if a member of staff is given, at `path` if one is."""
        context = self.browser.new_context(
            viewport={"width": self.width, "height": 740 if self.width < 700 else 900}, color_scheme=self.theme,
            service_workers="allow",
        )  # fmt: skip
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(
            [
                {"name": n, "value": v, "url": self.site}
                for n, v in (("django_language", self.language), ("theme", self.theme))
            ]
        )
        context.add_init_script(VITALS)
        page = context.new_page()
        page.on("console", lambda message: self._note_trouble(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note_trouble(str(error)))
        if self.is_slow:
            self._slow_down(page)
        if user is not None:
            page_signed_in(page, self.site, user, door)
        if path:
            page.goto(f"{self.site}{path}")
        return page

    def _note_trouble(self, text: str):
        self.troubles.append(f"{text[:200]} ({self.look})")

    def _slow_down(self, page):
        wire = page.context.new_cdp_session(page)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        self._wires.append((page, wire))
        self._lengthen(wire, is_offline=False)

    def _lengthen(self, wire, *, is_offline: bool):
        wire.send(
            "Network.emulateNetworkConditions",
            {"offline": is_offline, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def cut_off(self, page, *, is_offline: bool = True):
        """Take the network away from all windows of this one's context, or give it back. A slow line is cut as well."""
        page.context.set_offline(is_offline)
        for window, wire in self._wires:
            if window.context is page.context and not window.is_closed():
                self._lengthen(wire, is_offline=is_offline)

    def note(self, name: str, value: float, most: float):
        """Say what was measured; the drill judges it."""
        self.measured.append(Measured(name, round(value, 3), most, self.look))

    @contextmanager
    def timed(self, name: str, *, most_ms: float):
        """Note how long what happens inside takes."""
        began = time.perf_counter()
        yield
        self.note(f"{name}, ms", (time.perf_counter() - began) * 1000, most_ms)

    def gate(self, page, name: str = ""):
        """What every page keeps: axe finds nothing serious, nothing scrolls sideways, no text is cut off. Vitals are noted."""
        name = name or page.url.removeprefix(self.site)
        self._note_vitals(page, name)
        serious = [
            (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
            for one in Axe().run(page).response["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
        assert not serious, f"axe on {name} ({self.look}): {json.dumps(serious, ensure_ascii=False)}"
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide} px ({self.look})"
        clipped = page.evaluate(CLIPPED)
        assert not clipped, f"{name} cuts text off ({self.look}): {clipped}"

    def _note_vitals(self, page, name: str):
        vitals = page.evaluate("window.vitals ?? {}")
        for key, most in (("lcp", LCP_MS), ("inp", INP_MS), ("cls", CLS)):
            if vitals.get(key):
                self.note(f"{key.upper()} of {name}", vitals[key], most)

    def reach_by_tab(self, page, selector: str, *, most: int = 60):
        """Press Tab until the focus is on it: whoever has no mouse gets there."""
        for _press in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement?.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached by the keyboard on {page.url}")

    def until(self, page, asked):
        """Ask until the answer is yes; the page's own events are heard meanwhile."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not asked():
            assert time.monotonic() < deadline, f"waited in vain on {page.url}"
            page.wait_for_timeout(50)

    def close(self):
        """Close every window; whatever the browser complained of fails here."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self._wires.clear()
        assert not self.troubles, f"The browser complained: {self.troubles}"


def looks(widths=(360, 768, 1280), themes=("light", "dark"), languages=("en", "zh-hans")):
    """Every look of the drill."""
    return list(itertools.product(widths, themes, languages))
