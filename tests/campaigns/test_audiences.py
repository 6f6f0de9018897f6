import itertools
from datetime import timedelta

import pytest
from django.db import connection

from campaigns import audiences
from campaigns.conditions import CONDITIONS
from campaigns.memberships.models import AudienceMember
from campaigns.models import Audience
from members import operations as members
from members import queries as member_queries
from members.knowing import MemberTag, StageChange, Tag
from members.models import Consent, Member
from sales.models import Category
from tests.campaigns import golden
from tests.campaigns.conftest import enrol_quickly
from tests.campaigns.people import AT, catalogue, neighbourhood, sell, shop

pytestmark = pytest.mark.django_db

LAST = (
    "(SELECT max(purchased_at) FROM sales_purchase p WHERE p.member_id = m.id AND kind = 1 AND purchased_at <= %(at)s)"
)
IN_WINDOW = "p.member_id = m.id AND p.purchased_at <= %(at)s AND p.purchased_at > %(at)s - interval '{} days'"
BALANCE = "COALESCE((SELECT available FROM loyalty_wallet w WHERE w.member_id = m.id), 0)"
BOUGHT_DAIRY = f"""EXISTS (SELECT 1 FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id
    JOIN sales_product r ON r.id = l.product_id JOIN sales_category c ON c.id = r.category_id
    WHERE {IN_WINDOW.format(90)} AND p.kind = 1 AND (c.path = 'GROCERY > DAIRY' OR c.path LIKE 'GROCERY > DAIRY > %%'))"""
EMAIL_YES = """COALESCE((SELECT is_granted FROM members_consent c WHERE c.member_id = m.id AND channel = 'email'
    AND purpose = 'marketing' AND at <= %(at)s ORDER BY at DESC, id DESC LIMIT 1), false)"""
COUNT_60 = f"(SELECT count(*) FROM sales_purchase p WHERE {IN_WINDOW.format(60)} AND kind = 1)"
SPENT_120 = f"COALESCE((SELECT sum(total_minor) FROM sales_purchase p WHERE {IN_WINDOW.format(120)}), 0)"
EXPIRING_30 = """COALESCE((SELECT sum(l.p) FROM loyalty_wallet w, unnest(w.lot_expires_on, w.lot_points) l (e, p)
    WHERE w.member_id = m.id AND l.e BETWEEN %(at)s::date AND %(at)s::date + 30), 0)"""

GOLDEN = {
    "at risk or lapsed": (
        {"type": "lifecycle_stage", "stages": ["at_risk", "lapsed"]},
        "m.lifecycle_stage IN ('at_risk', 'lapsed')",
    ),
    "quiet for a month": (
        {"type": "last_purchase", "op": "older", "days": 30},
        f"{LAST} <= %(at)s - interval '30 days'",
    ),
    "bought this month": (
        {"type": "last_purchase", "op": "newer", "days": 30},
        f"{LAST} > %(at)s - interval '30 days'",
    ),
    "twice in two months": ({"type": "purchase_count", "op": "at_least", "count": 2, "days": 60}, f"{COUNT_60} >= 2"),
    "once at most": ({"type": "purchase_count", "op": "at_most", "count": 1, "days": 60}, f"{COUNT_60} <= 1"),
    "any number": ({"type": "purchase_count", "op": "at_least", "count": 0, "days": 60}, f"{COUNT_60} >= 0"),
    "spent fifty": ({"type": "purchase_amount", "op": "at_least", "amount": 50, "days": 120}, f"{SPENT_120} >= 5000"),
    "spent little": ({"type": "purchase_amount", "op": "at_most", "amount": 50, "days": 120}, f"{SPENT_120} <= 5000"),
    "dairy": ({"type": "bought_category", "op": "bought", "category": "DAIRY", "days": 90}, BOUGHT_DAIRY),
    "no dairy": (
        {"type": "bought_category", "op": "not_bought", "category": "DAIRY", "days": 90},
        f"NOT {BOUGHT_DAIRY}",
    ),
    "has points": ({"type": "points_balance", "op": "at_least", "points": 300}, f"{BALANCE} >= 300"),
    "has few points": ({"type": "points_balance", "op": "at_most", "points": 300}, f"{BALANCE} <= 300"),
    "expiring": ({"type": "points_expiring", "points": 20, "days": 30}, f"{EXPIRING_30} >= 20"),
    "silver": (
        {"type": "tier", "tiers": ["silver"]},
        "(SELECT t.code FROM loyalty_wallet w JOIN loyalty_tier t ON t.id = w.tier_id WHERE w.member_id = m.id) = 'silver'",
    ),
    "reachable": ({"type": "reachable", "channel": "email"}, EMAIL_YES),
    "Chinese": ({"type": "language", "languages": ["zh-hans"]}, "m.language = 'zh-hans'"),
    "newcomers": (
        {"type": "joined", "op": "since", "date": "2017-01-01"},
        "m.joined_at >= '2017-01-01 00:00 America/New_York'",
    ),
    "old hands": (
        {"type": "joined", "op": "before", "date": "2017-01-01"},
        "m.joined_at < '2017-01-01 00:00 America/New_York'",
    ),
}
NESTED = (
    {
        "match": "all",
        "conditions": [
            {"type": "reachable", "channel": "email"},
            {
                "match": "any",
                "conditions": [
                    {"type": "points_balance", "op": "at_least", "points": 300},
                    {"match": "none", "conditions": [
                        {"type": "last_purchase", "op": "newer", "days": 30},
                        {"type": "language", "languages": ["zh-hans"]},
                    ]},
                ],
            },
        ],
    },
    f"""{EMAIL_YES} AND ({BALANCE} >= 300 OR NOT (COALESCE({LAST} > %(at)s - interval '30 days', false)
        OR m.language = 'zh-hans'))""",
)  # fmt: skip


