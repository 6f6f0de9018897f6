"""What a cashier may count on: ten promises, each a function that holds them against a real browser (tests/stage.py).

In the suite each runs once at one width; in `make drill ONLY=screens` at every width, theme and language, on a slow machine
behind a far network, with the times judged.
"""

import itertools
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

import loyalty.operations
import loyalty.queries
from loyalty.models import Reward, SpendingPolicy
from members import operations, queries
from members.models import Access
from sales.lines import Line
from sales.models import Product, Purchase, Store

FAMILY = itertools.cycle(["Alvarez", "Bloom", "Carver", "Doyle", "Ellis", "Frost"])
GIVEN = itertools.cycle(["Ada", "Bruno", "Clara", "Diego", "Elsa", "Farah", "Gil"])


@dataclass
class Scene:
    """A shop with two stores and two cashiers who take turns; members come as they are needed."""

    store: Store
    other_store: Store
    casey: object
    dana: object
    maria: object
    numbers: object = field(default_factory=lambda: itertools.count(1000))

    @property
    def source(self) -> str:
        return f"till:{self.store.code}"

    def member(self, *, points: int = 0, given: str = "", **others):
        """Somebody who was never here before, with so many points."""
        number = next(self.numbers)
        made = operations.enrol(
            at=timezone.now() - timedelta(days=60), source="web", given_name=given or next(GIVEN), family_name=next(FAMILY),
            email=f"member{number}@example.com", phone=f"+1212555{number:04d}", **others,
        )  # fmt: skip
        if points:
            self.give(made, points)
        return made

    def give(self, member, points: int):
        loyalty.operations.record_purchase(
            source="web", client_key=uuid.uuid4().hex, store_code=self.other_store.code, currency="USD", member_id=member.pk,
            purchased_at=timezone.now() - timedelta(days=3), lines=[Line("tea", Decimal(4), points * 100, name="Green tea")],
        )  # fmt: skip


def set_up() -> Scene:
    store = Store.objects.create(code="S1", name="Elm Street")
    other = Store.objects.create(code="S2", name="Oak Street")
    casey = operations.add_staff(email="casey@example.com", roles=["cashier"], given_name="Casey", family_name="Lind")
    dana = operations.add_staff(email="dana@example.com", roles=["cashier"], given_name="Dana", family_name="Reyes")
    for one, pin in ((casey, "4826"), (dana, "7305")):
        store.staff.add(one)
        operations.set_pin(user=one, pin=pin)
    scene = Scene(store, other, casey, dana, None)
    _fill_the_catalogue()
    scene.maria = scene.member(points=840, given="Maria")
    for _namesake in range(3):
        scene.member(given="Maria")
    return scene


def _fill_the_catalogue():
    since = timezone.now() - timedelta(days=30)
    coffee = Product.objects.create(code="coffee-cup", name="Coffee")
    rewards = [
        {"name_en": "$2 off", "name_zh": "立减 2 美元", "kind": "amount", "amount": 200, "points": 150},
        {"name_en": "A coffee", "name_zh": "咖啡一杯", "kind": "product", "amount": 1, "product": coffee, "points": 250},
        {"name_en": "$5 off", "name_zh": "立减 5 美元", "kind": "amount", "amount": 500, "points": 400, "basket_minor_from": 2000},
        {"name_en": "A hamper", "name_zh": "礼品篮", "kind": "product", "amount": 1, "product": coffee, "points": 9000},
    ]  # fmt: skip
    Reward.objects.bulk_create(Reward(valid_from=since, **given) for given in rewards)


def card_of(member) -> str:
    return queries.identifiers(member)["card"].value


def phone_of(member) -> str:
    return queries.identifiers(member)["phone"].value


def available(member) -> int:
    return loyalty.queries.balance(member.pk, at=timezone.now()).available


def sold_to(member) -> list[int]:
    """What the tills sold to a member, in the order it came."""
    found = Purchase.objects.filter(member=member, source__code__startswith="till:").order_by("pk")
    return list(found.values_list("total_minor", flat=True))


class Hands:
    """A cashier's hands: they type and press, and count the keys that are no digits. There is no mouse."""

    def __init__(self, page):
        self.page, self.keys = page, 0

    def type(self, text: str, *, delay: int = 0):
        self.page.keyboard.type(text, delay=delay)
        self.keys += len(re.sub(r"[0-9.]", "", text))

    def press(self, *names: str):
        for name in names:
            self.page.keyboard.press(name)
            self.keys += 1

    def scan(self, text: str):
        """The scanner's own typing, Enter included, is nobody's key."""
        self.page.keyboard.type(text, delay=5)
        self.page.keyboard.press("Enter")


