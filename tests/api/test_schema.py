"""Whatever the schema allows, and much that it does not: never an accident of the server, always a problem in JSON."""

import json

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.urls import api  # with every router mounted
from members import modules
from tests.api.test_endpoints import purchase, till  # noqa: F401 (a fixture)

modules.remember(())  # all are on: this is asked while tests are collected, without a database
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str))
)
FIELDS = ["receipt", "store", "purchased_at", "currency", "member", "lines"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
UNHURRIED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    "operation", [o.ok() for o in SCHEMA.get_all_operations()], ids=lambda o: f"{o.method} {o.path}"
)
def test_no_request_the_schema_allows_makes_an_accident(till, operation):  # noqa: F811
    client = Client()

    @given(case=operation.as_strategy())
    @UNHURRIED
    def ask(case):
        response = client.generic(
            operation.method.upper(),
            case.formatted_path,
            json.dumps(case.body) if isinstance(case.body, (dict, list)) else b"",
            content_type="application/json",
            headers={"Authorization": till._headers["Authorization"]},
        )
        assert response.status_code < 500
        if response.status_code >= 400 and response.status_code != 404:
            assert response["Content-Type"] == "application/problem+json"

    ask()


@given(field=st.sampled_from(FIELDS), value=ANYTHING)
@UNHURRIED
def test_no_value_of_any_field_makes_an_accident(till, field, value):  # noqa: F811
    response = till.post("purchases", purchase() | {field: value})
    assert response.status_code in {200, 201, 400, 409, 422}
    if response.status_code >= 400:
        assert response.json()["detail"]
