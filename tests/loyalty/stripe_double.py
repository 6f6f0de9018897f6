"""A stateful stand-in for Stripe on a free port: checkout sessions and subscriptions over HTTP, events signed for real.

It answers what the `stripe` library asks for in the provider's own form; what Stripe would do by itself (a payment, a failed one,
an end) is a method here, which gives back the event's body and its signature header. A browser that is sent to pay finds a page
with one button; pressing it pays, leads back to the shop, and leaves the event in `unsent`.
"""

import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import stripe

SECRET = "whsec_of_the_double"
PERIOD_S = 30 * 24 * 3600
PAY_PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Pay</title>
<main><h1>Pay</h1><form method="post"><button type="submit">Pay</button></form></main></html>"""


class StripeDouble:
    def __init__(self):
        self.sessions, self.subscriptions, self.asked, self.unsent = {}, {}, [], []
        self.is_down = False
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    # -- what happens at Stripe ----------------------------------------------------------------------------------------
    def pay(self, session_id: str, *, ends: int) -> tuple[bytes, str]:
        """The member pays on the provider's page; the period ends at this Unix time."""
        session = self.sessions[session_id]
        found = {
            "id": f"sub_{next(self._numbers)}", "object": "subscription", "customer": f"cus_{next(self._numbers)}", "status": "active",
            "cancel_at_period_end": False, "metadata": {"member": session["subscription_data[metadata][member]"]},
            "items": {"object": "list", "data": [{
                "id": f"si_{next(self._numbers)}", "object": "subscription_item", "current_period_end": ends,
                "price": {"id": session["line_items[0][price]"], "object": "price"}}]},
        }  # fmt: skip
        self.subscriptions[found["id"]] = found
        self.sessions[session_id]["subscription"] = found["id"]
        return self.event(
            "checkout.session.completed", {"id": session_id, "object": "checkout.session", "subscription": found["id"]}
        )

    def becomes(self, subscription_id: str, status: str, **facts) -> tuple[bytes, str]:
        self.subscriptions[subscription_id] |= {"status": status} | facts
        return self.event("customer.subscription.updated", dict(self.subscriptions[subscription_id]))

    def paid_by_browser(self, session_id: str) -> str:
        """Somebody pressed the button of the page; where they go on to."""
        self.unsent.append(self.pay(session_id, ends=int(time.time()) + PERIOD_S))
        return self.sessions[session_id]["success_url"]

    def event(self, kind: str, thing: dict) -> tuple[bytes, str]:
        """The body and the signature header of a webhook call."""
        body = json.dumps(
            {"id": f"evt_{next(self._numbers)}", "object": "event", "type": kind, "data": {"object": thing}}
        )
        return body.encode(), stripe.WebhookSignature.generate_signature_header(
            body, SECRET, timestamp=int(time.time())
        )

    # -- the protocol --------------------------------------------------------------------------------------------------
    def _answer(self, method: str, path: str, said: dict) -> tuple[int, dict]:
        self.asked.append((method, path))
        if self.is_down:
            return 503, {"error": {"type": "api_error", "message": "down"}}
        if (method, path) == ("POST", "/v1/checkout/sessions"):
            session_id = f"cs_{next(self._numbers)}"
            self.sessions[session_id] = said
            return 200, {"id": session_id, "object": "checkout.session", "url": f"{self.url}/pay/{session_id}"}
        found = re.fullmatch(r"/v1/subscriptions/(\w+)", path)
        if found is None or found[1] not in self.subscriptions:
            return 404, {"error": {"type": "invalid_request_error", "message": "No such thing"}}
        if method == "POST":
            self.subscriptions[found[1]]["cancel_at_period_end"] = said.get("cancel_at_period_end") == "true"
        return 200, self.subscriptions[found[1]]

    def _handler(double):  # noqa: N805 (the handler's own self is another)
        class Handler(BaseHTTPRequestHandler):
            def _take(self):
                length = int(self.headers.get("Content-Length") or 0)
                said = dict(parse_qsl(self.rfile.read(length).decode()))
                session = re.fullmatch(r"/pay/(\w+)", self.path)
                if session and self.command == "POST":
                    self._say(303, "text/plain", b"", Location=double.paid_by_browser(session[1]))
                elif session:
                    self._say(200, "text/html", PAY_PAGE.encode())
                else:
                    status, body = double._answer(self.command, self.path, said)
                    self._say(status, "application/json", json.dumps(body).encode())

            def _say(self, status: int, kind: str, content: bytes, **headers):
                self.send_response(status)
                told = {"Content-Type": kind, "Content-Length": len(content), "Stripe-Should-Retry": "false", **headers}
                for name, value in told.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _take  # noqa: N815 (names of the protocol)

            def log_message(self, *_said):
                """Nothing is told on the terminal."""

        return Handler