def at_till(stage, scene, path: str = "/pos/", *, who=None):
    return stage.page(who or scene.casey, "pos", path=path)


def page_of(member) -> str:
    return f"/pos/members/{member.public_id}/"


def open_member(page, member):
    """By card, as a cashier does: the page knows that the card was shown."""
    Hands(page).scan(card_of(member))
    page.wait_for_url(f"**{page_of(member)}*")


def balance_shown(page) -> list[str]:
    return re.findall(r"[\d,]+", page.locator(".till-change").inner_text())


# -- scenes: pages worth looking at ------------------------------------------------------------------------------------


def _home(stage, scene):
    return at_till(stage, scene)


def _list(stage, scene):
    page = at_till(stage, scene, "/pos/?q=maria")
    page.wait_for_selector("[data-arrows] a >> nth=3")
    return page


def _nobody(stage, scene):
    return at_till(stage, scene, "/pos/?q=212 555 7777")


def _sale(stage, scene):
    page = at_till(stage, scene)
    open_member(page, scene.maria)
    page.keyboard.type("24.60")
    page.wait_for_function("document.getElementById('to-pay').textContent.includes('24.60')")
    return page


def _spending(stage, scene):
    page = _sale(stage, scene)
    page.keyboard.press("F6")
    page.keyboard.press("Space")
    page.wait_for_function("document.getElementById('to-pay').textContent.includes('22.60')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_selector("[name=reward]:checked >> nth=1")
    return page


def _unsure(stage, scene):
    page = at_till(stage, scene, page_of(scene.maria) + "?amount=24.60")
    page.focus("#points-paid")
    page.keyboard.type("300")
    page.wait_for_selector("#missing")
    return page


def _sold(stage, scene):
    page = _sale(stage, scene)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/**")
    return page


def _refund(stage, scene):
    page = _sold(stage, scene)
    page.keyboard.press("F8")
    page.wait_for_url("**/refund/")
    return page


def _void(stage, scene):
    page = _sold(stage, scene)
    page.keyboard.press("F7")
    page.wait_for_url("**/void/")
    return page


def _receipts(stage, scene):
    return at_till(stage, scene, page_of(scene.maria) + "purchases/")


def _enrol(stage, scene):
    return at_till(stage, scene, "/pos/enrol/")


def _switch(stage, scene):
    return at_till(stage, scene, "/pos/switch/")


def _pin(stage, scene):
    return at_till(stage, scene, "/pos/pin/")


def _offline(stage, scene):
    page = at_till(stage, scene, "/pos/offline/")
    page.wait_for_selector("#offline-sale")
    return page


def _find_receipt(stage, scene):
    return at_till(stage, scene, "/pos/refunds/")


PAGES = {
    "home": _home, "list": _list, "nobody": _nobody, "sale": _sale, "spending": _spending, "unsure": _unsure, "sold": _sold,
    "refund": _refund, "void": _void, "receipts": _receipts, "find_receipt": _find_receipt, "enrol": _enrol, "switch": _switch,
    "pin": _pin, "offline": _offline,
}  # fmt: skip


# -- the ten checks ----------------------------------------------------------------------------------------------------

NO_MOUSE = """
for (const name of ["mousedown", "mouseup", "click", "pointerdown", "touchstart"])
  addEventListener(name, (event) => { if (event.isTrusted && (event.detail || event.clientX || event.clientY)) { event.stopImmediatePropagation(); event.preventDefault(); } }, true);
"""
SOUND = "window.beeps = 0; window.AudioContext = class extends AudioContext { constructor() { super(); window.beeps += 1; } };"
WAYS = itertools.cycle(["card", "phone", "card", "name"])
SHIFTS = itertools.count()


def k1_award_fast(stage, scene):
    """Scan, amount, Enter: at most three keys besides digits, and the new balance two seconds later."""
    page, member = at_till(stage, scene), scene.member()
    stage.gate(page)
    hands = Hands(page)
    hands.scan(card_of(member))
    page.wait_for_url(f"**{page_of(member)}")
    assert page.evaluate("document.activeElement.name") == "amount"
    stage.gate(page, "the member's page")
    hands.type("24.60")
    with stage.timed("K1 award to confirmation", most_ms=2000):
        hands.press("Enter")
        page.wait_for_selector(".till-change")
    assert hands.keys <= 3
    assert (balance_shown(page), sold_to(member)) == (["0", "24"], [2460])
    assert "24" in page.inner_text(".till-words")
    assert page.evaluate("document.activeElement.id") == "find", "ready for the next customer"
    stage.gate(page, "a sale")


def shift(stage, scene, *, sales: int):
    """So many sales by card, phone and name without a mouse, none wrong; returns the seconds of each."""
    page = at_till(stage, scene)
    page.add_init_script(NO_MOUSE)
    page.reload()
    shift_number = next(SHIFTS)  # two on one site meet shoppers of other names
    crew = [scene.member(given=f"Shopper{number}of{shift_number}") for number in range(5)]
    wanted, took = {member.pk: [] for member in crew}, []
    for number in range(sales):
        member, minor = crew[number * 7 % 5], 100 + number * 137
        began = time.perf_counter()
        _find_by(page, member, next(WAYS))
        page.keyboard.type(f"{minor // 100}.{minor % 100:02d}")
        page.keyboard.press("Enter")
        page.wait_for_selector(".till-change")
        took.append(time.perf_counter() - began)
        wanted[member.pk].append(minor)
    for member in crew:
        assert sold_to(member) == wanted[member.pk]
        assert available(member) == sum(wanted[member.pk]) // 100
    return took


def _find_by(page, member, way: str):
    if way == "card":
        page.evaluate("document.activeElement.blur()")
        Hands(page).scan(card_of(member))
    else:
        page.keyboard.press("F2")
        page.keyboard.type(phone_of(member)[-7:] if way == "phone" else member.given_name)
        page.keyboard.press("Enter")
    page.wait_for_url(f"**{page_of(member)}")


def k2_find_by_phone(stage, scene):
    """Last four digits or a name: a masked list, arrows and Enter."""
    first = scene.member(given="Wilma", birth_month=2, birth_day=3)
    second = scene.member(given="Wilma")
    page = at_till(stage, scene)
    page.keyboard.type("wilma")
    with stage.timed("K2 name to list", most_ms=1000):
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-arrows]")
    stage.gate(page, "the list")
    shown = page.inner_text("main")
    for member in (first, second):
        assert member.family_name not in shown
        assert phone_of(member) not in shown
        assert f"member{phone_of(member)[-4:]}@" not in shown
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{page_of(first)}")
    page.keyboard.press("F2")
    page.keyboard.type(phone_of(second)[-4:])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{page_of(second)}")


