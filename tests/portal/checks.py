"""What a member may count on: the promises of the portal, each a function that holds them against a real browser.

In the suite each runs once, at one width; in `make drill ONLY=screens` at every width, theme and language, on a slow machine
behind a far network, with the times judged. Each makes what it changes itself, so that they run in any order on one scene.
"""

import io
import itertools
import json
import re
import threading
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core import mail
from django.db.models import F
from django.template.defaultfilters import date as date_filter
from django.test import override_settings
from django.utils import timezone, translation

import delivery.operations
import loyalty.operations
import loyalty.queries
import loyalty.rewards
import push.operations
import push.queries
from delivery import tokens
from delivery.channels import Outgoing
from delivery.models import Message
from demo.push_endpoint import PushEndpoint
from loyalty.models import Redemption, Reward, Tier
from members import card_tokens, operations, queries
from members.models import Member
from push import rendering
from push.models import PushTemplate
from push.web import WebPushChannel
from recommender.models import Dismissal
from sales.lines import Line
from tests.loyalty.stripe_double import SECRET, StripeDouble
from tests.portal import scene as scenes

NUMBERS = itertools.count(1)
TAPS = "window.taps = 0; addEventListener('click', (event) => { if (event.isTrusted && event.detail) window.taps += 1; }, true);"


def set_up():
    """The scene; letters are read from memory, whatever would carry them outside."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    return scenes.make()


def at_portal(stage, member, path: str = ""):
    """A new window on a page of this member's."""
    page = stage.page()
    name, value = scenes.cookie(member)
    page.context.add_cookies([{"name": name, "value": value, "url": stage.site}])
    page.goto(f"{stage.site}/portal/{path}")
    return page


def somebody(points: int = 0) -> Member:
    """A member nobody else uses, with so many points."""
    number = next(NUMBERS)
    member = operations.enrol(
        at=timezone.now() - timedelta(days=30), source="test", given_name="Nora", email=f"nora.{number}@example.com"
    )
    if points:
        loyalty.operations.adjust(
            member_id=member.pk, points=points, reason="Welcome", source="checks", client_key=f"welcome-{number}",
            by_user_id=None, at=timezone.now(),
        )  # fmt: skip
    return member


def available(member) -> int:
    return loyalty.queries.balance(member.pk, at=timezone.now()).available


def code_sent() -> str:
    """The code of the letter that is on its way."""
    for thread in threading.enumerate():
        if thread.name == "sign-in code":
            thread.join(120)
    return re.search(r"\b\d{6}\b", mail.outbox[-1].subject).group()


@contextmanager
def reading(stage):
    """Words made here are in the language of the page."""
    with translation.override(stage.language):
        yield


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


# -- coming in ---------------------------------------------------------------------------------------------------------


def p1_join_with_one_address(stage, scene):
    """One field, a consent nobody ticked, a code, and in: three taps at most beside typing."""
    page, address = stage.page(), f"new.{next(NUMBERS)}@example.com"
    page.add_init_script(TAPS)
    page.goto(f"{stage.site}/portal/join/")
    stage.gate(page, "join")
    assert page.locator("main input:visible").count() == 2, "one field and the consent"
    assert not page.is_checked("[name=consent]")
    with stage.timed("P1 from the form to the card", most_ms=20_000):
        page.keyboard.type(address)
        page.click("main form button[type=submit]")
        page.wait_for_url("**/login/code/")
        stage.gate(page, "code")
        page.keyboard.type(code_sent())  # the sixth digit sends it
        page.wait_for_url("**/portal/welcome/")
    member = queries.by_identifier("email", address)
    assert member.consents.count() == 0, "nothing was allowed by joining"
    stage.gate(page, "welcome")
    page.click("main a[href='/portal/card/']")
    page.wait_for_selector("[data-qr] svg")


