"""DKIM by ourselves: verified as a receiver does, with both headers of one-click unsubscribing under the signature."""

import base64
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emails import notices, signing

MAIL = (
    b"From: Shop <hello@shop.example>\r\nTo: ada@example.com\r\nSubject: =?utf-8?b?8J+RiyDkvaDlpb0=?=\r\n"
    b"Message-ID: <x@shop.example>\r\nDate: Mon, 01 Jan 2027 10:00:00 +0000\r\n"
    b"List-Unsubscribe: <https://shop.example/m/u/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello\r\n.dots\r\n\r\n"
)


@pytest.fixture(scope="module")
def pair():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def is_good(mail, record):
    def look_up(name, timeout=5):
        return record if name == b"s1._domainkey.shop.example." else None

    return dkim.verify(mail, dnsfunc=look_up)


def test_a_receiver_finds_the_signature_good_and_any_change_bad(pair):
    pem, record = pair
    signed = signing.Signer("shop.example", "s1", pem)(MAIL)
    assert signed.endswith(MAIL)
    assert is_good(signed, record)
    for was, becomes in ((b"Hello", b"Hallo"), (b"m/u/x", b"m/u/y"), (b"=One-Click", b"=Never"), (b"ada@", b"bob@")):
        assert not is_good(signed.replace(was, becomes), record), "the headers of RFC 8058 are under the signature too"


def test_nothing_is_signed_unless_a_key_is_named(settings, pair, tmp_path):
    settings.DKIM_KEY_FILE = ""
    assert signing.configured() is None
    path = tmp_path / "dkim.pem"
    path.write_bytes(pair[0])
    settings.DKIM_KEY_FILE, settings.DKIM_DOMAIN, settings.DKIM_SELECTOR = str(path), "shop.example", "s1"
    assert is_good(signing.configured()(MAIL), pair[1])


@pytest.mark.django_db
def test_letters_that_nobody_designs_are_signed_too(settings, pair, tmp_path):
    path = tmp_path / "dkim.pem"
    path.write_bytes(pair[0])
    settings.DKIM_KEY_FILE, settings.DKIM_DOMAIN, settings.DKIM_SELECTOR = str(path), "shop.example", "s1"
    said = notices.Notice("Points", "They expire.", unsubscribe=("No more", "https://shop.example/m/u/x"))
    raw = notices.render(
        said, to="ada@example.com", message_id="x@shop.example", date=datetime(2027, 1, 1, 10, tzinfo=UTC)
    )
    assert is_good(raw, pair[1])
    for was, becomes in ((b"m/u/x>", b"m/u/y>"), (b"=One-Click", b"=Never")):
        assert not is_good(raw.replace(was, becomes, 1), pair[1])