def k3_scan_from_anywhere(stage, scene):
    """Cards, changing codes and vouchers are told by prefix and check digit wherever the cursor is; never into the amount."""
    page, member, other = at_till(stage, scene), scene.member(), scene.member()
    page.add_init_script(SOUND)
    page.goto(f"{stage.site}{page_of(member)}")
    page.keyboard.type("12.5")
    card = card_of(other)
    Hands(page).scan(card[:-1] + str((int(card[-1]) + 1) % 10))
    page.wait_for_selector("#bad-card:visible")
    stage.gate(page, "a bad card")
    assert page.input_value("[name=amount]") == "12.5", "no digit left"
    page.wait_for_function("window.beeps === 1")
    Hands(page).scan(card)
    page.wait_for_url(f"**{page_of(other)}?amount=12.5")
    assert page.input_value("[name=amount]") == "12.5", "the amount goes along"
    page.evaluate("document.activeElement.blur()")
    Hands(page).scan(operations.card_token(member_id=member.pk).text)
    page.wait_for_url(f"**{page_of(member)}?amount=12.5")
    code = _voucher(scene)
    page.keyboard.press("End")
    Hands(page).scan(code)
    page.wait_for_selector("[name=benefit]:checked")
    assert page.input_value("[name=amount]") == "12.5"
    assert not sold_to(member)
    assert not sold_to(other)


def _voucher(scene) -> str:
    reward, now = Reward.objects.get(name_en="$2 off"), timezone.now()
    pool = loyalty.operations.create_pool(
        name="Spring", reward=reward, count=1, valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=9)
    )
    return pool.codes[0]


