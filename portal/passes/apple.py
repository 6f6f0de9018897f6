"""Apple Wallet: a store card, signed with the shop's certificate (PKCS #7 over the hashes of every file in it).

Settings: APPLE_PASS_CERTIFICATE, APPLE_PASS_KEY and APPLE_PASS_WWDR are paths to PEM files, APPLE_PASS_KEY_PASSWORD opens the
key, APPLE_PASS_TYPE (pass.com.example.card) and APPLE_PASS_TEAM are as the certificate says.
"""

from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from wallet.models import Barcode, BarcodeFormat, Pass, StoreCard

from portal.passes.facts import Facts, icon_path

TYPE = "application/vnd.apple.pkpass"


def is_set_up() -> bool:
    files = (settings.APPLE_PASS_CERTIFICATE, settings.APPLE_PASS_KEY, settings.APPLE_PASS_WWDR)
    return all(files) and bool(settings.APPLE_PASS_TYPE and settings.APPLE_PASS_TEAM)


def build(facts: Facts) -> bytes:
    """The signed pass, as the phone takes it. The openssl command signs; raises RuntimeError with its words if it cannot."""
    card = StoreCard()
    card.addHeaderField("tier", facts.tier, _("Tier"))
    card.addPrimaryField("points", facts.points, _("Points"))
    if facts.name:
        card.addSecondaryField("name", facts.name, _("Member"))
    card.addBackField("portal", f"{settings.SITE_URL}/portal/", _("Your points and rewards"))
    made = Pass(
        card, organizationName=facts.shop, passTypeIdentifier=settings.APPLE_PASS_TYPE,
        teamIdentifier=settings.APPLE_PASS_TEAM,
    )  # fmt: skip
    made.serialNumber, made.description, made.logoText = facts.serial, _("Loyalty card"), facts.shop
    made.barcode = Barcode(message=facts.number, format=BarcodeFormat.QR, altText=facts.number)
    made.backgroundColor, made.foregroundColor, made.labelColor = (
        "rgb(23, 89, 74)",
        "rgb(253, 246, 230)",
        "rgb(207, 229, 217)",
    )
    icon = Path(icon_path()).read_bytes()
    for name in ("icon.png", "icon@2x.png", "logo.png"):
        made.addFile(name, BytesIO(icon))
    return _signed(made)


def _signed(made: Pass) -> bytes:
    try:
        file = made.create(
            settings.APPLE_PASS_CERTIFICATE, settings.APPLE_PASS_KEY, settings.APPLE_PASS_WWDR,
            settings.APPLE_PASS_KEY_PASSWORD,
        )  # fmt: skip
    except Exception as reason:  # the library raises nothing narrower
        raise RuntimeError(
            f"The pass was not signed. Check the APPLE_PASS settings. openssl says: {reason}"
        ) from reason
    return file.getvalue()
