"""A small threaded web server inside the test's process. Each thread uses a connection of its own."""

import contextlib
import threading

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIServer
from django.db import connections


class _Server(ThreadedWSGIServer):
    daemon_threads = True

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()


@contextlib.contextmanager
def serve(application, handler):
    """Serve a WSGI application on a free port of this machine; yields its address."""
    server: WSGIServer = _Server(("127.0.0.1", 0), handler, ipv6=False)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
