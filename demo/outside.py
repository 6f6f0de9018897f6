"""The outside world's stand-ins in one process: the recording mail server and the push service, writing to the inbox."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.conf import settings
from django.db import close_old_connections

from demo import devices, operations
from demo.push_endpoint import PushEndpoint
from demo.smtp_sink import Sink

_writer = ThreadPoolExecutor(
    max_workers=1
)  # the mail server answers from an event loop, where Django's database may not be asked


def _record_email(received):
    """Before the 250: what cannot be recorded is not accepted."""
    _writer.submit(_write_email, received).result()


def _write_email(received):
    close_old_connections()
    operations.record_email(received.content, to=", ".join(received.recipients), at=datetime.now(UTC))


def _record_push(received):
    close_old_connections()
    operations.record_push(received.payload, to=devices.owner_name(received.endpoint), at=datetime.now(UTC))


def run():
    """Serve until told to end."""
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    sink = Sink(on_message=_record_email, port=settings.DEMO_SMTP_PORT)
    endpoint = PushEndpoint(on_message=_record_push, port=settings.DEMO_PUSH_PORT)
    sink.start()
    endpoint.start()
    print(f"Mail on port {sink.port}, push on port {endpoint.port}", flush=True)
    ended.wait()
    endpoint.stop()
    sink.stop()
