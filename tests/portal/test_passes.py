"""Wallet passes: built, signed, and verified as Apple's and Google's readers do."""

import hashlib
import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import jwt

from portal.passes import apple, google
from portal.passes.facts import Facts

CARD = Facts(
    serial="6f1b", number="2900000000018", points=1234, tier="Gold", name="Ada Alvarez", shop="Larkfield Market"
)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(name: str, key, *, issuer: str, signed_by, is_ca: bool):
    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(AT).not_valid_after(AT + timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )  # fmt: skip
    return made.sign(signed_by, hashes.SHA256())


def _pem(thing) -> bytes:
    if hasattr(thing, "public_bytes"):
        return thing.public_bytes(serialization.Encoding.PEM)
    return thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A throw-away certificate authority and the shop's certificate from it, as PEM files."""
    folder, root_key, shop_key = tmp_path_factory.mktemp("passes"), _key(), _key()
    root = _certificate("Worldwide Relations", root_key, issuer="Worldwide Relations", signed_by=root_key, is_ca=True)
    shop = _certificate("pass.example.card", shop_key, issuer="Worldwide Relations", signed_by=root_key, is_ca=False)
    for name, thing in (("root.pem", root), ("shop.pem", shop), ("key.pem", shop_key)):
        (folder / name).write_bytes(_pem(thing))
    return folder


@pytest.fixture
def with_apple(settings, authority):
    settings.APPLE_PASS_CERTIFICATE, settings.APPLE_PASS_KEY = str(authority / "shop.pem"), str(authority / "key.pem")
    settings.APPLE_PASS_WWDR, settings.APPLE_PASS_KEY_PASSWORD = str(authority / "root.pem"), "open sesame"
    settings.APPLE_PASS_TYPE, settings.APPLE_PASS_TEAM = "pass.example.card", "TEAM123456"


def test_an_apple_pass_is_signed_over_the_hash_of_every_file(with_apple, authority, tmp_path):
    with zipfile.ZipFile(io.BytesIO(apple.build(CARD))) as files:
        parts = {name: files.read(name) for name in files.namelist()}
    manifest = json.loads(parts["manifest.json"])
    assert manifest == {
        name: hashlib.sha1(content).hexdigest()
        for name, content in parts.items()
        if name not in {"manifest.json", "signature"}
    }
    said = json.loads(parts["pass.json"])
    assert (said["serialNumber"], said["teamIdentifier"], said["passTypeIdentifier"]) == (
        "6f1b",
        "TEAM123456",
        "pass.example.card",
    )
    assert (said["barcode"]["message"], said["barcode"]["format"]) == ("2900000000018", "PKBarcodeFormatQR")
    assert said["storeCard"]["primaryFields"][0]["value"] == 1234
    assert _is_signed(parts["manifest.json"], parts["signature"], authority, tmp_path)
    assert not _is_signed(parts["manifest.json"] + b" ", parts["signature"], authority, tmp_path)


def _is_signed(content: bytes, signature: bytes, authority, folder) -> bool:
    (folder / "manifest").write_bytes(content)
    (folder / "signature").write_bytes(signature)
    done = subprocess.run(
        ["openssl", "smime", "-verify", "-binary", "-inform", "DER", "-in", folder / "signature", "-content", folder / "manifest",
         "-CAfile", authority / "root.pem", "-purpose", "any", "-out", "/dev/null"],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


def test_a_wrong_password_of_the_key_is_told(with_apple, settings):
    settings.APPLE_PASS_KEY_PASSWORD = "wrong"
    with pytest.raises(RuntimeError, match="Check the APPLE_PASS settings"):
        apple.build(CARD)


@pytest.fixture
def with_google(settings, tmp_path):
    key = _key()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {"client_email": "card@shop.iam.example.com", "private_key": private, "private_key_id": "1"}
    (tmp_path / "account.json").write_text(json.dumps(account))
    settings.GOOGLE_WALLET_KEY, settings.GOOGLE_WALLET_ISSUER = str(tmp_path / "account.json"), "3388000000012345678"
    return _certificate("card", key, issuer="card", signed_by=key, is_ca=True)


def test_a_google_pass_is_a_token_that_the_public_key_verifies(with_google):
    address = google.save_url(CARD)
    assert address.startswith("https://pay.google.com/gp/v/save/")
    token = address.rpartition("/")[2]
    said = _verified(token, with_google)
    assert (said["iss"], said["aud"], said["typ"]) == ("card@shop.iam.example.com", "google", "savetowallet")
    [held] = said["payload"]["loyaltyObjects"]
    assert (held["id"], held["barcode"]["value"], held["loyaltyPoints"]["balance"]) == (
        "3388000000012345678.6f1b", "2900000000018", {"int": 1234},
    )  # fmt: skip
    stranger = _key()
    with pytest.raises(ValueError, match="verify"):
        _verified(token, _certificate("x", stranger, issuer="x", signed_by=stranger, is_ca=True))


def _verified(token: str, certificate) -> dict:
    """Check the signature by the certificate alone; a link to save has no end."""
    from google.auth import _helpers, crypt

    signed, _dot, signature = token.rpartition(".")
    if not crypt.verify_signature(signed, _helpers.padded_urlsafe_b64decode(signature), _pem(certificate)):
        raise ValueError("Could not verify token signature.")
    return jwt.decode(token, verify=False)


def test_the_buttons_are_there_when_the_keys_are(hero, market, with_apple, with_google):
    page = hero.get("/portal/card/").content.decode()
    assert "Add to Apple Wallet" in page
    assert "Add to Google Wallet" in page
    answer = hero.get("/portal/card/apple/")
    assert answer["Content-Type"] == "application/vnd.apple.pkpass"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        assert json.loads(files.read("pass.json"))["barcode"]["message"] == market.hero_card
    assert hero.get("/portal/card/google/").url.startswith("https://pay.google.com/gp/v/save/")


def test_without_keys_there_is_neither_button_nor_address(hero):
    page = hero.get("/portal/card/").content.decode()
    assert "Wallet" not in page
    assert [hero.get(f"/portal/card/{wallet}/").status_code for wallet in ("apple", "google", "samsung")] == [404] * 3
