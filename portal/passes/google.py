"""Google Wallet: a link that holds the card as a JWT, signed with the key of the shop's service account.

Settings: GOOGLE_WALLET_KEY is the path to the service account's JSON file, GOOGLE_WALLET_ISSUER the issuer's number.
"""

import json
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from google.auth import crypt, jwt

from portal.passes.facts import Facts

SAVE_URL = "https://pay.google.com/gp/v/save/"


def is_set_up() -> bool:
    return bool(settings.GOOGLE_WALLET_KEY and settings.GOOGLE_WALLET_ISSUER)


def save_url(facts: Facts) -> str:
    """Where the member's button leads: the whole card is in the address, and Google checks our signature."""
    account = json.loads(Path(settings.GOOGLE_WALLET_KEY).read_text())
    signer = crypt.RSASigner.from_service_account_info(account)
    return SAVE_URL + jwt.encode(signer, _claims(facts, account["client_email"])).decode()


def _claims(facts: Facts, issuer_email: str) -> dict:
    issuer = settings.GOOGLE_WALLET_ISSUER
    of_shop = {
        "id": f"{issuer}.card", "issuerName": facts.shop, "programName": facts.shop, "reviewStatus": "UNDER_REVIEW",
        "hexBackgroundColor": "#17594a",
        "programLogo": {"sourceUri": {"uri": f"{settings.SITE_URL}{settings.STATIC_URL}design/icon-192.png"}},
    }  # fmt: skip
    of_member = {
        "id": f"{issuer}.{facts.serial}", "classId": of_shop["id"], "state": "ACTIVE", "accountId": facts.number,
        "accountName": facts.name or facts.number,
        "barcode": {"type": "QR_CODE", "value": facts.number, "alternateText": facts.number},
        "loyaltyPoints": {"label": _("Points"), "balance": {"int": facts.points}},
        "secondaryLoyaltyPoints": {"label": _("Tier"), "balance": {"string": facts.tier}},
    }  # fmt: skip
    return {
        "iss": issuer_email, "aud": "google", "typ": "savetowallet", "origins": [settings.SITE_URL],
        "payload": {"loyaltyClasses": [of_shop], "loyaltyObjects": [of_member]},
    }  # fmt: skip
