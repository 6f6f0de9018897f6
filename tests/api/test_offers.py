"""Offers with their reasons, over the wire; what is asked for is written down as shown."""

import uuid

from recommender.models import Exposure
from tests.api.test_endpoints import member, till  # noqa: F401 (fixtures)
from tests.recommender.conftest import Shop


def test_a_member_is_offered_what_they_may_want_and_why(till, member):  # noqa: F811
    house = Shop.__new__(Shop)
    milk = house.type("FOOD > DAIRY > MILK", name="Milk")
    house.recommend([member], "buy_again", [milk], reason=("bought_times", {"times": 2}))
    path = f"members/{member.public_id}/offers"
    told = till.get(path).json()
    assert told == {
        "buy_again": [
            {"product_type": milk.pk, "name": "Milk", "reason": "You bought it 2 times", "benefit": "×3 points", "position": 1}
        ],
        "new_for_you": [], "new_products": [],
    }  # fmt: skip
    assert till.get(path).json() == told
    assert list(Exposure.objects.values_list("member", "channel", "category")) == [(member.pk, "api", milk.pk)]
    assert till.get(f"members/{uuid.uuid4()}/offers").status_code == 404