def k4_only_valid_rewards(stage, scene):
    """The list fits basket and balance; points pay in part; above the limit the member confirms by their own code."""
    page, member = at_till(stage, scene), scene.member(points=600)
    open_member(page, member)
    page.keyboard.type("12.00")
    page.wait_for_function("document.getElementById('to-pay').textContent.includes('12.00')")
    values = page.eval_on_selector_all("[name=reward]", "(boxes) => boxes.map((box) => box.value)")
    fitting = {str(one.public_id) for one in Reward.objects.filter(points__lte=600, basket_minor_from__lte=1200)}
    assert set(values) == fitting
    page.keyboard.press("F6")
    page.keyboard.press("Space")
    page.wait_for_function("document.getElementById('to-pay').textContent.includes('10.00')")
    page.focus("#points-paid")
    page.keyboard.type("200")
    page.wait_for_function("document.getElementById('to-pay').textContent.includes('8.00')")
    stage.gate(page, "spending")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-change")
    assert available(member) == 600 - 150 - 200 + 8
    _above_the_limit(stage, scene, page)


def _above_the_limit(stage, scene, page):
    SpendingPolicy.objects.update(confirm_points=400)
    rich = scene.member(points=600)
    open_member(page, rich)
    page.keyboard.type("30.00")
    page.focus("#points-paid")
    page.keyboard.type("500")
    page.wait_for_selector("#missing")
    stage.gate(page, "asking the member")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]:visible")
    assert (sold_to(rich), page.input_value("[name=amount]"), page.input_value("#points-paid")) == ([], "30.00", "500")
    page.focus("[name=amount]")
    Hands(page).scan(operations.card_token(member_id=rich.pk).text)
    page.wait_for_selector("#missing", state="detached")
    assert (page.input_value("[name=amount]"), page.input_value("#points-paid")) == ("30.00", "500")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-change")
    assert (sold_to(rich), available(rich)) == ([3000], 600 - 500 + 25)
    SpendingPolicy.objects.update(confirm_points=1000)


def k5_enrol_in_the_queue(stage, scene):
    """Phone and Enter, nothing else; consent stays the member's own; the sale that follows counts."""
    page = at_till(stage, scene)
    hands = Hands(page)
    number = f"212 556 {next(scene.numbers)}"
    with stage.timed("K5 enrol and first sale", most_ms=15_000):
        hands.press("F4")
        page.wait_for_url("**/pos/enrol/")
        stage.gate(page)
        page.keyboard.type(number)
        hands.press("Enter")
        page.wait_for_url("**/pos/members/**")
        hands.type("10")
        hands.press("Enter")
        page.wait_for_selector(".till-change")
    assert hands.keys == 3
    member = queries.by_identifier("phone", number)
    assert (sold_to(member), available(member), member.consents.exists()) == ([1000], 10, False)
    page.keyboard.press("F4")
    page.wait_for_url("**/pos/enrol/")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-first]")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{page_of(member)}")  # who is known already is one key away


READY = "async () => Boolean(navigator.serviceWorker.controller) && Boolean(await caches.match('/pos/offline/'))"
NOTHING_WAITS = "async () => !(await TillQueue.waiting()).length"


def until(page, question: str):
    """Ask until the answer is yes. (`wait_for_function` takes the promise of an answer for a yes.)"""
    deadline = time.monotonic() + 60
    while not page.evaluate(question):
        assert time.monotonic() < deadline, question
        page.wait_for_timeout(50)


def waiting(page) -> int:
    return page.evaluate("async () => (await TillQueue.all()).length")


def k6_works_offline(stage, scene):
    """A banner within two seconds; sales are named and stored first; a killed tab loses none of a hundred; each arrives once."""
    member = scene.member(points=500)
    page = at_till(stage, scene, page_of(member))
    until(page, READY)
    page.keyboard.type("12.00")
    context = page.context
    stage.cut_off(page)
    with stage.timed("K6 banner", most_ms=2000):
        page.wait_for_selector("#connection [data-cut-off]:visible")
    page.keyboard.press("Enter")
    page.wait_for_selector("#told:visible")
    stage.gate(page, "cut off")
    assert (waiting(page), sold_to(member)) == (1, [])
    _sell_offline(page, card_of(member))
    _no_points_offline(stage, page, scene, member)
    page.evaluate(
        """async (who) => { for (let n = 1; n <= 98; n++) await TillQueue.add(
        { key: crypto.randomUUID(), who, amount_minor: 100 + n, at: new Date(Date.now() - 60000 + n).toISOString() }) }""",
        card_of(member),
    )
    page.close()  # the tab is gone, and with it everything that was not stored
    first, second = context.new_page(), context.new_page()  # two windows of one till come back at once
    stage.cut_off(first, is_offline=False)
    with stage.timed("K6 a hundred sales handed in", most_ms=30_000):
        first.goto(f"{stage.site}/pos/")
        second.goto(f"{stage.site}/pos/")
        for window in (first, second):
            until(window, NOTHING_WAITS)
    assert sorted(sold_to(member)) == sorted([1200, 2460, *range(101, 199)])
    stage.troubles.clear()  # the browser notes every request that met no network