def passkey_instead_of_a_code(stage, scene):
    """A passkey made once opens the portal without a code or a password, and a removed one opens nothing."""
    local = replace(stage, site=stage.site.replace("127.0.0.1", "localhost"))  # a passkey belongs to a name
    member = somebody()
    page = at_portal(local, member, "preferences/")
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.click("[data-passkey-make]")
    page.wait_for_function("document.querySelector('[data-passkey-status]').textContent.trim() !== ''")
    assert member.passkeys.count() == 1
    for _again in range(2):
        page.goto(f"{local.site}/portal/me/")
        page.click("[data-leave] button")
        page.wait_for_url("**/portal/login/")
        page.click("[data-passkey-login]")
        page.wait_for_url("**/portal/")
    assert "Nora" in page.inner_text("h1")
    operations.remove_passkey(member=member, passkey_id=member.passkeys.get().pk)
    page.goto(f"{local.site}/portal/me/")
    page.click("[data-leave] button")
    page.wait_for_url("**/portal/login/")
    page.click("[data-passkey-login]")
    page.wait_for_function("document.querySelector('[data-passkey-status]').textContent.trim() !== ''")
    assert page.url.endswith("/portal/login/")
    stage.troubles.clear()  # the browser notes the refusal


# -- at a glance -------------------------------------------------------------------------------------------------------


