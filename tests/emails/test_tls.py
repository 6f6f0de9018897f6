"""The SMTP channel behind STARTTLS and a sign-in, against a server with a certificate of its own."""

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.smtp_sink import HANG_UP, Sink
from emails.smtp import SmtpChannel
from tests.emails.test_smtp import batch, outcomes

LOGIN = ("shop", "s3cret/+")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with the key and the certificate of 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "sink.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def sink(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with Sink(tls=context, login=LOGIN) as sink:
        yield sink


@pytest.fixture
def open_channel(sink, certificate):
    """A channel to the sink; closed at the end."""
    opened = []

    def make(password="s3cret%2F%2B", options="", ca=None):
        url = f"smtp://shop:{password}@127.0.0.1:{sink.port}?tls=1&timeout=5&ca={ca or certificate}{options}"
        opened.append(SmtpChannel(url))
        return opened[-1]

    yield make
    for channel in opened:
        channel.close()


@pytest.mark.parametrize("options", ["", "&pipelining=0"])
def test_messages_travel_in_secret_over_one_kept_connection_after_one_sign_in(sink, open_channel, options):
    channel = open_channel(options=options)
    assert outcomes(channel.send(batch(3))) == ["accepted"] * 3
    assert outcomes(channel.send(batch(2))) == ["accepted"] * 2
    assert isinstance(channel._kept.sock, ssl.SSLSocket)
    assert sink.connections == 1
    assert {m.content for m in sink.messages} == {b"Subject: hello\r\n\r\nline\r\n.dot\r\n..two\r\n"}


def test_a_large_message_arrives_whole(sink, open_channel):
    content = b"Subject: x\r\n\r\n" + (b"y" * 74 + b"\r\n") * 20_000
    assert outcomes(open_channel().send(batch(2, content=content))) == ["accepted"] * 2
    assert [m.content for m in sink.messages] == [content] * 2


def test_a_line_lost_after_the_final_dot_leaves_doubt_in_secret_too(sink, open_channel):
    hangs = iter([None, HANG_UP])
    sink.script = lambda now, _m: next(hangs, None) if now == "recorded" else None
    assert outcomes(open_channel().send(batch(3))) == ["accepted", "unknown", "accepted"]
    assert len(sink.messages) == 3


def test_a_wrong_password_defers_everything_and_says_why(sink, open_channel):
    results = list(open_channel(password="guess").send(batch(2)))
    assert outcomes(results) == ["deferred"] * 2
    assert "535" in results[0].detail
    assert sink.messages == []


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(sink, open_channel, tmp_path):
    """Without the certificate among those we trust, not even the password is said."""
    other = tmp_path / "other.pem"
    other.write_text(ssl.DER_cert_to_PEM_cert(_another_certificate()))
    results = list(open_channel(ca=other).send(batch(1)))
    assert outcomes(results) == ["deferred"]
    assert "certificate" in results[0].detail.lower()
    assert sink.messages == []


def _another_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
