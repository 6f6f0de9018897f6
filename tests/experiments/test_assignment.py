import itertools
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from experiments import operations, queries
from experiments.buckets import BUCKET_SQL, BUCKETS, boundaries, bucket
from experiments.models import Assignment
from members.models import Member

pytestmark = pytest.mark.django_db
AT = datetime(2017, 6, 1, tzinfo=UTC)


def members(count):
    """Members whose public ids are always the same, so that chance is too."""
    people = [Member(joined_at=AT, public_id=uuid.uuid5(uuid.NAMESPACE_DNS, f"member-{i}")) for i in range(count)]
    return Member.objects.bulk_create(people)


def three_arms(**kwargs):
    arms = [("Holdout", 0.1, True), ("A", 0.45, False), ("B", 0.45, False)]
    return operations.create(name="Spring", kind="campaign", arms=arms, salt="salt", **kwargs)


def test_python_and_sql_name_the_same_bucket():
    pairs = [(f"salt-{i % 7}", uuid.UUID(int=i * 7919**9 % 2**128)) for i in range(3000)]
    with connection.cursor() as cursor:
        sql = BUCKET_SQL.format(salt="s", member="m")
        cursor.execute(
            f"SELECT {sql} FROM unnest(%s::text[], %s::uuid[]) WITH ORDINALITY AS t (s, m, n) ORDER BY n",
            [[salt for salt, _ in pairs], [member for _, member in pairs]],
        )
        in_sql = [row[0] for row in cursor.fetchall()]
    assert in_sql == [bucket(salt, member) for salt, member in pairs]
    assert all(0 <= b < BUCKETS for b in in_sql)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_arms_cover_every_bucket_once_and_keep_their_share(weights):
    shares = [w / sum(weights) for w in weights]
    if min(shares) * BUCKETS < 2:
        return
    cuts = boundaries(shares)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == BUCKETS
    assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
    assert all(abs((high - low) - share * BUCKETS) <= 1 for (low, high), share in zip(cuts, shares, strict=True))


@pytest.mark.parametrize("shares", [[], [0.5, 0.6], [1.0, 0.0], [0.99999, 0.00001]])
def test_impossible_shares_are_refused_with_a_remedy(shares):
    with pytest.raises(ValueError, match="share"):
        boundaries(shares)


def test_members_are_assigned_where_their_bucket_falls_with_their_propensity():
    people = members(500)
    experiment = three_arms()
    operations.assign(experiment=experiment, members=Member.objects.all(), at=AT)
    by_id = {person.pk: person for person in people}
    for row in Assignment.objects.select_related("arm"):
        assert row.bucket == bucket("salt", by_id[row.member_id].public_id)
        assert row.arm.bucket_from <= row.bucket < row.arm.bucket_to
        assert row.propensity == pytest.approx(row.arm.share)
        assert row.assigned_at == AT


def test_the_split_is_fair_and_two_salts_are_independent():
    people = members(8000)
    first, second = (
        operations.create(name=salt, kind="campaign", arms=[("H", 0.1, True), ("T", 0.9, False)], salt=salt)
        for salt in "xy"
    )
    for experiment in (first, second):
        operations.assign(experiment=experiment, members=Member.objects.all(), at=AT)
        held = queries.counts(experiment)["H"]
        assert chisquare([held, len(people) - held], [800, 7200]).pvalue > 0.001
    held = [
        set(queries.arm_members(one).filter(arm__is_holdout=True).values_list("member_id", flat=True))
        for one in (first, second)
    ]
    held_twice = len(held[0] & held[1])
    assert 40 < held_twice < 130  # a hundredth of 8,000 is expected


def test_assigning_again_changes_nothing_and_adds_only_who_is_new():
    members(50)
    experiment = three_arms()
    operations.assign(experiment=experiment, members=Member.objects.all(), at=AT)
    before = list(Assignment.objects.order_by("pk").values_list())
    newcomer = Member.objects.create(joined_at=AT)
    later = datetime(2017, 7, 1, tzinfo=UTC)
    operations.assign(experiment=experiment, members=Member.objects.all(), at=later)
    assert list(Assignment.objects.exclude(member=newcomer).order_by("pk").values_list()) == before
    assert Assignment.objects.get(member=newcomer).assigned_at == later


def test_skips_are_logged_in_every_arm_held_out_included_and_the_first_reason_wins():
    people = members(300)
    experiment = three_arms()
    first, second = people[:100], people[50:200]
    operations.assign(
        experiment=experiment,
        members=Member.objects.all(),
        at=AT,
        skipped={
            "no_consent": Member.objects.filter(pk__in=[p.pk for p in first]),
            "no_address": Member.objects.filter(pk__in=[p.pk for p in second]),
        },
    )
    reasons = dict(Assignment.objects.values_list("member_id", "skipped_reason"))
    assert {reasons[p.pk] for p in first} == {"no_consent"}
    assert {reasons[p.pk] for p in people[100:200]} == {"no_address"}
    assert {reasons[p.pk] for p in people[200:]} == {""}
    assert queries.arm_members(experiment).filter(arm__is_holdout=True).exclude(skipped_reason="").exists()
    assert sum(queries.eligible_counts(experiment).values()) == 100
    assert queries.eligible(experiment).count() == 100
    assert sum(queries.skipped_counts(experiment).values()) < 200


def test_assignment_takes_one_statement_and_one_question(django_assert_num_queries):
    members(3)
    experiment = three_arms()
    with django_assert_num_queries(4):  # savepoint, insert, counts, release
        operations.assign(experiment=experiment, members=Member.objects.all(), at=AT)


@pytest.mark.parametrize("edit", ["UPDATE experiments_assignment SET bucket = 1", "DELETE FROM experiments_assignment"])
def test_an_assignment_is_never_changed(edit):
    members(1)
    operations.assign(experiment=three_arms(), members=Member.objects.all(), at=AT)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(edit)
    assert Assignment.objects.count() == 1