def p2_balance_at_a_glance(stage, scene):
    """Balance, next reward and missing points stand in the first 740 pixels, and are the ledger's own."""
    page = at_portal(stage, scene.hero)
    stage.gate(page, "home")
    offered = loyalty.rewards.on_offer(member_id=scene.hero.pk, at=timezone.now())
    nearest = next(one for one in offered if one.why_not == "too_few")
    for selector in ("[data-points]", "[data-next-reward]"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 740, f"{selector} ends at {box['y'] + box['height']}"
    assert number(page.inner_text("[data-points]")) == available(scene.hero)
    assert page.get_attribute("[data-next-reward]", "data-missing") == str(nearest.missing)
    words = page.inner_text("[data-next-reward]")
    with reading(stage):
        assert nearest.reward.name in words
    assert f"{nearest.missing:,}" in words


def p6_expiry_never_a_surprise(stage, scene):
    """The next amount and its day stand on the home page, as the ledger has them."""
    page = at_portal(stage, scene.hero)
    day, points = loyalty.queries.balance(scene.hero.pk, at=timezone.now()).next_expiry
    words = page.inner_text("[data-expiry]")
    with reading(stage):
        assert date_filter(day, "DATE_FORMAT") in words
    assert f"{points:,}" in words


def p7_tier_is_clear(stage, scene):
    """The tier now, what the next one asks and by when: the ledger's own words."""
    page = at_portal(stage, scene.hero)
    with reading(stage):
        way = loyalty.queries.tier_progress(scene.hero.pk, at=timezone.now())
        words = page.inner_text("[data-tier]")
        assert way.way.words in words
        assert date_filter(way.window_ends, "DATE_FORMAT") in words
    meter = page.locator("[data-tier] progress")
    shown = (meter.get_attribute("value"), meter.get_attribute("max"))
    assert shown == (str(way.qualifying), str(way.qualifying + way.missing))


# -- at the counter ----------------------------------------------------------------------------------------------------


def p3_card_at_the_counter(stage, scene):
    """One tap away, large, changing within a minute, refused the second time, and readable without a network."""
    page = at_portal(stage, scene.hero)
    page.clock.install()
    page.reload()
    page.click("nav a[href='/portal/card/']")
    first = _token(page)
    assert page.locator("[data-qr] svg").bounding_box()["width"] >= 200
    stage.gate(page, "card")
    assert operations.accept_card_token(token=first) == scene.hero
    try:
        operations.accept_card_token(token=first)
    except operations.BadCardToken:
        pass
    else:
        raise AssertionError("a code was taken twice")
    page.clock.fast_forward(int(card_tokens.SHOWN_FOR.total_seconds() * 1000) + 2000)
    page.wait_for_function(
        "(first) => ![first, ''].includes(document.querySelector('[data-qr]').dataset.token)", arg=first
    )
    assert operations.accept_card_token(token=_token(page)) == scene.hero
    _card_without_a_network(stage, scene)


def _token(page) -> str:
    page.wait_for_selector("[data-qr][data-token]:not([data-token=''])")
    return page.get_attribute("[data-qr]", "data-token")


def _card_without_a_network(stage, scene):
    page = at_portal(stage, scene.hero, "card/")
    page.wait_for_function("async () => Boolean(await caches.match('/portal/card/pocket/'))")
    page.wait_for_function("Boolean(navigator.serviceWorker.controller)")
    page.reload()  # so that the worker has seen every file of the page
    _token(page)
    stage.cut_off(page)
    page.wait_for_selector("[data-qr][data-token='']")
    for path in ("", "card/", "rewards/"):
        page.goto(f"{stage.site}/portal/{path}")
        assert page.locator("[data-pocket] .show__qr svg").bounding_box()["width"] >= 200
        words = page.inner_text("main")
        assert scene.hero_card in words
        assert f"{available(scene.hero):,}" in words
        assert page.locator(".ticket__code svg").count() >= 1, "the voucher in hand"
    stage.gate(page, "pocket, offline")
    stage.cut_off(page, is_offline=False)
    stage.troubles.clear()  # the browser notes what it could not load


def p4_points_come_at_once(stage, scene):
    """The till awards, and the open card says so within five seconds; points that wait say until when."""
    member = somebody(points=10)
    page = at_portal(stage, member, "card/")
    _token(page)
    with stage.timed("P4 from the till to the phone", most_ms=5000):
        loyalty.operations.record_purchase(
            source="till:292", client_key=f"p4-{member.pk}", store_code="292", purchased_at=timezone.now(), currency="USD",
            lines=[Line("milk", Decimal(1), 2400)], member_id=member.pk,
        )  # fmt: skip
        page.wait_for_selector("[data-came]:visible")
    assert number(page.inner_text(".show__points [data-points]")) == available(member)
    page.goto(f"{stage.site}/portal/history/")
    assert page.locator("[data-closing] .list__row").count() == len(loyalty.queries.entries(member.pk))


# -- the ledger --------------------------------------------------------------------------------------------------------


def p5_every_point_explained(stage, scene):
    """What, where, when, why and the balance after; every page adds up, the last one from nothing."""
    page, above = at_portal(stage, scene.hero, "history/"), available(scene.hero)
    stage.gate(page, "history")
    entries = loyalty.queries.entries(scene.hero.pk, limit=1000)
    shown = 0
    while True:
        sheet = page.locator("[data-closing]")
        opening, change, closing = (
            int(sheet.get_attribute(f"data-{name}")) for name in ("opening", "change", "closing")
        )
        assert opening + change == closing == above
        shown, above = shown + page.locator("[data-closing] .list__row").count(), opening
        older = page.locator("a[rel=next]")
        if not older.count():
            break
        older.click()
        page.wait_for_load_state()
    assert (above, shown) == (0, len(entries))
    bought = next(one for one in entries if one.purchase_id)
    page.goto(f"{stage.site}/portal/history/{bought.version}/")
    stage.gate(page, "an entry")
    words = page.inner_text("main")
    with reading(stage):
        told = next(one for one in loyalty.queries.entries(scene.hero.pk, limit=1000) if one.version == bought.version)
    assert told.sentence in words
    assert "Store " in words
    assert f"{bought.available_after:,}" in words


def p8_redeem_safely(stage, scene):
    """Out of reach is grey and says how much is missing; a double tap is one; two phones are one; undone until used."""
    member, coffee = somebody(points=70), Reward.objects.get(name_en="Free coffee")
    page, other = at_portal(stage, member, "rewards/"), at_portal(stage, member, "rewards/")
    stage.gate(page, "rewards")
    missing = {
        one.missing
        for one in loyalty.rewards.on_offer(member_id=member.pk, at=timezone.now())
        if one.why_not == "too_few"
    }
    assert {int(one.get_attribute("data-later")) for one in page.locator("[data-later]").all()} == missing
    assert "20" in page.locator("[data-later='20']").inner_text(), "$5 off costs 90 points"
    assert not page.locator("[data-later] button").count()
    take = f"[data-reward='{coffee.pk}'] button"
    page.dblclick(take)
    page.wait_for_url("**/portal/vouchers/**")
    assert (available(member), Redemption.objects.filter(wallet__member=member).count()) == (30, 1)
    stage.gate(page, "voucher")
    other.click(take)
    other.wait_for_selector("[role=alert]")
    assert (available(member), Redemption.objects.filter(wallet__member=member).count()) == (30, 1)
    page.click(".undo button")
    page.wait_for_url("**/portal/rewards/")
    assert available(member) == 70
    state = Redemption.objects.get(wallet__member=member).state
    assert state != Redemption.State.GRANTED
    _two_phones_at_once(stage, coffee)


def _two_phones_at_once(stage, coffee):
    """Both forms are sent before either is answered: the ledger decides, and only one is told yes."""
    member = somebody(points=60)
    phones = [at_portal(stage, member, "rewards/") for _phone in range(2)]
    for phone in phones:
        phone.evaluate("(id) => document.querySelector(`[data-reward='${id}'] form`).requestSubmit()", coffee.pk)
    for phone in phones:
        phone.wait_for_selector("[role=alert], .ticket--whole")
    outcomes = sorted(phone.locator(".ticket--whole").count() for phone in phones)
    assert (outcomes, available(member)) == ([0, 1], 20)


# -- the member decides ------------------------------------------------------------------------------------------------


def p9_leave_easily(stage, scene):
    """One click without signing in; a scanner's GET changes nothing; a mail program's POST does."""
    clicked, posted = somebody(), somebody()
    for member in (clicked, posted):
        operations.give_consent(member=member, channel="email", is_granted=True, at=timezone.now(), source="portal")
    delivery.operations.enqueue(
        messages=Member.objects.filter(pk__in=[clicked.pk, posted.pk]).values(member_id=F("pk")), cause="checks:leave",
        channel="email", at=timezone.now(), content="emails.FrozenEmail:1",
    )  # fmt: skip
    address = {
        m.member_id: f"{stage.site}/m/u/{tokens.token_for(m.pk)}" for m in Message.objects.filter(cause="checks:leave")
    }
    page = stage.page()
    page.goto(address[clicked.pk])
    stage.gate(page, "unsubscribe")
    assert _is_allowed(clicked)
    with stage.timed("P9 until it counts", most_ms=60_000):
        page.click("main button[type=submit]")
        page.wait_for_selector("main h1")
        assert not _is_allowed(clicked)
    request = urllib.request.Request(address[posted.pk], data=b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert not _is_allowed(posted)


def _is_allowed(member) -> bool:
    return queries.consent_now(member.pk, at=timezone.now() + timedelta(seconds=1)).get(("email", "marketing"), False)


def p10_my_data(stage, scene):
    """Everything in one file within a minute; why an offer, and a no obeyed at once; gone in two steps that say what is lost."""
    page = at_portal(stage, scene.hero, "offers/")
    stage.gate(page, "offers")
    first = page.locator("[data-offer]").first
    category = first.get_attribute("data-offer")
    assert len(first.locator("[data-why]").inner_text()) > len("Why this?")
    first.locator(".offer__act button").click()
    page.wait_for_selector(".dismissed")
    assert Dismissal.objects.filter(member=scene.hero, category_id=category).exists()
    page.reload()
    assert not page.locator(f"[data-offer='{category}']").count()
    page.goto(f"{stage.site}/portal/data/")
    stage.gate(page, "my data")
    with stage.timed("P10 export", most_ms=60_000), page.expect_download() as file:
        page.click("a[download]")
    with zipfile.ZipFile(io.BytesIO(file.value.path().read_bytes())) as files:
        assert scene.hero_email in files.read("index.html").decode()
        assert json.loads(files.read("data.json"))["sections"]["profile"]
    _leave_for_good(stage)


def _leave_for_good(stage):
    member = somebody(points=77)
    page = at_portal(stage, member, "data/")
    page.click("main a[href='/portal/data/delete/']")
    page.wait_for_url("**/data/delete/")
    assert "77" in page.inner_text("main"), "what is lost"
    stage.gate(page, "what is lost")
    page.click("main a[href='/portal/data/delete/confirm/']")
    page.wait_for_url("**/confirm/")
    assert Member.objects.get(pk=member.pk).status == Member.Status.ACTIVE
    page.check("[name=understood]")
    page.click("main button[type=submit]")
    page.wait_for_url("**/goodbye/")
    assert Member.objects.get(pk=member.pk).status == Member.Status.ERASED


def paid_tier(stage, scene):
    """Join a paid tier at the payment provider's page; the tier comes with its signed word, never with a forged one, and goes on request."""
    member, double = somebody(), StripeDouble()
    loyalty.operations.change_tier(
        code="plus", name_en="Plus", name_zh="优享会员", how="paid", rank=8, benefits=[("Free delivery", "免运费")]
    )
    loyalty.operations.add_plan(
        tier_code="plus", price_id="price_plus", amount_minor=499, currency="USD", interval="month"
    )
    keys = {"STRIPE_SECRET_KEY": "sk_test_double", "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_URL": double.url}
    try:
        with override_settings(**keys):
            _pay_for_a_tier(stage, member, double)
    finally:
        double.stop()


def _pay_for_a_tier(stage, member, double):
    page = at_portal(stage, member, "membership/")
    stage.gate(page, "plans")
    page.click("form.plan button[type=submit]")
    page.wait_for_url("**/pay/**")
    page.click("button")
    page.wait_for_selector("#paid")
    [(body, signature)] = double.unsent
    assert _tell(stage, body, signature.replace("v1=", "v1=0")) == 400
    page.reload()
    assert not page.locator("[data-membership]").count(), "nobody holds what was not confirmed"
    assert _tell(stage, body, signature) == 200
    page.wait_for_selector("[data-membership=plus]")  # the page asks again by itself
    page.goto(f"{stage.site}/portal/")
    with reading(stage):
        assert Tier.objects.get(code="plus").name in page.inner_text(".hero__tier")
    page.goto(f"{stage.site}/portal/membership/")
    stage.gate(page, "a membership")
    page.click("[data-membership] button")
    page.wait_for_selector("[data-membership]:not(:has(form))")
    assert next(iter(double.subscriptions.values()))["cancel_at_period_end"]


def _tell(stage, body: bytes, signature: str) -> int:
    """The provider calls our address; what we answer."""
    said = urllib.request.Request(f"{stage.site}/api/v1/stripe/events/", body, {"Stripe-Signature": signature})
    try:
        with urllib.request.urlopen(said) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def installable_as_an_app(stage, scene):
    """The browser finds nothing that keeps the pages from the home screen: name, icons, first page, worker."""
    page = at_portal(stage, scene.hero)
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    wire = page.context.new_cdp_session(page)
    told = wire.send("Page.getAppManifest")
    assert not told["errors"]
    manifest = json.loads(told["data"])
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/portal/")
    problems = {one["errorId"] for one in wire.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert problems <= {"in-incognito"}, problems  # every window of a check is a private one


ASKED = "window.asked = 0; const ask = Notification.requestPermission.bind(Notification); Notification.requestPermission = () => { window.asked += 1; return ask(); };"
NO_SERVICE = """
const given = %s;  // what a browser's own push service would hand out, which a closed network does not reach
PushManager.prototype.subscribe = async () => ({ toJSON: () => given });
"""
OPENED = "() => { self.opened = []; clients.openWindow = async (address) => { self.opened.push(address); }; }"
TAPPED = """async () => {
  const [shown] = await registration.getNotifications();
  dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
}"""
SHOWN = "async () => (await registration.getNotifications()).map((one) => [one.title, one.body])"


def a_push_is_asked_for_when_wanted_shown_and_followed(stage, scene):
    """Nobody is asked on arrival, only after a tap; the real worker shows what was sent encrypted, and a tap opens its page."""
    member = somebody()
    with PushEndpoint() as service:
        page = stage.page()
        page.context.grant_permissions(["notifications"], origin=stage.site)
        page.add_init_script(ASKED + NO_SERVICE % json.dumps(service.new_subscription("browser")))
        name, value = scenes.cookie(member)
        page.context.add_cookies([{"name": name, "value": value, "url": stage.site}])
        for path in ("", "card/", "messages/"):
            page.goto(f"{stage.site}/portal/{path}")
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.asked") == 0, f"asked on arrival at {path}"
        page.click("[data-push-on]")
        page.wait_for_selector("[data-push-off]:visible")
        assert page.evaluate("window.asked") == 1
        assert push.queries.is_subscribed(member.pk)
        message = _pushed_to(member, stage)
        [payload] = [received.payload for received in service.messages]
    worker = _delivered(stage, page, payload.decode())
    with reading(stage):
        assert worker.evaluate(SHOWN) == [["Your coffee waits", "At the counter, until Sunday."]]
    worker.evaluate(OPENED)
    worker.evaluate(TAPPED)
    stage.until(page, lambda: worker.evaluate("() => self.opened.length") == 1)
    [address] = worker.evaluate("() => self.opened")
    page.goto(address)
    assert "/portal/rewards/" in page.url, page.url
    assert message.events.filter(kind="clicked").count() == 1


def _pushed_to(member, stage) -> Message:
    """Send a push through our own web push, over the wire, encrypted for this browser; the outbox's row of it."""
    template = PushTemplate.objects.create(name="Coffee", url="/portal/rewards/")
    template.wordings.create(language="en", title="Your coffee waits", body="At the counter, until Sunday.")
    template.save_revision().publish()
    frozen = push.operations.freeze(template=template, language="en", site_url=stage.site)
    operations.give_consent(member=member, channel="push", is_granted=True, at=timezone.now(), source="portal")
    delivery.operations.enqueue(
        messages=Member.objects.filter(pk=member.pk).values(member_id=F("pk")), cause=f"checks:push:{member.pk}",
        channel="push", at=timezone.now(), content=f"push.FrozenPush:{frozen.pk}",
    )  # fmt: skip
    message = Message.objects.get(cause=f"checks:push:{member.pk}")
    Message.objects.filter(pk=message.pk).update(sent_at=timezone.now())
    content = rendering.render(frozen, {}, link_base=f"{stage.site}/m", token=tokens.token_for(message.pk))
    channel = WebPushChannel()
    (result,) = channel.send([Outgoing("checks@shop.example", push.queries.devices([member.pk])[member.pk], content)])
    channel.close()
    assert result.outcome == "accepted", result.detail
    return message


def _delivered(stage, page, payload: str):
    """Hand the payload to the worker, as the browser does with what its push service brings; answers the worker."""
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    wire, registered = page.context.new_cdp_session(page), []
    wire.on("ServiceWorker.workerRegistrationUpdated", lambda told: registered.extend(told["registrations"]))
    wire.send("ServiceWorker.enable")
    stage.until(page, lambda: registered)
    wire.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": stage.site, "registrationId": registered[0]["registrationId"], "data": payload},
    )
    worker = page.context.service_workers[0]
    stage.until(page, lambda: worker.evaluate(SHOWN))
    return worker


CHECKS = [
    p1_join_with_one_address, p2_balance_at_a_glance, p3_card_at_the_counter, p4_points_come_at_once,
    p5_every_point_explained, p6_expiry_never_a_surprise, p7_tier_is_clear, p8_redeem_safely, p9_leave_easily, p10_my_data,
    passkey_instead_of_a_code, installable_as_an_app, paid_tier, a_push_is_asked_for_when_wanted_shown_and_followed,
]  # fmt: skip


# -- pages worth looking at ---------------------------------------------------------------------------------------------


def _page(path: str):
    def opened(stage, scene):
        return at_portal(stage, scene.hero, path)

    return opened


def _door(path: str):
    def opened(stage, scene):
        page = stage.page()
        page.goto(f"{stage.site}/portal/{path}")
        return page

    return opened


def _voucher(stage, scene):
    page = at_portal(stage, scene.hero, "rewards/")
    page.click("a.ticket")
    page.wait_for_url("**/portal/vouchers/**")
    return page


PAGES = {
    "join": _door("join/"), "login": _door("login/"), "home": _page(""), "card": _page("card/"), "pocket": _page("card/pocket/"),
    "rewards": _page("rewards/"), "voucher": _voucher, "offers": _page("offers/"), "history": _page("history/"),
    "goals": _page("goals/"), "sharing": _page("sharing/"), "membership": _page("membership/"), "claim": _page("claim/"),
    "messages": _page("messages/"), "preferences": _page("preferences/"), "me": _page("me/"), "write": _page("write/"), "my_data": _page("data/"),
    "help": _door("pages/help/"), "how_it_works": _door("pages/how-it-works/"),
}  # fmt: skip
