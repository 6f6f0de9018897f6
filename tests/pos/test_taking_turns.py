"""One till, several cashiers: PINs, the lock, and handing over."""

import time
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from members import operations
from members.models import TillPin
from pos import taking_turns
from sales.models import Purchase, Store

pytestmark = pytest.mark.django_db
LOCKED = 423


@pytest.fixture(autouse=True)
def passwords_that_are_quick_to_check(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dana(counter):
    """A colleague at the same store, with a PIN."""
    dana = operations.add_staff(email="dana@example.com", roles=["cashier"], given_name="Dana")
    counter.store.staff.add(dana)
    operations.set_pin(user=dana, pin="7305")
    return dana


def leave_alone(client, seconds=taking_turns.IDLE_SECONDS + 1):
    session = SessionStore(client.cookies[f"{django_settings.SESSION_COOKIE_NAME}_pos"].value)
    session[taking_turns.SEEN] = time.time() - seconds
    session.save()


def who(client) -> str:
    return client.get("/pos/").wsgi_request.user.first_name


# -- PINs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin", "words"), [("12", "four to six"), ("12a4", "four to six"), ("1111", "guessed"), ("1234", "guessed")]
)
def test_a_pin_that_is_guessed_first_is_refused(till, counter, pin, words):
    page = till.post("/pos/pin/", {"pin": pin, "again": pin})
    assert words in page.content.decode()
    assert not TillPin.objects.exists()


def test_a_pin_is_typed_twice_and_kept_as_a_hash(till, counter):
    assert "not the same" in till.post("/pos/pin/", {"pin": "7305", "again": "7306"}).content.decode()
    till.post("/pos/pin/", {"pin": "7305", "again": "7305"})
    assert "7305" not in TillPin.objects.get(user=counter.cashier).pin_hash
    operations.check_pin(user=counter.cashier, pin="7305")


def test_five_wrong_tries_shut_it_for_a_quarter_of_an_hour(dana):
    for _try in range(5):
        with pytest.raises(operations.WrongPin, match="not the right PIN"):
            operations.check_pin(user=dana, pin="0000")
    with pytest.raises(operations.WrongPin, match="Wait 15 minutes"):
        operations.check_pin(user=dana, pin="7305")
    TillPin.objects.update(tried_at=timezone.now() - timedelta(minutes=16))
    operations.check_pin(user=dana, pin="7305")


def test_a_right_try_forgets_the_wrong_ones(dana):
    for _round in range(3):
        for _try in range(4):
            with pytest.raises(operations.WrongPin):
                operations.check_pin(user=dana, pin="0000")
        operations.check_pin(user=dana, pin="7305")


# -- the lock ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def locking(till, counter):
    operations.set_pin(user=counter.cashier, pin="4826")
    till.get("/pos/")
    leave_alone(till)
    return till


def test_a_till_left_alone_shows_nothing_until_the_pin(locking, counter):
    page = locking.get(f"/pos/members/{counter.maria.public_id}/")
    assert page.status_code == LOCKED
    assert "Maria" not in page.content.decode()
    wrong = locking.post(f"/pos/members/{counter.maria.public_id}/", {"till_pin": "0000"})
    assert (wrong.status_code, "not the right PIN" in wrong.content.decode()) == (LOCKED, True)
    right = locking.post(f"/pos/members/{counter.maria.public_id}/", {"till_pin": "4826"}, follow=True)
    assert "Maria" in right.content.decode()


def test_what_was_typed_is_carried_through_the_lock_and_done_once(locking, counter):
    address = f"/pos/members/{counter.maria.public_id}/"
    page = locking.post(address, {"key": "a" * 32, "amount": "24.60"})
    assert page.status_code == LOCKED
    assert Purchase.objects.count() == 0
    carried = dict(page.context["carried"])
    assert carried["amount"] == "24.60"
    locking.post(address, {**carried, "till_pin": "4826"})
    locking.post(address, {**carried, "till_pin": "4826"})
    assert [p.total_minor for p in Purchase.objects.all()] == [2460]


def test_a_till_without_pin_and_a_till_in_use_stay_open(till, counter):
    till.get("/pos/")
    leave_alone(till)
    assert till.get("/pos/").status_code == 200, "without a PIN there is nothing to open it with"
    operations.set_pin(user=counter.cashier, pin="4826")
    leave_alone(till, seconds=60)
    assert till.get("/pos/").status_code == 200


def test_the_cover_of_a_page_is_taken_off_by_the_pin(locking):
    assert locking.post("/pos/unlock/", {"till_pin": "0000"}).json()["reason"].startswith("This is not the right PIN")
    assert locking.post("/pos/unlock/", {"till_pin": "4826"}).status_code == 204
    assert locking.get("/pos/").status_code == 200


# -- handing over ------------------------------------------------------------------------------------------------------


def test_a_colleague_takes_over_with_a_session_of_her_own(till, counter, dana):
    till.get("/pos/")
    before = Session.objects.get().session_key
    assert who(till) == "Casey"
    till.post("/pos/switch/", {"cashier": dana.pk, "till_pin": "7305"})
    assert who(till) == "Dana"
    assert not Session.objects.filter(session_key=before).exists()
    page = till.get("/pos/pin/").content.decode()
    assert "You came in by a PIN" in page
    till.post("/pos/pin/", {"pin": "9027", "again": "9027"})
    with pytest.raises(operations.WrongPin):
        operations.check_pin(user=dana, pin="9027")


def test_a_locked_till_is_taken_over_without_who_left_it(locking, dana):
    locking.post("/pos/switch/", {"cashier": dana.pk, "till_pin": "7305"})
    assert who(locking) == "Dana"


def test_only_colleagues_of_the_store_with_a_pin_and_the_right_one_take_over(till, counter, dana):
    stranger = operations.add_staff(email="eli@example.com", roles=["cashier"], given_name="Eli")
    Store.objects.create(code="S9", name="Far away").staff.add(stranger)
    operations.set_pin(user=stranger, pin="5170")
    for cashier, pin in [(stranger.pk, "5170"), (dana.pk, "0000"), ("", "7305"), (counter.cashier.pk, "7305")]:
        assert till.post("/pos/switch/", {"cashier": cashier, "till_pin": pin}).status_code == 422
        assert who(till) == "Casey"


def test_the_page_names_colleagues_and_says_what_to_do_without_any(till, counter):
    assert "Nobody else has a PIN here" in till.get("/pos/switch/").content.decode()
