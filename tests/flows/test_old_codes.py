"""Paper codes of the system before this one, at every door: redeemed once, refused the second time, shown to whose they are."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from api import tokens
from api.operations import create_client
from loyalty import verifying
from loyalty.models import Entitlement, GiftCard, Reward
from members.clock import now
from tests.api.test_endpoints import Till, purchase
from tests.portal.conftest import enter
from tests.pos.conftest import make_counter
from tests.pos.test_spending import page_of, pay, to_pay
from tests.signing_in import at_door

FILE = """code,email,reward,kind,value,valid_until,status,used_at
PAPER-CODE-0001,,Five off,,,2099-03-31,unused,
PAPER-CODE-0002,,Five off,,,2099-03-31,unused,
PAPER-CODE-0003,,Five off,,,2021-03-31,unused,
PAPER-CODE-0004,,Five off,,,2099-03-31,used,2025-12-24
MARIAS-CODE-001,maria@example.com,,,12.50,2099-03-31,unused,
7000-0000-0001,maria@example.com,,gift_card,8.00,2099-03-31,unused,
"""


@pytest.fixture
def counter(db, tmp_path):
    """A till, Maria, and the codes that were sold before this house opened."""
    tokens.forget()
    counter = make_counter()
    Reward.objects.create(
        name_en="Five off", kind="amount", amount=500, points=300, valid_from=datetime(2020, 1, 1, tzinfo=UTC)
    )
    file = tmp_path / "vouchers.csv"
    file.write_text(FILE)
    call_command("import_vouchers", file, control_codes=6, control_value=[("USD", 2_050)], verbosity=0)
    return counter


def typed(till, maria, code: str) -> str:
    return till.post(f"{page_of(maria)}codes/", {"amount": "20.00", "code": code}).content.decode()


def test_at_the_till_a_paper_code_takes_off_once_and_a_gift_card_pays(counter, client):
    till, maria = at_door(client, counter.cashier, "pos"), counter.maria
    html = typed(till, maria, "paper code 0001")
    assert to_pay(html) == "$15.00"
    benefit = re.search(r'name="benefit" value="([\w-]+)" checked', html)[1]
    assert pay(till, maria, benefit=benefit).status_code == 302
    assert "This code was used already." in typed(till, maria, "PAPER-CODE-0001")
    assert "This code was used already." in typed(till, maria, "PAPER-CODE-0004")
    assert "its time is over, or has not come" in typed(till, maria, "PAPER-CODE-0003")
    html = typed(till, maria, "700000000001")
    assert to_pay(html) == "$12.00"
    assert pay(till, maria, card=re.search(r'name="card" value="([^"]+)"', html)[1]).status_code == 302
    assert (GiftCard.objects.get().wallet.available, Entitlement.objects.filter(uses_left=0).count()) == (0, 1)
    assert not [found for found in verifying.verify() if found.breaches]


def test_over_the_api_a_paper_code_is_claimed_used_once_and_then_refused(counter):
    shop = Till(create_client(name="Web shop", source="web")[1])
    who = {"public_id": str(counter.maria.public_id)}
    said = {"code": "PAPER-CODE-0002", "member": who}
    claimed, again = shop.post("vouchers/claim", said), shop.post("vouchers/claim", said)
    assert (claimed.status_code, claimed.json()["amount"], again.json()) == (200, 500, claimed.json())
    sold = {
        "purchased_at": now().isoformat(),
        "store": "S1",
        "member": who,
        "spend": {"benefits": [claimed.json()["id"]]},
    }
    bought = shop.post("purchases/paid", purchase(**sold))
    assert (bought.status_code, bought.json()["to_pay_minor"]) == (201, 2_460 - 500)
    refused = [shop.post("vouchers/claim", said | {"code": f"PAPER-CODE-000{n}"}) for n in (2, 3, 4)]
    assert [(one.status_code, one.json()["detail"]) for one in refused] == [
        (422, "This code was used already."), (422, "This code cannot be used now: its time is over, or has not come."),
        (422, "This code was used already."),
    ]  # fmt: skip
    assert shop.post("purchases/paid", purchase(**sold, receipt="r2")).status_code == 422
    assert shop.post("gift-cards/lookup", {"code": "7000-0000-0001"}).json()["left_minor"] == 800
    assert not [found for found in verifying.verify() if found.breaches]


def test_in_the_portal_members_see_theirs_and_type_in_what_they_hold(counter):
    phone = Client()
    enter(phone, "maria@example.com")
    page = phone.get("/portal/rewards/").content.decode()
    assert [text in page for text in ("$12.50 off", "7000-0000-0001", "$8.00")] == [True, True, True]
    theirs = Entitlement.objects.get(member=counter.maria)
    assert "MARI-ASCO-DE00-1" in phone.get(f"/portal/vouchers/{theirs.public_id}/").content.decode()
    answers = [
        phone.post("/portal/rewards/codes/", {"code": code}, follow=True).content.decode()
        for code in ("paper-code-0001", "PAPER-CODE-0003", "PAPER-CODE-0004")
    ]
    assert "The code is yours: $5 off." in answers[0]
    assert "its time is over, or has not come" in answers[1]
    assert "This code was used already." in answers[2]
    assert theirs.valid_until > now() + timedelta(days=365)
