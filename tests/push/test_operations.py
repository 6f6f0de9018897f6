import pytest

from demo.push_endpoint import Browser
from members.operations import enrol
from members.signals import member_erased
from push import operations, queries
from push.models import FrozenPush, PushSubscription, PushTemplate, PushWording
from push.rendering import preview, render
from tests.delivery.conftest import AT

pytestmark = pytest.mark.django_db

GOOGLE = "https://fcm.googleapis.com"


@pytest.fixture
def member():
    return enrol(at=AT, given_name="Ada", source="test")


def template(url="/portal/", **wordings):
    made = PushTemplate(name="A note", url=url)
    made.wordings = [
        PushWording(language=language.replace("_", "-"), title=title, body="") for language, title in wordings.items()
    ]
    made.save()
    return made


def freeze(made, language="en"):
    return operations.freeze(template=made, language=language, site_url="https://shop.example")


def test_the_same_words_freeze_to_the_same_row_and_changed_words_to_another():
    made = template(en="Hello {{ given_name }}")
    first = freeze(made)
    assert freeze(made) == first
    made.wordings = [PushWording(language="en", title="Good day")]
    made.save()
    assert freeze(made) != first
    assert FrozenPush.objects.get(pk=first.pk).title == "Hello {{ given_name }}"


def test_each_language_has_its_words_and_others_read_english():
    made = template(en="Hello", zh_hans="您好")
    assert freeze(made, "zh-hans").title == "您好"
    assert freeze(made, "fr").title == "Hello"


@pytest.mark.parametrize(
    "words", ["{{ given_name", "{{ password }}", "{% include 'x' %}", "{{ points | evil }}", "{% for a in b %}"]
)
def test_wording_that_could_not_be_sent_is_not_frozen(words):
    with pytest.raises(operations.CannotFreeze):
        freeze(template(en=words))
    assert not FrozenPush.objects.exists()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "mailto:a@example.com", "data:text/html,x", "ftp://x.example/"])
def test_a_tap_leads_only_to_the_web(url):
    with pytest.raises(operations.CannotFreeze):
        freeze(template(url=url, en="Hello"))


def test_a_template_without_words_says_what_to_do():
    with pytest.raises(operations.CannotFreeze, match="Write a title"):
        freeze(template())


def test_a_members_value_is_never_read_as_a_template():
    frozen = freeze(template(en="Hello {{ given_name }}"))
    content = render(frozen, {"given_name": "{{ points }}{% raw %}"}, link_base="https://s/m", token="t")
    assert b'"title":"Hello {{ points }}{% raw %}"' in content
    assert b'"url":"https://s/m/c/t/0"' in content


def test_the_preview_shows_what_would_arrive():
    made = template(en="Hello {{ given_name | default: 'there' }}")
    assert preview(made, {}, language="en").title == "Hello there"
    assert preview(made, {"given_name": "Ada"}, language="en").title == "Hello Ada"


def test_a_tap_follows_the_stored_address_only():
    frozen = freeze(template(en="Hello"))
    assert operations.link_target(frozen, "0", {}) == "https://shop.example/portal/"
    for link in ("1", "-1", "x", "", "0-0", "²"):
        assert operations.link_target(frozen, link, {}) is None


def test_subscribing_twice_is_one_device_and_it_follows_its_newest_member(member):
    given = Browser.named("b").subscription(GOOGLE)
    other = enrol(at=AT, given_name="Bo", source="test")
    for owner in (member, member, other):
        operations.subscribe(member_id=owner.pk, subscription_json=given, at=AT)
    assert list(PushSubscription.objects.values_list("member_id", flat=True)) == [other.pk]
    assert queries.devices([other.pk])[other.pk][0].endpoint == given["endpoint"]


@pytest.mark.parametrize(
    "endpoint",
    ["http://fcm.googleapis.com/x", "https://evil.example/x", "https://fcm.googleapis.com.evil.example/x", "https://10.0.0.1/x",
     "https://fcm.googleapis.com@evil.example/x", "https://user@fcm.googleapis.com/x", "https://fcm.googleapis.com:8443/x",
     "file:///etc/passwd", "https://[::1/x", ""],
)  # fmt: skip
def test_an_endpoint_may_not_lead_elsewhere(member, endpoint):
    given = Browser.named("b").subscription(GOOGLE) | {"endpoint": endpoint}
    with pytest.raises(operations.BadSubscription):
        operations.subscribe(member_id=member.pk, subscription_json=given, at=AT)
    assert not PushSubscription.objects.exists()


def test_in_production_an_endpoint_may_not_lead_into_this_machine(settings):
    assert operations.is_push_service("http://127.0.0.1:9/x")
    settings.PRODUCTION = True
    assert not operations.is_push_service("http://127.0.0.1:9/x")
    assert not operations.is_push_service("https://localhost/x")


@pytest.mark.parametrize("given", ["", "null", "[]", "{}", '{"endpoint": "https://fcm.googleapis.com/x"}', {"keys": 3}])
def test_what_is_no_subscription_is_refused_with_a_remedy(member, given):
    with pytest.raises(operations.BadSubscription, match="Reload"):
        operations.subscribe(member_id=member.pk, subscription_json=given, at=AT)


def test_a_member_keeps_the_ten_newest_devices(member):
    for number in range(12):
        given = Browser.named(f"b{number}").subscription(GOOGLE)
        operations.subscribe(member_id=member.pk, subscription_json=given, at=AT)
    assert PushSubscription.objects.count() == operations.DEVICES_MAX


def test_unsubscribing_forgets_only_the_members_own(member):
    given = Browser.named("b").subscription(GOOGLE)
    operations.subscribe(member_id=member.pk, subscription_json=given, at=AT)
    assert operations.unsubscribe(endpoint=given["endpoint"], member_id=member.pk + 1) is False
    assert operations.unsubscribe(endpoint=given["endpoint"], member_id=member.pk) is True
    assert operations.unsubscribe(endpoint=given["endpoint"]) is False


def test_erasure_forgets_the_devices(member):
    operations.subscribe(member_id=member.pk, subscription_json=Browser.named("b").subscription(GOOGLE), at=AT)
    member_erased.send(type(member), member_id=member.pk)
    assert not PushSubscription.objects.exists()


def test_devices_of_many_are_one_query(member, django_assert_num_queries):
    for number in range(3):
        given = Browser.named(f"b{number}").subscription(GOOGLE)
        operations.subscribe(member_id=member.pk, subscription_json=given, at=AT)
    with django_assert_num_queries(1):
        assert len(queries.devices([member.pk])[member.pk]) == 3
