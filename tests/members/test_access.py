"""Roles and gates: who may open what; and how staff enter a door."""

from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse

from members import access, operations
from members.models import User
from members.roles import Role
from sales.models import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def staff(*roles, email="staff@example.com", **more):
    return operations.add_staff(email=email, roles=roles, password=PASSWORD, **more)


@pytest.fixture
def member():
    return operations.enrol(at=AT, source="test", given_name="Ann")


def test_the_roles_are_groups_made_by_a_migration():
    assert set(Group.objects.values_list("name", flat=True)) >= set(Role.values)


@pytest.mark.parametrize("role", Role.values)
def test_a_role_opens_its_own_view_and_an_administrator_opens_all(role, rf):
    view = access.staff_only(Role.SERVICE)(lambda _request: HttpResponse("in"))
    request = rf.get("/desk/")
    request.user = staff(role)
    if role in {Role.SERVICE, Role.ADMINISTRATOR}:
        assert view(request).content == b"in"
    else:
        with pytest.raises(PermissionDenied):
            view(request)


def test_staff_who_left_or_were_never_staff_have_no_role():
    user = staff(Role.SERVICE)
    user.is_active = False
    assert not access.has_role(user, Role.SERVICE)
    user.is_active, user.is_staff = True, False
    assert not access.has_role(user, Role.SERVICE)


@pytest.mark.parametrize("role", Role.values)
def test_who_meets_members_sees_them_and_others_are_told_there_is_none(role, member):
    user = staff(role)
    if role == Role.ANALYST:
        with pytest.raises(Http404):
            access.access_member(user, member.public_id)
    else:
        assert access.access_member(user, member.public_id) == member


def test_a_member_sees_themselves_and_nobody_else(member):
    other = operations.enrol(at=AT, source="test")
    user = User.objects.create(username="m", member=member)
    assert access.access_member(user, member.public_id) == member
    with pytest.raises(Http404):
        access.access_member(user, other.public_id)


@pytest.mark.parametrize("public_id", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
def test_an_id_of_nobody_is_404(public_id):
    with pytest.raises(Http404):
        access.access_member(staff(Role.SERVICE), public_id)


def test_a_cashier_acts_for_their_own_stores_and_service_for_all():
    own, other = (Store.objects.create(code=code, name=code) for code in ("S1", "S2"))
    cashier, service = staff(Role.CASHIER), staff(Role.SERVICE, email="service@example.com")
    own.staff.add(cashier)
    assert access.access_store(cashier, "S1") == own
    assert access.access_store(service, "S2") == other
    for user, code in ((cashier, "S2"), (service, "S3"), (staff(Role.CASHIER, email="new@example.com"), "S1")):
        with pytest.raises(Http404):
            access.access_store(user, code)


def test_staff_sign_in_once_per_door_and_each_door_keeps_its_own_person(client):
    staff(Role.CASHIER, email="cashier@example.com")
    staff(Role.SERVICE, email="service@example.com")
    for email, door in (("cashier@example.com", "pos"), ("service@example.com", "desk")):
        asked = client.get(f"/{door}/")
        assert (asked.status_code, asked.url) == (302, f"/staff/enter/{door}/?next=%2F{door}%2F")
        to_login = client.get(asked.url)
        assert to_login.url.startswith("/staff/login/?next=/staff/enter/")
        back = client.post(to_login.url, {"login": email, "password": PASSWORD})
        assert back.status_code == 302, back.content.decode()[:2000]
        entered = client.get(back.url)
        assert (entered.status_code, entered.url) == (302, f"/{door}/")
        assert client.get(f"/{door}/").status_code == 200
    assert client.get("/staff/").url.startswith("/staff/login/"), "the vestibule is empty again"
    assert client.get("/pos/").status_code == 200, "the till's session is untouched by the desk's"
    client.post("/pos/leave/")
    assert client.get("/pos/").status_code == 302
    assert client.get("/desk/").status_code == 200


def test_a_door_session_is_no_session_of_another_door(client):
    client.cookies[f"{django_settings.SESSION_COOKIE_NAME}_staff"] = _session(staff(Role.CASHIER))
    entered = client.get("/staff/enter/pos/")
    cookies = {name for name in entered.cookies if entered.cookies[name].value}
    assert cookies == {f"{django_settings.SESSION_COOKIE_NAME}_pos"}
    assert entered.cookies[f"{django_settings.SESSION_COOKIE_NAME}_pos"]["httponly"]


def test_a_wrong_role_is_told_at_the_door(client):
    client.cookies[f"{django_settings.SESSION_COOKIE_NAME}_staff"] = _session(staff(Role.ANALYST))
    assert client.get("/staff/enter/pos/").status_code == 403


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/pos/", "//evil.example/pos/", "/desk/", "/pos/../desk/", "javascript:alert(1)"]
)
def test_entering_leads_nowhere_but_behind_that_door(client, wanted):
    client.cookies[f"{django_settings.SESSION_COOKIE_NAME}_staff"] = _session(staff(Role.CASHIER))
    assert client.get("/staff/enter/pos/", {"next": wanted}).url == "/pos/"


def test_the_sixth_wrong_password_is_not_even_looked_at(client):
    from django.core.cache import cache

    cache.clear()
    staff(Role.CASHIER)
    for _ in range(5):
        client.post("/staff/login/", {"login": "staff@example.com", "password": "wrong"})
    answer = client.post("/staff/login/", {"login": "staff@example.com", "password": PASSWORD})
    cache.clear()
    assert answer.status_code in {200, 429}
    assert b"Too many" in answer.content


def test_nobody_signs_up_for_a_staff_account(client):
    client.post("/staff/signup/", {"email": "x@example.com", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.filter(email="x@example.com").exists()


@pytest.mark.parametrize(
    ("role", "enters"),
    [("marketer", True), ("approver", True), ("store_manager", True), ("administrator", True), ("cashier", False)],
)
def test_who_writes_campaigns_or_runs_the_programme_may_enter_the_cms(role, enters):
    user = staff(role)
    assert user.has_perm("wagtailadmin.access_admin") == enters


def test_a_marketer_may_write_what_an_approver_may_only_change():
    marketer, approver = staff("marketer"), staff("approver", email="approver@example.com")
    for app, model in (("emails", "emailtemplate"), ("campaigns", "campaign")):
        assert marketer.has_perm(f"{app}.add_{model}")
        assert not approver.has_perm(f"{app}.add_{model}")
        assert approver.has_perm(f"{app}.change_{model}")


def _session(user) -> str:
    """A signed-in session in the vestibule, as allauth leaves it."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.create()
    return session.session_key