TWINS = GOLDEN | golden.GOLDEN


@pytest.fixture
def people():
    return neighbourhood()


@pytest.fixture
def neighbours():
    return golden.neighbours()


def by_hand(where):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM members_member m WHERE status = 'active' AND ({where})", {"at": AT})
        return {row[0] for row in cursor.fetchall()}


def named(condition):
    if condition.get("category") == "DAIRY":
        return condition | {"category": Category.objects.get(raw_name="DAIRY").pk}
    return golden.named(condition)


def members_of(tree, **kwargs):
    return set(audiences.compile(tree, at=AT, **kwargs).values_list("pk", flat=True))


def test_every_condition_has_a_hand_written_twin():
    assert {condition["type"] for condition, _ in TWINS.values()} == set(CONDITIONS) - {"alike"}
    assert len(TWINS) >= 20


def test_every_golden_audience_equals_its_hand_written_twin_member_by_member(neighbours):
    """And in and not in share out all: no condition is ever unknown, so that “none of these” means what it says."""
    active = by_hand("true")
    some = sorted(active)[::3]
    for name, (condition, where) in TWINS.items():
        tree = {"match": "all", "conditions": [named(condition)]}
        found, expected = members_of(tree), by_hand(where)
        assert found == expected, name
        assert members_of(tree | {"match": "none"}) == active - expected, name
        assert members_of(tree, among=some) == expected & set(some), name
        assert audiences.count(tree, at=AT) == len(expected), name
        if name != "any number":
            assert 0 < len(expected) < 59, f"{name}: a twin that holds for all or for nobody proves nothing"


def test_why_agrees_with_membership_for_every_condition_and_tells_what_was_found(neighbours):
    everything = {"match": "any", "conditions": [named(condition) for condition, _ in list(TWINS.values())[:40]]}
    parts = {name: by_hand(where) for name, (_condition, where) in list(TWINS.items())[:40]}
    for person in neighbours[:12]:
        if person.status != "active":
            continue
        told = audiences.explain(everything, person.pk, at=AT)
        answers = dict(zip(parts, told.inside, strict=True))
        assert {name: one.is_met for name, one in answers.items()} == {
            name: person.pk in ids for name, ids in parts.items()
        }
    assert answers["Chinese"].found == "found: English"
    assert answers["twice in two months"].found.startswith("found: ")


