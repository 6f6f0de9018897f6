"""Lists that go to the database as one text, and moments that come back by the driver's own code, are what they were."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from campaigns.journeys.models import Enrolment
from campaigns.journeys.wholesale import among, array, fast_cursor

pytestmark = pytest.mark.django_db
WHOLE = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.integers(0, 10**16).map(lambda micros: datetime(1900, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00")) | st.sampled_from(
    ["NULL", "", '"', "\\", "a,b", "{}"]
)


@given(numbers=st.lists(WHOLE | st.none()), texts=st.lists(TEXTS | st.none()), moments=st.lists(MOMENTS | st.none()))
def test_an_array_as_text_is_the_same_array(numbers, texts, moments):
    with fast_cursor() as cursor:
        cursor.execute(
            "SELECT %s::bigint[], %s::text[], %s::timestamptz[]", [array(numbers), array(texts), array(moments)]
        )
        assert cursor.fetchone() == (numbers, texts, moments)


def test_a_moment_read_fast_is_the_one_that_django_reads():
    for cursor_of in (connection.cursor, fast_cursor):
        with cursor_of() as cursor:
            cursor.execute("SELECT '2026-03-08 07:00:00.123456+00'::timestamptz")
            [moment] = cursor.fetchone()
            assert (moment, moment.utcoffset()) == (datetime(2026, 3, 8, 7, 0, 0, 123456, UTC), UTC.utcoffset(None))


def test_ids_are_asked_for_by_one_parameter():
    asked = Enrolment.objects.filter(pk__in=among(range(1000)))
    assert not asked.exists()
    assert len(asked.query.sql_with_params()[1]) == 1
