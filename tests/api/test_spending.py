"""Machines set points aside, sell gift cards and hand out rewards: each told twice is done once, and what is refused moves nothing."""

from datetime import timedelta

import pytest

from api import tokens
from api.operations import create_client
from loyalty import operations, verifying
from loyalty.models import Reward, Wallet
from members import clock
from tests.api.test_endpoints import Till, member, till  # noqa: F401 (fixtures)


@pytest.fixture
def rich(till, member):  # noqa: F811 (fixtures)
    operations.adjust(
        member_id=member.pk, points=300, reason="x", source="t", client_key="t", by_user_id=None, at=clock.now()
    )
    return {"external_id": "m1"}


def stands() -> tuple[int, int]:
    wallet = Wallet.objects.get(member__isnull=False)
    return wallet.available, wallet.held


def answers(response) -> tuple[int, int | None]:
    """The status, and what can be spent then."""
    return response.status_code, response.json().get("available")


def test_a_shop_holds_points_captures_a_part_and_lets_the_rest_go(till, rich):  # noqa: F811
    said = {"key": "h1", "member": rich, "points": 200}
    first, again = till.post("holds", said), till.post("holds", said)
    assert (answers(first), answers(again), again.json()["replay"]) == ((201, 100), (200, 100), True)
    assert till.post("holds", said | {"points": 201}).status_code == 409
    assert till.post("holds", said | {"key": "h2", "points": 101}).json()["errors"][0]["field"] == "points"
    path = f"holds/{first.json()['id']}"
    captured = till.post(f"{path}/captures", {"key": "c1", "points": 120})
    assert (captured.status_code, captured.json()["captured"], captured.json()["state"]) == (201, 120, "open")
    assert till.post(f"{path}/captures", {"key": "c2", "points": 81}).status_code == 422
    assert [answers(till.post(f"{path}/void", {"key": "v1"})) for _ in range(2)] == [(201, 180), (200, 180)]
    seen = till.get(path).json()
    assert (seen["captured"], seen["released"], seen["state"] == "open", stands()) == (120, 80, False, (180, 0))
    tokens.forget()
    other = Till(create_client(name="Web shop", source="web")[1])
    assert (other.get(path).status_code, other.post(f"{path}/void", {"key": "v2"}).status_code) == (404, 404)
    assert not [found for found in verifying.verify() if found.breaches]


def test_a_gift_card_is_sold_once_and_found_by_its_code(till, rich):  # noqa: F811
    until = (clock.now() + timedelta(days=365)).date().isoformat()
    said = {"key": "g1", "minor": 2_500, "currency": "USD", "valid_until": until, "member": rich}
    sold, again = till.post("gift-cards", said), till.post("gift-cards", said)
    assert (sold.status_code, again.status_code) == (201, 200)
    card = sold.json()
    assert (again.json()["code"], again.json()["replay"], card["left_minor"]) == (card["code"], True, 2_500)
    assert card["code"].replace("-", "").endswith(card["last_four"])
    assert till.post("gift-cards", said | {"minor": 2_600}).status_code == 409
    looked = till.post("gift-cards/lookup", {"code": card["code"]})
    assert (looked.status_code, looked.json()) == (
        200, {name: card[name] for name in ("id", "left_minor", "currency", "valid_until", "last_four")}
    )  # fmt: skip
    wrong = till.post("gift-cards/lookup", {"code": "WRONG-WRONG-2345"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "code")


def test_a_reward_is_handed_out_while_there_is_one_and_taken_back_whole(till, rich):  # noqa: F811
    mug = Reward.objects.create(
        kind="amount", name_en="A mug", points=100, amount=500, stock_left=1, valid_from=clock.now() - timedelta(days=1)
    )
    [offered] = till.get("rewards").json()
    assert (offered["id"], offered["points"], offered["stock_left"]) == (str(mug.public_id), 100, 1)
    said = {"key": "r1", "reward": str(mug.public_id), "member": rich}
    done, again = till.post("redemptions", said), till.post("redemptions", said)
    assert (answers(done), answers(again), again.json()["code"]) == ((201, 200), (200, 200), done.json()["code"])
    assert (till.post("redemptions", said | {"key": "r2"}).status_code, stands()) == (422, (200, 0))  # sold out
    taken_back = till.post(f"redemptions/{done.json()['id']}/reversal", {"key": "b1"})
    assert (answers(taken_back), taken_back.json()["state"]) == ((200, 300), "reversed")
    assert Reward.objects.get().stock_left == 1
    assert till.post("redemptions", said | {"key": "r3", "reward": str(done.json()["id"])}).status_code == 404
    assert not [found for found in verifying.verify() if found.breaches]
