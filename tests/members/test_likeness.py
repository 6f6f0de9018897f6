"""Planted duplicates are found, and people who merely resemble each other are left alone."""

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.likeness import Person, compare, is_slip

GIVEN = [
    "Maria",
    "Anna",
    "Alexander",
    "Thomas",
    "Julia",
    "Sophie",
    "Peter",
    "Michael",
    "Sarah",
    "Laura",
    "Daniel",
    "Olivia",
    "Noah",
    "Emma",
    "Liam",
    "小明",
    "思远",
    "建国",
    "丽华",
    "伟",
]
FAMILY = [
    "Jones",
    "Miller",
    "Novak",
    "Schmidt",
    "Garcia",
    "Brown",
    "Wilson",
    "Taylor",
    "Anderson",
    "Moore",
    "Lee",
    "Walker",
    "Young",
    "King",
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
]
HOSTS = ["gmail.com", "example.com", "outlook.com", "qq.com"]


def population(chance, size: int) -> list[Person]:
    """Strangers, many of whom share a name; families who share a surname, a mail host and half a phone number."""
    people = []
    for number in range(size):
        given_name, family_name = chance.choice(GIVEN), chance.choice(FAMILY)
        local = (
            f"{given_name}.{family_name}{chance.randrange(10_000)}".lower()
            if given_name.isascii()
            else f"user{chance.randrange(10**6)}"
        )
        people.append(
            Person(
                given_name, family_name, (chance.randrange(1, 13), chance.randrange(1, 29)) if chance.random() < 0.7 else None,
                (f"+1212{chance.randrange(10**7):07d}",) if chance.random() < 0.7 else (),
                (f"{local}@{chance.choice(HOSTS)}",) if chance.random() < 0.8 else (), "US",
            )
        )  # fmt: skip
        if number % 10 == 0:  # a twin: same surname, birthday and mail host
            first = people[-1]
            twin = chance.choice([name for name in GIVEN if name != first.given_name])
            people.append(
                Person(
                    twin,
                    first.family_name,
                    first.birthday,
                    (f"+1212{chance.randrange(10**7):07d}",),
                    (f"{twin}{number}@{chance.choice(HOSTS)}",),
                    "US",
                )
            )
    return people


def second_record(chance, one: Person) -> Person:
    """The same person signing up again, with another address and a slip or two."""
    given_name, family_name = one.given_name, one.family_name
    kind = chance.randrange(4)
    if kind == 1 and len(family_name) > 4:
        family_name = family_name[:2] + family_name[3] + family_name[2] + family_name[4:]
    elif kind == 2:
        given_name, family_name = family_name, given_name
    emails = tuple(_respelt(chance, mail) for mail in one.emails)
    phones = tuple(mine[:-1] + str((int(mine[-1]) + 1) % 10) for mine in one.phones) if chance.random() < 0.5 else ()
    return Person(given_name, family_name, one.birthday, phones, emails, one.country)


def _respelt(chance, mail: str) -> str:
    local, _at, host = mail.partition("@")
    if host == "gmail.com":
        return f"{local.replace('.', '')}+shop@googlemail.com"
    return chance.choice([f"{local}@{host.replace('.com', '.co')}", f"{local}@gmx.net"])


def test_planted_duplicates_are_found_and_strangers_are_not():
    chance = random.Random(7)
    people = population(chance, 400)
    known = [one for one in people if one.emails and one.birthday][:150]  # enough is known of them to be recognised
    planted = [(one, second_record(chance, one)) for one in known]
    found = sum(compare(*pair).is_sure for pair in planted)
    wrong = sum(compare(*pair).is_sure for pair in combinations(people, 2))
    assert found / len(planted) >= 0.9
    assert found / (found + wrong) >= 0.99


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        (Person("Maria", "Jones", (3, 9)), Person("Jones", "Maria", (3, 9)), ("names_swapped", "same_birthday")),
        (Person("Alex", "Novak", (3, 9)), Person("Alexander", "Novak", (3, 9)), None),  # could be father and son
        (Person("Maria", "Jones"), Person("Maria", "Jones"), None),  # a name alone
        (Person("Maria", "Jones", (3, 9)), Person("Maria", "Jones", (4, 9)), None),  # another birthday
        (Person("小明", "王", (3, 9), ("+8613912345678",)), Person("小明", "王", (3, 9), ("+8613912345687",)), ("same_name", "same_birthday", "phone_slip")),
        (Person("Anna", "Lee", (3, 9), (), ("anna.lee@gmail.com",)), Person("Julia", "Lee", (3, 9), (), ("julia.lee@gmail.com",)), None),
    ],
)  # fmt: skip
def test_what_speaks_for_two_being_one_is_said(one, other, reasons):
    found = compare(one, other)
    assert (found.reasons if found.is_sure else None) == reasons


@given(st.text("abcd", min_size=4, max_size=9), st.data())
def test_a_slip_is_one_letter_more_less_other_or_two_swapped(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    longer, other = word[:place] + "x" + word[place:], word[:place] + "x" + word[place + 1 :]
    assert is_slip(word, longer)
    assert is_slip(longer, word)
    assert is_slip(word, other)
    assert not is_slip(word, word)
    assert not is_slip(word, f"{other}yy")
    for first, (a, b) in enumerate(pairwise(word)):
        if a != b:
            assert is_slip(word, word[:first] + b + a + word[first + 2 :])


@given(
    st.builds(Person, st.sampled_from(GIVEN), st.sampled_from(FAMILY)),
    st.builds(Person, st.sampled_from(GIVEN), st.sampled_from(FAMILY)),
)
def test_it_does_not_matter_who_is_named_first(one, other):
    assert compare(one, other) == compare(other, one)
