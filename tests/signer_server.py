"""A signer of Web3Signer's eth1 shape on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from coincurve import PrivateKey

from backend.core.units import keccak
from backend.signing.ecdsa import sign_digest


def point_of(secret: bytes) -> str:
    """The public key, 64 bytes in hexadecimal."""
    return PrivateKey(secret).public_key.format(compressed=False)[1:].hex()


class SignerServer:
    """Holds one key and signs the hash of what it is sent; a test changes what it answers."""

    def __init__(self, secret: bytes) -> None:
        self.keys: Any = ["0x" + "11" * 64, "0x" + point_of(secret)]
        self.secret = secret
        self.status = 200
        self.answer: str | None = None
        self.asked: list[str] = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.thread = Thread(target=server.serve_forever, daemon=True)
        self.thread.start()

    def sign(self, data: str) -> str:
        if self.answer is not None:
            return self.answer
        return "0x" + sign_digest(self.secret, keccak(bytes.fromhex(data[2:]))).hex()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(json.dumps(owner.keys))

            def do_POST(self) -> None:
                owner.asked.append(self.path)
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.reply(owner.sign(body["data"]))

            def reply(self, text: str) -> None:
                data = text.encode()
                self.send_response(owner.status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler


@contextmanager
def signer_server(secret: bytes) -> Iterator[SignerServer]:
    """Runs one until the block ends."""
    running = SignerServer(secret)
    yield running
    running.server.shutdown()
    running.server.server_close()
    running.thread.join()
