"""Receives this marketplace's web hooks: `python examples/webhook_receiver.py`, with SECRET and PORT.

SECRET is what `POST /v1/webhooks` showed once (several while one is rotated: separated by commas). A message
is believed when its signature is right, it is young, and it was not seen before; anything else is a 400.
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from backend.client import MemorySeen, check_webhook
from backend.core.errors import InvalidSignature

SECRETS, SEEN, LARGEST = os.environ["SECRET"].split(","), MemorySeen(), 1_000_000


class Receiver(BaseHTTPRequestHandler):
    """One POST a message."""

    def do_POST(self) -> None:
        """Check it, print it, and say at once that it arrived: work that takes long belongs elsewhere."""
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(size, LARGEST))
        try:
            check_webhook(dict(self.headers), body, SECRETS, int(time.time()), SEEN)
        except InvalidSignature as error:
            print(f"refused: {error.message}", flush=True)
            self.answer(400)
        else:
            print(json.dumps(json.loads(body)), flush=True)
            self.answer(204)

    def answer(self, status: int) -> None:
        """A status alone."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """What arrives is printed above."""


server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
print(f"listening at http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
