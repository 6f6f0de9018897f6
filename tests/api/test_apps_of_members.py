"""Apps on members' phones, over the wire."""

import json
import uuid

from members.operations import give_consent
from push.models import AppInstallation
from tests.api.test_endpoints import AT, member, till  # noqa: F401 (fixtures)

TOKEN = "fcm-token-" + "x" * 30


def put(till, path, token):  # noqa: F811
    return till._client.put(
        f"/api/v1/{path}", json.dumps({"token": token}), content_type="application/json", headers=till._headers
    )


def test_an_app_is_registered_as_often_as_it_says_and_is_forgotten_when_its_reader_signs_out(till, member):  # noqa: F811
    path = f"members/{member.public_id}/apps"
    assert [put(till, path, TOKEN).json() for _ in range(2)] == [{"apps": 1, "is_reachable": False}] * 2
    give_consent(member=member, channel="push", is_granted=True, at=AT, source="portal")
    assert put(till, path, TOKEN).json() == {"apps": 1, "is_reachable": True}
    assert AppInstallation.objects.get().token == TOKEN
    assert [till.post(f"{path}/forget", {"token": TOKEN}).json()["apps"] for _ in range(2)] == [0, 0]


def test_what_is_no_token_and_who_is_no_member_are_refused(till, member):  # noqa: F811
    refused = put(till, f"members/{member.public_id}/apps", "not a token at all, with blanks")
    assert refused.status_code == 422
    assert put(till, f"members/{uuid.uuid4()}/apps", TOKEN).status_code == 404
    assert not AppInstallation.objects.exists()