def test_each_line_is_counted_with_the_whole(neighbours):
    tree = {"match": "all", "conditions": [named(golden.GOLDEN["worth much"][0]), named(GOLDEN["Chinese"][0])]}
    estimate, told = audiences.counted(tree, at=AT)
    lines = [by_hand(golden.GOLDEN["worth much"][1]), by_hand(GOLDEN["Chinese"][1])]
    assert (estimate.count, estimate.low, estimate.high, estimate.is_exact) == (*[len(lines[0] & lines[1])] * 3, True)
    assert [told.count, *(inner.count for inner in told.inside)] == [estimate.count, *map(len, lines)]


def test_where_counting_takes_too_long_a_sample_answers_with_an_interval(people, monkeypatch):
    def slow(cleaned, at, among):
        if among is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")
        return numbers(cleaned, at, among)

    numbers = audiences._numbers
    monkeypatch.setattr(audiences, "_numbers", slow)
    monkeypatch.setattr(audiences, "COUNT_MS_MAX", 20)
    tree = {"match": "all", "conditions": [GOLDEN["Chinese"][0]]}
    estimate, told = audiences.counted(tree, at=AT)
    truth = len(by_hand(GOLDEN["Chinese"][1]))
    assert not estimate.is_exact
    assert estimate.count == told.count == truth, "the sample was everybody"
    assert 0 < estimate.low < truth < estimate.high <= 60
    assert audiences.wilson(0, 400) == pytest.approx((0.0, 0.0095), abs=1e-3)


def test_audiences_ask_for_others_but_never_in_a_circle(neighbours, django_assert_num_queries):
    readers = Audience.objects.get(name="Readers of Chinese")
    both = Audience.objects.create(name="Both", conditions={"match": "all", "conditions": [
        {"type": "audience", "op": "no", "audience": str(readers.pk)}, GOLDEN["has points"][0]]})  # fmt: skip
    tree = {"match": "none", "conditions": [{"type": "audience", "op": "yes", "audience": str(both.pk)}]}
    assert members_of(tree) == by_hand(f"m.language = 'zh-hans' OR NOT {GOLDEN['has points'][1]}")
    inner = audiences.explain(tree, neighbours[0].pk, at=AT).inside[0]
    assert [one.words for one in inner.inside[0].inside] == [
        "Not in the audience “Readers of Chinese”",
        "Has at least 300 points",
    ]
    for asked in (both, readers):
        with pytest.raises(audiences.Invalid, match="in a circle"):
            audiences.clean(
                {"match": "all", "conditions": [{"type": "audience", "op": "yes", "audience": str(asked.pk)}]},
                audience=readers,
            )
    Audience.objects.filter(pk=readers.pk).update(conditions=tree)
    with pytest.raises(audiences.Invalid, match="in a circle"):
        audiences.count(tree, at=AT)


def test_members_like_those_of_an_audience_are_found_better_than_by_chance():
    """Planted: a hidden taste for tea. The audience knows half of those who have it; the nearest should be the other half."""
    (milk, tea), place = catalogue()[1], shop()
    people = enrol_quickly(60)
    tasteful = people[:24]
    for i, one in enumerate(people):
        usual, other = (tea, milk) if one in tasteful else (milk, tea)
        for n in range(3):
            sell(
                one,
                AT - timedelta(days=20 * n + 1),
                500,
                usual if n or i % 4 else other,
                place=place,
                key=f"like-{i}-{n}",
            )
    refusing = tasteful[-1]
    Consent.objects.create(
        member=refusing,
        channel="email",
        purpose="profiling",
        is_granted=False,
        at=AT - timedelta(days=1),
        source="test",
    )
    MemberTag.objects.bulk_create(
        MemberTag(tag=Tag.objects.get_or_create(code="vip")[0], member=one, source="test", at=AT)
        for one in tasteful[:12]
    )
    seeds = Audience.objects.create(
        name="Tea", conditions={"match": "all", "conditions": [{"type": "tag", "op": "yes", "tags": ["vip"]}]}
    )
    tree = {"match": "all", "conditions": [{"type": "alike", "audience": str(seeds.pk), "count": 11}]}
    near, hidden = members_of(tree), {one.pk for one in tasteful[12:]}
    assert len(near) == 11
    assert len(near & hidden) >= 9, "by chance it would be three of eleven"
    assert refusing.pk not in near, "who refused personal recommendations is likened to nobody"
    assert audiences.explain(tree, min(near), at=AT).inside[0].is_met
    assert members_of(tree, among=[min(near), refusing.pk]) == {min(near)}


