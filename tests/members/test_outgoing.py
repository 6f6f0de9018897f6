"""Where events may be sent: the public internet by https, whatever spelling a private address hides in, and no redirect."""

import ipaddress
import socket
import threading

import pytest

from members import outgoing
from members.outgoing import BadAddress

INSIDE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fd00::1]", "[fe80::1]",
    "224.0.0.1", "[ff02::1]", "localhost", "app.localhost", "metadata.google.internal", "printer.local",
]  # fmt: skip


@pytest.fixture
def in_production(settings):
    settings.PRODUCTION = True


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused_in_every_spelling(in_production, host):
    with pytest.raises(BadAddress, match="public internet"):
        outgoing.check(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "https://", "https:///x",
     "https://user@shop.example/", "https://public.example:secret@127.0.0.1/", "https://shop.example:port/"],
)  # fmt: skip
def test_only_plain_https_is_taken(in_production, url):
    with pytest.raises(BadAddress):
        outgoing.check(url)


def test_public_addresses_are_taken(in_production):
    for host in ("shop.example", "93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"):
        assert outgoing.check(f"https://{host}/hook?x=1").hostname
    assert outgoing.is_public(ipaddress.ip_address("64:ff9b::5db8:d70e")), "a public address behind NAT64 is public"


def test_a_name_is_judged_by_all_it_resolves_to_and_asked_once(in_production, monkeypatch):
    asked, connected = [], []

    def rebinding(host, port):
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["169.254.169.254"]

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        outgoing.post("https://rebinding.example/", b"{}", {}, resolve=rebinding)
    assert (asked, connected) == (["rebinding.example"], [("93.184.215.14", 443)])
    with pytest.raises(OSError, match="public internet"):
        outgoing.post("https://mixed.example/", b"{}", {}, resolve=lambda _host, _port: ["93.184.215.14", "10.0.0.1"])
    assert len(connected) == 1


class Listener:
    """A server of one socket that answers every connection with the same bytes, slowly if asked."""

    def __init__(self, answer: bytes, *, hangs=False):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/hook"
        self.answer, self.hangs, self.heard, self.over = answer, hangs, [], threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _peer = self.socket.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(65536))
                connection.sendall(self.answer)
                if self.hangs:
                    self.over.wait(30)


@pytest.fixture
def listen():
    made = []

    def listen(answer, **more):
        made.append(Listener(answer, **more))
        return made[-1]

    yield listen
    for one in made:
        one.over.set()
        one.socket.close()


def test_a_redirect_is_an_answer_like_any_other_and_never_followed(listen):
    target = listen(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    redirecting = listen(f"HTTP/1.1 307 Go\r\nLocation: {target.url}\r\nContent-Length: 0\r\n\r\n".encode())
    assert outgoing.post(redirecting.url, b"{}", {"X": "1"}) == 307
    assert redirecting.heard[0].startswith(b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:")
    assert target.heard == []


def test_whoever_drips_an_answer_is_cut_off_at_the_deadline(listen):
    dripping = listen(b"HTTP/1.1 200 OK\r\nX-Slow: ", hangs=True)
    with pytest.raises(OSError):
        outgoing.post(dripping.url, b"{}", {}, deadline_s=0.3)


def test_an_answer_that_is_no_http_is_a_failure_not_a_crash(listen):
    with pytest.raises(OSError):
        outgoing.post(listen(b"\x00\x01\x02garbage\r\n\r\n").url, b"{}", {})
