"""A web push: what its encryption and its proof of who we are cost, and what the channel adds to them.

Processor time of this process. The floor is the encryption alone (aes128gcm, RFC 8291), which no sender can share between
browsers. A sender that signs a VAPID note for each message pays the signature every time; ours is signed once for a service and
used for eleven hours. The push service is a process of its own and counts for nobody. The arms alternate; ratios are medians.
"""

import base64
import multiprocessing
import os
import statistics
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

PUSHES, ROUNDS, REUSED_MAX = 300, 7, 0.1
PAYLOAD = b'{"title":"Your points expire on Friday","body":"' + b"x" * 400 + b'"}'


def run(report):
    from delivery.channels import Outgoing
    from push import vapid
    from push.queries import Device
    from push.web import WebPushChannel, _encrypt

    with _Service() as service:
        devices = [Device(number, f"{service.url}/{number}", *_keys()) for number in range(PUSHES)]
        batch = [Outgoing(f"m{one.id}@bench", (one,), PAYLOAD) for one in devices]
        channel = WebPushChannel()

        def send():
            if any(result.outcome != "accepted" for result in channel.send(batch)):
                raise RuntimeError("the push service refused")

        def sign_each():
            for one in devices:
                vapid._notes.clear()  # noqa: SLF001 (as if every message were the first)
                vapid.authorization(one.endpoint)

        rounds = [
            [
                _seconds(act) / PUSHES
                for act in (
                    send,
                    lambda: [_encrypt(one, PAYLOAD) for one in devices],
                    sign_each,
                    lambda: [vapid.authorization(one.endpoint) for one in devices],
                )
            ]
            for _ in range(ROUNDS + 1)
        ][1:]  # the first only warms up
        channel.close()
    whole, encrypted, signed, reused = (statistics.median(column) * 1e6 for column in zip(*rounds, strict=True))
    over = statistics.median(row[0] / row[1] for row in rounds)
    report(
        "a web push over a kept connection ÷ its encryption alone",
        round(over, 2), "told", True, f"{whole:.0f} µs against {encrypted:.0f} µs: HTTP takes the rest",
    )  # fmt: skip
    share = statistics.median(row[3] / row[2] for row in rounds)
    report(
        "VAPID note reused ÷ signed for each message",
        round(share, 4), f"≤ {REUSED_MAX:g}", share <= REUSED_MAX, f"{reused:.1f} µs against {signed:.0f} µs",
    )  # fmt: skip


def _seconds(act) -> float:
    before = time.process_time()
    act()
    return time.process_time() - before


def _keys() -> tuple[str, str]:
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return tuple(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in (raw, os.urandom(16)))


class _Service:
    """A push service that takes everything, in a process of its own."""

    def __enter__(self):
        if settings.PRODUCTION:
            raise RuntimeError("In production no push goes to this machine.")
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{here.recv()}"
        return self

    def __exit__(self, *_exception):
        self._process.terminate()
        self._process.join(10)


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def _serve(pipe):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    pipe.send(server.server_port)
    server.serve_forever()
