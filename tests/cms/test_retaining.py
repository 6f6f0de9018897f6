"""Pages of early warning: the list with its yes and no, rules that are tried before they are kept, interventions with their limits."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.models import EarlyWarning, Intervention, MemberDriver, RetentionRules
from care.models import Task
from members import operations as members
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def warning():
    member = members.enrol(at=AT - timedelta(days=400), source="test", email="w@example.com", given_name="Wilma")
    one = Intervention.objects.create(name="Ring them", driver="service", action="call")
    MemberDriver.objects.create(
        member=member,
        driver="service",
        since=AT,
        facts={"lines": 40, "price": 0, "contacts": 3, "brand": 20, "brand_name": ""},
    )
    return EarlyWarning.objects.create(
        member=member, reasons=[{"code": "fewer", "recent": 0, "usual": 7.7, "days": 56}], driver="service", noticed_at=AT,
        spend_minor=123_400, state="suggested", intervention=one, decided_at=AT,
    )  # fmt: skip


@pytest.fixture
def manager(client, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return at_door(client, members.add_staff(email="m@example.com", roles=["store_manager"]), "cms")


def test_the_list_says_why_and_what_and_a_yes_does_it_once(manager, warning):
    page = manager.get("/cms/retention/").content.decode()
    assert "Bought on 0 days in the last 56 days; 7.7 was usual." in page
    assert "$1,234.00" in page
    for _twice in range(2):
        manager.post(f"/cms/retention/{warning.pk}/give/")
    assert Task.objects.filter(member=warning.member).count() == 1
    warning.refresh_from_db()
    assert warning.state == "given"
    assert "Do it" not in manager.get("/cms/retention/?state=given").content.decode()


def test_rules_are_tried_before_they_are_kept(manager, warning):
    said = {
        one.name: getattr(RetentionRules(pk=1), one.name) for one in RetentionRules._meta.fields if one.name != "id"
    }
    tried = manager.post("/cms/retention/rules/", said | {"service_contacts": 9, "try": "1"}).content.decode()
    assert "With these rules it would be" in tried
    assert not RetentionRules.objects.exists()
    manager.post("/cms/retention/rules/", said | {"service_contacts": 9, "save": "1"})
    assert RetentionRules.current().service_contacts == 9


def test_an_intervention_is_made_within_its_limits_and_no_discount_is_for_service(manager, warning):
    said = {
        "name": "Ten off", "driver": "service", "action": "offer", "percent_off": 10, "most_off_minor": 500, "valid_days": 21, "team": "",
        "holdout_percent": 10, "rest_days": 90, "budget_minor": 5000, "cost_minor": 100, "is_live": "on",
    }  # fmt: skip
    assert "never given a discount" in manager.post("/cms/retention/interventions/new/", said).content.decode()
    manager.post("/cms/retention/interventions/new/", said | {"driver": "price"})
    made = Intervention.objects.get(name="Ten off")
    assert (made.driver, made.budget_minor) == ("price", 5000)
    assert "Ten off" in manager.get("/cms/retention/interventions/").content.decode()
    assert manager.get(f"/cms/retention/interventions/{made.pk}/").status_code == 200


def test_an_approver_reads_and_changes_nothing(client, warning, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    approver = at_door(client, members.add_staff(email="a@example.com", roles=["approver"]), "cms")
    assert "Do it" not in approver.get("/cms/retention/").content.decode()
    approver.post(f"/cms/retention/{warning.pk}/give/")
    assert not Task.objects.exists()


def test_a_band_is_looked_at_first_then_met_at_once(manager, warning):
    one = Intervention.objects.create(name="Ten off", driver="none", action="access", cost_minor=0)
    EarlyWarning.objects.filter(pk=warning.pk).update(state="noted", intervention=None, decided_at=None)
    asked = {"band": "gone", "intervention": one.pk}
    page = manager.get("/cms/retention/bands/", asked).content.decode()
    assert "Do it for the whole band" in page
    told = manager.post("/cms/retention/bands/give/", asked, follow=True).content.decode()
    warning.refresh_from_db()
    assert warning.state in ("given", "held_out")
    assert "left alone by chance" in told
    assert "What it changed" in told
    assert "Do it for the whole band" not in told
    assert "Nobody of this band is still open" in told


def test_a_recommended_action_is_opened_as_a_draft(client, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    marketer = at_door(client, members.add_staff(email="k@example.com", roles=["marketer"]), "cms")
    assert "Nothing to recommend now" in marketer.get("/cms/campaigns/recommended/").content.decode()
    member = members.enrol(at=AT - timedelta(days=400), source="test", email="risk@example.com")
    type(member).objects.filter(pk=member.pk).update(lifecycle_stage="at_risk")
    page = marketer.get("/cms/campaigns/recommended/").content.decode()
    for part in (
        "Win back who is at risk",
        "Expected:",
        "Data",
        "Rule",
        "Assumed, because no campaign was measured yet",
    ):
        assert part in page
    opened = marketer.post("/cms/campaigns/recommended/at_risk/", follow=True)
    assert opened.redirect_chain[-1][0].endswith("/edit/")
    assert "Win back who is at risk" in opened.content.decode()
    assert "Open what was made of it" in marketer.get("/cms/campaigns/recommended/").content.decode()
    assert (
        marketer.post("/cms/campaigns/recommended/nothing/", follow=True)
        .redirect_chain[-1][0]
        .endswith("/recommended/")
    )
