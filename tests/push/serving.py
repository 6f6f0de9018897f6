"""A service on this machine that takes posts for the channels' tests: it records, refuses, defers and hangs up as told."""

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG_UP_BEFORE, HANG_UP_AFTER = "hang up before taking it", "hang up after taking it"


class Service:
    """`on_post(path, headers, body)` gives the number of the recipient, or (status, JSON) to answer at once.

    A script is a status with JSON, or one of the ways of hanging up; it is used once, unless it is in `for_ever`.
    """

    def __init__(self, on_post):
        self.taken, self.scripts, self.for_ever = [], defaultdict(list), {}
        self.accepted = (200, {})
        self._on_post = on_post
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._is_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self):
        self._thread.start()
        self._is_up = True
        return self

    def stop(self):
        if self._is_up:
            self._is_up = False
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)

    def answer(self, path, headers, body):
        """A status with JSON; None: hang up."""
        found = self._on_post(path, headers, body)
        if isinstance(found, tuple):
            return found
        script = self.for_ever.get(found) or (self.scripts[found].pop(0) if self.scripts[found] else None)
        if script == HANG_UP_BEFORE:
            return None
        if script is None or script == HANG_UP_AFTER:
            self.taken.append(found)
        return None if script == HANG_UP_AFTER else script or self.accepted


def _handler(service):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = service.answer(self.path, self.headers, body)
            if answer is None:
                self.close_connection = True
                return
            told = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_arguments):
            pass

    return Handler


class Stage:
    """The stage of a channel's contract, on a service. `outgoing_of(number)` makes the message."""

    def __init__(self, service, channel, outgoing_of, *, refused, deferred):
        self.service, self.channel, self.outgoing = service, channel, outgoing_of
        self._refused, self._deferred = refused, deferred

    def taken(self):
        return self.service.taken

    def refuse(self, number):
        self.service.for_ever[number] = self._refused

    def defer(self, number):
        self.service.scripts[number].append(self._deferred)

    def lose_before(self, number):
        self.service.scripts[number].append(HANG_UP_BEFORE)

    def lose_after(self, number):
        self.service.scripts[number].append(HANG_UP_AFTER)

    def go_away(self):
        self.channel.close()
        self.service.stop()