def _sell_offline(page, card: str):
    """Card, amount, Enter; a card scanned into the amount goes where it belongs; a bad one is told."""
    page.focus("#amount")
    Hands(page).scan(card[:-1] + str((int(card[-1]) + 1) % 10))
    page.wait_for_selector("#wrong:visible")
    page.focus("#amount")
    Hands(page).scan(card)
    assert (page.input_value("#who"), page.input_value("#amount")) == (card, "")
    page.keyboard.type("24.60")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.name === 'who' && !document.getElementById('amount').value")
    assert (page.locator("#told").is_visible(), waiting(page)) == (True, 2)


def _no_points_offline(stage, page, scene, member):
    """Points are not spent where the balance is unknown: nothing is kept, and the amount stays."""
    stage.cut_off(page, is_offline=False)
    page.evaluate("TillQueue.handIn = () => false")
    page.goto(page.url.split("/pos/")[0] + page_of(member))
    page.evaluate("TillQueue.handIn = () => false")
    page.keyboard.type("9.00")
    page.fill("#points-paid", "100")
    stage.cut_off(page)
    kept = waiting(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#wrong:visible")
    assert page.input_value("#amount") == "9.00"
    assert waiting(page) <= kept  # fewer, where a sale was on its way when the line was cut


def k7_refund_right(stage, scene):
    """In part, then the rest, at another store: points follow, and the effect is shown before it is confirmed."""
    page, member = at_till(stage, scene), scene.member(points=40)  # 4 pieces of tea for $40, sold at the other store
    open_member(page, member)
    page.keyboard.press("F8")
    page.wait_for_selector("[data-arrows]")
    stage.gate(page, "their purchases")
    page.keyboard.press("Enter")
    page.wait_for_url("**/refund/")
    stage.gate(page, "a refund")
    assert balance_shown(page) == ["40", "0"]
    page.fill("[name=pieces-1]", "1")
    page.wait_for_function("document.querySelector('.till-change').innerText.includes('30')")
    assert (balance_shown(page), available(member)) == (["40", "30"], 40), "shown, and nothing moved"
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/*/")
    assert (balance_shown(page), available(member), sold_to(member)) == (["40", "30"], 30, [-1000])
    open_member(page, member)
    page.keyboard.press("F8")
    page.wait_for_selector("[data-arrows]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/refund/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/*/")
    assert (available(member), sold_to(member)) == (0, [-1000, -3000])


def k8_fix_a_slip(stage, scene):
    """Another member before pay by two keys, the amount kept; one's own last sale voided by two, and that is written down."""
    page, wrong, right = at_till(stage, scene), scene.member(), scene.member()
    hands = Hands(page)
    open_member(page, wrong)
    hands.type("19.00")
    hands.press("F2")
    hands.type(phone_of(right)[-7:])
    hands.press("Enter")
    page.wait_for_url(f"**{page_of(right)}?amount=19.00")
    assert (hands.keys, page.input_value("[name=amount]")) == (2, "19.00")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-change")
    assert (sold_to(wrong), sold_to(right)) == ([], [1900])
    hands = Hands(page)
    hands.press("F7")
    page.wait_for_url("**/void/")
    assert balance_shown(page) == ["19", "0"]
    stage.gate(page)
    hands.press("Enter")
    page.wait_for_url("**/pos/sales/*/")
    assert hands.keys <= 3
    assert (sold_to(right), available(right)) == ([1900, -1900], 0)
    assert Access.objects.filter(member=right, user=scene.casey, act="voided").count() == 1


def k9_no_mouse_no_loss(stage, scene, *, sales: int = 10):
    """A shift with the mouse blocked, none wrong; keys on the buttons; a slow answer loses nothing; two Enters are one sale."""
    took = shift(stage, scene, sales=sales)
    stage.note(f"K9 a sale, 95th percentile of {sales}, s", sorted(took)[int(len(took) * 0.95) - 1], 10)
    page, member = at_till(stage, scene), scene.member()
    if stage.width >= 720:
        shown = " ".join(page.locator(".kbd:visible").all_inner_texts())
        for key in ("F2", "F4", "F7", "F8", "F9", "Esc"):
            assert key in shown
    open_member(page, member)
    page.keyboard.type("33.00")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-change")
    assert sold_to(member) == [3300]
    _answer_lost(stage, page, scene)


def _answer_lost(stage, page, scene):
    """The house recorded the sale and its answer was lost: the till keeps it, tells it again, and it is one sale."""
    member = scene.member()
    until(page, READY)
    open_member(page, member)
    page.keyboard.type("44.00")
    key = page.input_value("[name=key]")
    page.evaluate(
        """async (address) => { const form = new FormData(document.getElementById("sale")); await fetch(address, { method: "POST", body: form, redirect: "manual" }); }""",
        page_of(member),
    )
    assert sold_to(member) == [4400]
    stage.cut_off(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#told:visible")
    assert page.evaluate("async (key) => (await TillQueue.all()).some((sale) => sale.key === key)", key)
    stage.cut_off(page, is_offline=False)
    until(page, "async () => !(await TillQueue.all()).length")
    assert sold_to(member) == [4400]
    stage.troubles.clear()


def k10_shared_till(stage, scene):
    """A PIN changes hands in seconds; left alone it locks; nobody serves themselves; the balance is read from a metre away."""
    page = at_till(stage, scene, who=scene.casey)
    with stage.timed("K10 switch by PIN", most_ms=3000):
        page.keyboard.press("F9")
        page.wait_for_url("**/pos/switch/")
        page.keyboard.type("7305")
        page.keyboard.press("Enter")
        page.wait_for_selector(".banner--success")
    assert "Dana" in page.locator(".banner--success").inner_text()
    page.keyboard.press("F9")
    page.wait_for_url("**/pos/switch/")
    assert "Casey" in page.locator("[data-choose] label", has=page.locator("input:checked")).inner_text()
    stage.gate(page)
    _locks_itself(stage, page, scene)
    me = queries.by_identifier("email", "dana@example.com") or operations.enrol(
        at=timezone.now(), source="web", email="dana@example.com", given_name="Dana"
    )
    page.goto(f"{stage.site}{page_of(me)}")
    page.keyboard.type("50.00")
    page.keyboard.press("Enter")
    page.wait_for_selector("main [role=alert]:visible")
    assert (sold_to(me), page.input_value("[name=amount]")) == ([], "50.00")
    page.keyboard.press("Escape")
    page.wait_for_url("**/pos/")
    member = scene.member()
    open_member(page, member)
    page.keyboard.type("5.00")
    page.keyboard.press("Enter")
    page.wait_for_selector(".till-change strong")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.till-change strong')).fontSize)") >= 32


def _locks_itself(stage, page, scene):
    page.clock.install()
    page.goto(f"{stage.site}{page_of(scene.maria)}")
    page.keyboard.type("24.60")
    page.clock.fast_forward("02:05")
    page.wait_for_selector("#till-lock[open]")
    stage.gate(page, "the lock")
    page.keyboard.type("0000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#till-lock [data-wrong]:visible")
    stage.troubles.clear()  # the browser notes the refusal
    page.keyboard.type("7305")
    page.keyboard.press("Enter")
    page.wait_for_selector("#till-lock", state="hidden")
    assert (page.input_value("[name=amount]"), page.evaluate("document.activeElement.name")) == ("24.60", "amount")


def a_whole_shift(stage, scene):
    """Sixty sales in ten minutes with the mouse blocked, none wrong."""
    stage.note("K9 sixty sales, s", sum(shift(stage, scene, sales=60)), 600)


LONG = [a_whole_shift]  # the drill's only
CHECKS = [
    k1_award_fast, k2_find_by_phone, k3_scan_from_anywhere, k4_only_valid_rewards, k5_enrol_in_the_queue, k6_works_offline,
    k7_refund_right, k8_fix_a_slip, k9_no_mouse_no_loss, k10_shared_till,
]  # fmt: skip
