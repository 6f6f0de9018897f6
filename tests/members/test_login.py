"""Codes that members sign in with: short-lived, single-use, few tries, and silent on who is a member."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from members import clock, operations
from members.models import Identifier, LoginCode, Member

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMAIL = "ann@example.com"


@pytest.fixture
def member(db):
    return operations.enrol(at=AT, source="test", given_name="Ann", email=EMAIL, phone="+12125550123")


def start(identifier=EMAIL, minutes=0, **more):
    return operations.start_login(identifier=identifier, at=AT + timedelta(minutes=minutes), **more)


def finish(login, code=None, minutes=0):
    return operations.finish_login(login_id=login.login_id, code=code or login.code, at=AT + timedelta(minutes=minutes))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def refused(*args, **kwargs) -> bool:
    try:
        finish(*args, **kwargs)
    except operations.WrongCode:
        return True
    return False


@pytest.mark.parametrize(("identifier", "kind"), [(" Ann@Example.com", "email"), ("(212) 555-0123", "phone")])
def test_the_right_code_signs_in_and_proves_the_address(member, identifier, kind):
    login = start(identifier)
    assert (login.kind, login.member_id, len(login.code)) == (kind, member.pk, 6)
    assert finish(login, f" {login.code[:3]} {login.code[3:]} ", minutes=9) == member
    assert Identifier.objects.get(kind=kind).verified_at == AT + timedelta(minutes=9)


def test_a_code_opens_once(member):
    login = start()
    finish(login)
    assert refused(login)


def test_a_code_lives_ten_minutes(member):
    assert refused(start(), minutes=10)


def test_a_code_is_of_no_use_for_another_login(member):
    first, second = start(), start()
    if first.code != second.code:
        assert refused(second, first.code)


def test_the_sixth_try_is_refused_even_if_it_is_right(member):
    login = start()
    assert all(refused(login, wrong(login.code)) for _ in range(5))
    assert refused(login)
    assert LoginCode.objects.get().tries == 5


def test_an_unknown_address_looks_the_same_but_there_is_no_code(member):
    known, unknown = start(), start("stranger@example.com")
    assert (unknown.code, unknown.address, unknown.member_id) == ("", "", None)
    assert all(refused(unknown, f"{n:06d}") for n in range(5))
    assert LoginCode.objects.count() == 2
    with pytest.raises(operations.WrongCode) as of_stranger:
        finish(unknown, "000000")
    with pytest.raises(operations.WrongCode) as of_member:
        finish(known, wrong(known.code))
    assert str(of_stranger.value) == str(of_member.value)


@pytest.mark.parametrize("identifier", [EMAIL, "stranger@example.com"])
def test_five_codes_for_an_address_then_a_quarter_of_an_hour_of_rest(member, identifier):
    for minute in range(5):
        start(identifier, minute)
    with pytest.raises(operations.TooManyLogins):
        start(identifier, 14)
    assert start(identifier, 15).login_id


def test_twenty_codes_for_a_network(member):
    for n in range(20):
        start(f"n{n}@example.com", network="203.0.113.5")
    with pytest.raises(operations.TooManyLogins):
        start("another@example.com", network="203.0.113.5")
    assert start("another@example.com", network="203.0.113.6").login_id


def test_what_is_no_address_is_told_at_once(member):
    with pytest.raises(ValueError, match="phone number"):
        start("12")
    assert not LoginCode.objects.exists()


def test_a_member_who_left_cannot_sign_in(member):
    login = start()
    Member.objects.update(status=Member.Status.ERASED)
    assert refused(login)
    assert start().code == ""


def test_yesterdays_codes_are_forgotten(member):
    start()
    start(minutes=60 * 25)
    assert LoginCode.objects.count() == 1


def test_the_code_is_not_in_the_database(member):
    login = start()
    with connection.cursor() as cursor, cursor.copy("COPY members_logincode TO STDOUT") as copy:
        stored = b"".join(bytes(chunk) for chunk in copy)
    assert login.code.encode() not in stored.split(b"\t")
    assert login.code.encode().hex().encode() not in stored


def test_the_business_clock_does_not_revive_an_old_code(member):
    login = operations.start_login(identifier=EMAIL, at=datetime.now(UTC) - timedelta(minutes=20))
    clock.set_shift(timedelta(minutes=-20))
    with pytest.raises(operations.WrongCode):
        operations.finish_login(login_id=login.login_id, code=login.code)


def test_two_hundred_guesses_at_once_are_still_five(committed_db):
    operations.enrol(at=AT, source="test", email=EMAIL)
    login = start()

    def guess(n):
        try:
            return refused(login, f"{n:06d}")
        finally:
            connection.close()

    guesses = [n for n in range(201) if f"{n:06d}" != login.code][:200]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(guess, guesses))
    assert LoginCode.objects.get().tries == 5
    assert refused(login)


# -- joining -----------------------------------------------------------------------------------------------------------


def _join(identifier, at):
    return operations.start_login(identifier=identifier, at=at, language="zh-hans", joins=True)


def _finish(start, identifier, at, **changed):
    said = {"login_id": start.login_id, "code": start.code, "identifier": identifier, "language": "zh-hans"} | changed
    return operations.finish_join(time_zone="Asia/Shanghai", at=at, **said)


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "address"), [("phone", "(212) 555-0144"), ("email", "New@Example.com")])
def test_a_stranger_joins_with_one_address_alone_and_it_is_proved_by_the_code(kind, address):
    start = _join(address, AT)
    assert (start.kind, start.language, len(start.code)) == (kind, "zh-hans", 6)
    with pytest.raises(operations.WrongCode):
        operations.finish_login(login_id=start.login_id, code=start.code, at=AT)
    start = _join(address, AT)
    joined = _finish(start, address, AT)
    assert joined.is_new
    held = joined.member.identifiers.get(kind=kind)
    assert (held.verified_at, joined.member.language, joined.member.time_zone) == (AT, "zh-hans", "Asia/Shanghai")
    assert joined.member.identifiers.filter(kind="card").exists(), "a card is made at once"
    assert not joined.member.consents.exists(), "joining allows nothing by itself"


@pytest.mark.django_db
def test_a_member_who_joins_again_is_signed_in():
    member = operations.enrol(at=AT, source="test", email="ada@example.com")
    joined = _finish(_join("ada@example.com", AT), "ada@example.com", AT)
    assert (joined.member, joined.is_new) == (member, False)


@pytest.mark.django_db
def test_a_code_enrols_no_other_address_than_the_one_it_was_sent_to():
    start = _join("ada@example.com", AT)
    with pytest.raises(operations.WrongCode):
        _finish(start, "eve@example.com", AT)
    with pytest.raises(operations.WrongCode):
        _finish(start, "ada@example.com", AT, code=f"{(int(start.code) + 1) % 10**6:06d}")
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_who_was_enrolled_at_the_till_meanwhile_is_signed_in():
    start = _join("ada@example.com", AT)
    member = operations.enrol(at=AT, source="till", email="ada@example.com")
    assert _finish(start, "ada@example.com", AT).member == member
    assert Member.objects.count() == 1
