"""A field of the shop's own stands in messages as soon as it is made: checked, told for many at once, and written by e-mail and push."""

import email
from datetime import UTC, datetime
from email import policy

import pytest
from django.core.exceptions import ValidationError

from campaigns import enclosing, values
from delivery import contents
from emails import starters
from emails.checks import problems
from emails.operations import freeze
from members import operations
from members.models import CustomField
from push import wording

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def people():
    for code, kind, more in (
        ("diet", "choice", {"choices": ["Vegan", "Fish"]}), ("since", "date", {}), ("pin", "text", {"is_personal": True}),
    ):  # fmt: skip
        CustomField.objects.create(code=code, label_en=code.title(), kind=kind, **more)
    made = [
        operations.enrol(at=AT, source="test", given_name=name, email=f"{name}@example.com".lower())
        for name in ("Ada", "Bo")
    ]
    operations.set_custom_fields(member_id=made[0].pk, values={"diet": "Vegan", "since": "2026-01-31", "pin": "7"})
    return made


@pytest.fixture
def template():
    made = starters.write("win_back", name="Diet")
    made.subject = '{{ own_diet | default: "Tasty" }} since {{ own_since | default: "ever" }}'
    return made


def subject(frozen, told) -> str:
    handler, kept = contents.resolve(f"emails.FrozenEmail:{frozen.pk}")
    raw = bytes(handler.writer(kept)(told, "x@example.com", AT, "token-of-the-message"))
    return email.message_from_bytes(raw, policy=policy.default)["Subject"]


def test_an_email_tells_it_and_says_something_else_to_who_lacks_it(people, template, django_assert_num_queries):
    assert not [one for one in problems(template) if "own_" in one.message]
    template.save_revision().publish()
    needs = enclosing.needs_of(template, "en")
    assert needs.own == {"diet", "since"}
    with django_assert_num_queries(2):
        told = enclosing.values([one.pk for one in people], needs=type(needs)(own=needs.own), cause="", at=AT)
    whole = values.for_members([one.pk for one in people], cause="", language="en", at=AT, needs=needs)
    frozen = freeze(template=template, language="en", site_url="https://shop.example")
    assert told[people[1].pk] == {}
    assert subject(frozen, whole[people[0].pk]) == "Vegan since Jan. 31, 2026"
    assert subject(frozen, whole[people[1].pk]) == "Tasty since ever"
    assert enclosing.needs_of_content(f"emails.FrozenEmail:{frozen.pk}").own == needs.own


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("{{ own_diet }}", "may be missing"),
        ("{{ own_pin | default: 1 }}", "There is no field"),
        ("{{ own_x | default: 1 }}", "There is no field"),
    ],
)
def test_one_without_other_words_a_personal_one_and_one_nobody_made_are_refused(people, template, words, fault):
    template.subject = words
    assert fault in " ".join(str(one.message) for one in problems(template))


def test_a_push_tells_it_and_refuses_the_personal_one(people):
    said = '{{ given_name }}, {{ own_diet | default: "tasty" }} things'
    wording.check_wording(said)
    assert wording.fill_in(said, {"given_name": "Ada", "own_diet": "Vegan"}) == "Ada, Vegan things"
    assert wording.fill_in(said, {"given_name": "Bo"}) == "Bo, tasty things"
    with pytest.raises(ValidationError):
        wording.check_wording("{{ own_pin }}")
