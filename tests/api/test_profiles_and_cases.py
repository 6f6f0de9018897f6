"""Profiles, touchpoints and cases, over the wire."""

import json
import uuid

from care.models import Case
from members.knowing import CustomField, Touchpoint
from members.operations import enrol, give_consent
from tests.api.test_endpoints import AT, member, till  # noqa: F401 (fixtures)


def patch(till, path, body):  # noqa: F811
    return till._client.patch(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=till._headers
    )


def test_a_custom_field_is_set_and_read_without_a_deploy(till, member):  # noqa: F811
    CustomField.objects.create(code="pet", label_en="Pet", kind="choice", choices=["cat", "dog"])
    path = f"members/{member.public_id}/profile"
    changed = patch(till, path, {"custom": {"pet": "cat"}, "add_tags": ["vip", "press"], "remove_tags": ["press"]})
    assert (changed.status_code, changed.json()["custom"], changed.json()["tags"]) == (200, {"pet": "cat"}, ["vip"])
    refused = patch(till, path, {"custom": {"pet": "fish"}, "add_tags": ["angler"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "custom.pet")
    read = till.get(path).json()
    assert (read["custom"], read["tags"], read["life_cycle"]["stage"]) == ({"pet": "cat"}, ["vip"], "contact")
    assert till.get(f"members/{uuid.uuid4()}/profile").status_code == 404


def test_a_recorded_batch_of_events_replayed_twice_is_taken_once(till, member):  # noqa: F811
    give_consent(member=member, channel="email", purpose="profiling", is_granted=True, at=AT, source="portal")
    other = enrol(at=AT, source="test", email="eve@example.com")
    batch = {
        "touchpoints": [
            {
                "key": "like-1",
                "kind": "like",
                "at": AT.isoformat(),
                "member": {"external_id": "m1"},
                "subject": "post 7",
            },
            {
                "key": "note-1",
                "kind": "comment",
                "at": AT.isoformat(),
                "member": {"external_id": "m1"},
                "words": "Love it!",
            },
            {"key": "like-2", "kind": "like", "at": AT.isoformat(), "member": {"public_id": str(other.public_id)}},
            {"key": "like-3", "kind": "like", "at": AT.isoformat(), "member": {"external_id": "nobody"}},
            {"key": "iot-1", "kind": "other", "event": "check_in_beacon", "at": AT.isoformat(), "visitor": "b7"},
        ]
    }
    answers = [till.post("touchpoints", batch) for _try in range(2)]
    assert [one.json() for one in answers] == [{"taken": 3, "without_consent": 1, "unknown": ["like-3"]}] * 2
    kept = Touchpoint.objects.order_by("client_key").values_list("client_key", "member", "event")
    assert list(kept) == [("iot-1", None, "check_in_beacon"), ("like-1", member.pk, ""), ("note-1", member.pk, "")]
    both = {"key": "x", "kind": "page", "at": AT.isoformat(), "visitor": "b", "member": {"external_id": "m1"}}
    assert till.post("touchpoints", {"touchpoints": [both]}).json()["errors"][0]["field"] == "touchpoints.0.member"


def test_a_complaint_is_routed_answered_and_heard_again(till, member):  # noqa: F811
    body = {
        "key": "mail-1",
        "text": "The milk was spoiled",
        "channel": "email",
        "store": "1",
        "member": {"external_id": "m1"},
    }
    first, again = till.post("cases", body), till.post("cases", body)
    assert (first.status_code, again.status_code, again.json()["replay"]) == (201, 200, True)
    case = first.json()
    assert (case["topic"], case["team"], case["status"]) == ("complaint", "stores", "open")
    heard = till.post(f"cases/{case['id']}/messages", {"key": "mail-2", "text": "Nobody answered"}).json()
    assert [one["text"] for one in heard["entries"]] == ["The milk was spoiled", "Nobody answered"]
    assert till.get(f"cases/{case['id']}").json()["number"] == Case.objects.get().number
    assert till.post("cases", body | {"key": "m3", "topic": "parking"}).json()["errors"][0]["field"] == "topic"
    assert till.post("cases", body | {"key": "m3", "store": "99"}).json()["errors"][0]["field"] == "store"
    assert till.get(f"cases/{uuid.uuid4()}").status_code == 404
    assert Case.objects.count() == 1
