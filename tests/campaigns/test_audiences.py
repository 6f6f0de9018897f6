from datetime import timedelta

import pytest
from django.db import connection

from campaigns import audiences
from members.models import Member
from sales.models import Category
from tests.campaigns.people import AT, neighbourhood

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


@pytest.fixture
def people():
    return neighbourhood()


def by_hand(where):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM members_member m WHERE status = 'active' AND ({where})", {"at": AT})
        return {row[0] for row in cursor.fetchall()}


def named(condition):
    if "category" in condition:
        return condition | {"category": Category.objects.get(raw_name=condition["category"]).pk}
    return condition


def members_of(tree):
    return set(audiences.compile(tree, at=AT).values_list("pk", flat=True))


@pytest.mark.parametrize("name", GOLDEN)
def test_an_audience_equals_its_hand_written_twin_member_by_member(people, name, django_assert_num_queries):
    condition, where = GOLDEN[name]
    tree = {"match": "all", "conditions": [named(condition)]}
    found = members_of(tree)
    assert found == by_hand(where)
    if name != "any number":
        assert 0 < len(found) < 59, "a twin that holds for all or for nobody proves nothing"


@pytest.mark.parametrize("name", GOLDEN)
def test_in_and_not_in_share_out_all_active_members(people, name):
    """No condition is ever unknown, so that “none of these” means what it says."""
    condition = named(GOLDEN[name][0])
    inside = members_of({"match": "all", "conditions": [condition]})
    outside = members_of({"match": "none", "conditions": [condition]})
    assert inside.isdisjoint(outside)
    assert len(inside | outside) == 59


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