def test_nested_groups_equal_their_twin_in_one_statement(people, django_assert_num_queries):
    tree, where = NESTED
    expected = by_hand(where)
    with django_assert_num_queries(1):
        assert members_of(tree) == expected
    assert 0 < len(expected) < 59


def test_why_agrees_with_membership_for_every_member(people, django_assert_num_queries):
    tree, _ = NESTED
    found = members_of(tree)
    with django_assert_num_queries(1):
        audiences.explain(tree, people[0].pk, at=AT)
    for person in people:
        assert audiences.explain(tree, person.pk, at=AT).is_met == (person.pk in found)


def test_several_questions_of_purchases_are_asked_in_one_pass(people):
    """Of windows that differ, and of some that begin with the first purchase there is: each answers as if it were alone."""
    codes = (
        "twice in two months",
        "spent fifty",
        "spent little",
        "quiet for a month",
        "bought this month",
        "once at most",
    )
    tree = {
        "match": "any",
        "conditions": [
            {"match": "all", "conditions": [GOLDEN[a][0], GOLDEN[b][0]]} for a, b in itertools.pairwise(codes)
        ],
    }
    sql, _given = audiences.statement(tree, at=AT)
    assert sql.count("LEFT JOIN") == 1
    where = " OR ".join(f"(({GOLDEN[a][1]}) AND ({GOLDEN[b][1]}))" for a, b in itertools.pairwise(codes))
    expected = by_hand(where)
    assert members_of(tree) == expected
    assert members_of(tree, among=[one.pk for one in people[:20]]) == expected & {one.pk for one in people[:20]}
    for person in people[:20]:
        assert audiences.explain(tree, person.pk, at=AT).is_met == (person.pk in expected)


def test_what_a_merged_record_bought_is_the_survivors(people):
    """Also where the survivor was merged again; each golden question of purchases equals its twin over rows that carry the survivor."""
    active = [one for one in people if one.status == "active"]
    absorbed = dict(zip(active[10:25], active[25:40], strict=True)) | {
        active[0]: active[10]
    }  # the first by way of another
    for one, into in absorbed.items():
        Member.objects.filter(pk=one.pk).update(status="merged", merged_into=into)
    asked = (
        "twice in two months",
        "once at most",
        "spent fifty",
        "spent little",
        "quiet for a month",
        "dairy",
        "no dairy",
    )
    whose = "(SELECT coalesce(b.merged_into_id, a.merged_into_id, a.id) FROM members_member a LEFT JOIN members_member b ON b.id = a.merged_into_id WHERE a.id = p.member_id)"
    for name in asked:
        condition, where = GOLDEN[name]
        tree, expected = (
            {"match": "all", "conditions": [named(condition)]},
            by_hand(where.replace("p.member_id", whose)),
        )
        assert members_of(tree) == expected, name
        assert audiences.count(tree, at=AT) == len(expected), name
        some = [active[10].pk, active[25].pk, active[30].pk, active[50].pk]
        assert members_of(tree, among=some) == expected & set(some), name
        for pk in some[1:]:
            assert audiences.explain(tree, pk, at=AT).is_met == (pk in expected), name
    assert by_hand(COUNT_60.replace("p.member_id", whose) + " >= 2") != by_hand(f"{COUNT_60} >= 2"), (
        "else nothing is proved"
    )


def test_what_was_known_of_a_merged_record_is_known_of_the_survivor(people):
    """Tags, stages gone through, rewards and places on lists; each member once, and no longer when it is taken off."""
    survivor, absorbed, other = [one for one in people if one.status == "active"][:3]
    at_list = Audience.objects.create(name="Some", kind=Audience.Kind.LIST)
    AudienceMember.objects.bulk_create(
        AudienceMember(audience=at_list, member=one, entered_at=AT) for one in (survivor, absorbed)
    )
    StageChange.objects.create(member=absorbed, before="new", after="lapsed", at=AT - timedelta(days=3))
    members.tag_members(code="gluten", members=Member.objects.filter(pk=absorbed.pk), source="t", at=AT)
    asked = {
        "tag": {"type": "tag", "op": "yes", "tags": ["gluten"]},
        "list": {"type": "audience", "op": "yes", "audience": at_list.pk},
        "stage": {"type": "stage_changed", "stages": ["lapsed"], "days": 30},
    }

    def found():
        trees = {name: {"match": "all", "conditions": [condition]} for name, condition in asked.items()}
        some = {survivor.pk, absorbed.pk, other.pk}
        return {name: members_of(tree) & some for name, tree in trees.items()}

    both = {survivor.pk, absorbed.pk}
    assert found() == {"tag": {absorbed.pk}, "list": both, "stage": {absorbed.pk}}
    Member.objects.filter(pk=absorbed.pk).update(status="merged", merged_into=survivor)
    assert found() == {name: {survivor.pk} for name in asked}
    assert member_queries.tags_of(survivor.pk) == ["gluten"]
    assert members.untag_members(code="gluten", members=Member.objects.filter(pk=survivor.pk)) == 1
    assert found()["tag"] == set()


def test_why_names_each_condition(people):
    quiet = {"type": "last_purchase", "op": "older", "days": 30}
    person = people[2]
    reason = audiences.explain({"match": "all", "conditions": [quiet]}, person.pk, at=AT)
    assert reason.words == "All of these hold"
    assert [inner.words for inner in reason.inside] == ["Last purchase more than 30 days ago"]
    assert reason.inside[0].is_met == (person.pk in members_of({"match": "all", "conditions": [quiet]}))
    erased = audiences.explain({}, people[5].pk, at=AT)
    assert (erased.words, erased.is_met) == ("Is an active member", False)


def test_an_empty_tree_is_every_active_member(people):
    for match in ("all", "any", "none"):
        assert audiences.count({"match": match, "conditions": []}, at=AT) == 59
    assert audiences.count({}, at=AT) == 59


def test_the_moment_of_asking_decides(people):
    newer = {"match": "all", "conditions": [{"type": "last_purchase", "op": "newer", "days": 5}]}
    assert members_of(newer) != set(audiences.compile(newer, at=AT - timedelta(days=60)).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"match": "some", "conditions": []}, "“all”, “any” or “none”"),
        ({"match": "all", "conditions": [{"type": "shoe_size"}]}, "no condition “shoe_size”"),
        ({"match": "all", "conditions": ["lapsing"]}, "no condition"),
        ({"match": "all", "conditions": [{"type": "last_purchase", "op": "older", "days": "soon"}]}, "whole number"),
        ({"match": "all", "conditions": [{"type": "last_purchase", "op": "older", "days": 0}]}, "between 1 and"),
        ({"match": "all", "conditions": [{"type": "lifecycle_stage", "stages": []}]}, "at least one"),
        ({"match": "all", "conditions": [{"type": "tier", "tiers": ["diamond"]}]}, "at least one"),
        ({"match": "all", "conditions": [{"type": "joined", "op": "since", "date": "yesterday"}]}, "date such as"),
        ({"match": "all", "conditions": [{"type": "joined", "op": "since", "date": "2017-02-31"}]}, "date such as"),
        (
            {"match": "all", "conditions": [{"type": "bought_category", "op": "bought", "category": 0, "days": 9}]},
            "category",
        ),
        ({"match": "all", "conditions": [{"type": "language", "languages": ["en"]}] * 41}, "at most 40"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(tree, words):
    with pytest.raises(audiences.Invalid, match=words):
        audiences.compile(tree, at=AT)


def test_groups_nest_only_so_deep():
    tree = {"match": "all", "conditions": []}
    for _level in range(4):
        tree = {"match": "any", "conditions": [tree]}
    with pytest.raises(audiences.Invalid, match="at most 4 deep"):
        audiences.clean(tree)


def test_parameters_never_become_sql(people):
    tree = {"match": "all", "conditions": [{"type": "lifecycle_stage", "stages": ["new') OR 1=1 --"]}]}
    with pytest.raises(audiences.Invalid):
        audiences.compile(tree, at=AT)
    assert Member.objects.count() == 60
