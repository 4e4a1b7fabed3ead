"""A key that lives in another process: Web3Signer's `eth1` interface, or anything of its shape.

It hashes what it is given (keccak256) and signs the hash, so it is asked with the data, never with a digest.
Calls block whoever makes them, as signing with a local key does; a thread of its own carries them, so that
they work inside an event loop too. Whoever can wait does it elsewhere (`Sender`); a receipt costs the way
to the signer and back. Every signature is checked: one that is not the key's is refused.
"""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, Final, Self, TypeVar

from yarl import URL

from backend.core.errors import EmporionError, InvalidSignature, SigningKeyError, SigningKeyNotFound
from backend.core.units import Address, checksum, hex_of, keccak
from backend.net.client import HttpClient, Timeouts
from backend.net.guard import OPERATOR
from backend.signing.ecdsa import address_of, recover

T = TypeVar("T")
PATIENCE: Final = Timeouts(connect=2.0, read=5.0, total=8.0)
ANSWER_LIMIT: Final = 1_000_000
_POINT: Final = 64
"""Bytes of a public key; before them some write the byte 4."""


class RemoteSigner:
    """Signs with the key of `address` at `url`. Open it with `open`, end it with `close`."""

    def __init__(self, url: str, address: Address) -> None:
        self._base = URL(url.rstrip("/"))
        self.address = address
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="remote-signer", daemon=True)
        self._http = HttpClient(OPERATOR, timeouts=PATIENCE, connections=8)
        self._identifier = ""

    @classmethod
    def open(cls, url: str, address: Address) -> Self:
        """Look the key up. Raises SigningKeyNotFound where the signer has none of this address,
        SigningKeyError where it does not answer as one.
        """
        signer = cls(url, address)
        signer._thread.start()
        try:
            signer._identifier = signer._run(signer._look_up())
        except BaseException:
            signer.close()
            raise
        return signer

    def close(self) -> None:
        """End the connections and the thread; a second time changes nothing."""
        if not self._loop.is_closed() and self._thread.is_alive():
            self._run(self._http.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def sign_data(self, data: bytes) -> bytes:
        """A 65-byte signature of the data's keccak256. Raises SigningKeyError, InvalidSignature."""
        body = json.dumps({"data": hex_of(data)}).encode()
        text = self._run(self._ask("POST", f"api/v1/eth1/sign/{self._identifier}", body))
        signature = _bytes(text)
        if len(signature) == 65 and signature[64] < 27:
            signature = signature[:64] + bytes([signature[64] + 27])
        if recover(keccak(data), signature) != self.address:
            raise InvalidSignature(f"the remote signer did not sign as {checksum(self.address)}")
        return signature

    def __repr__(self) -> str:
        return f"RemoteSigner({self._base.host}, {checksum(self.address)})"

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    async def _look_up(self) -> str:
        try:
            keys = json.loads(await self._ask("GET", "api/v1/eth1/publicKeys"))
            found = [key for key in keys if _address(str(key)) == self.address]
        except (ValueError, TypeError) as error:
            raise SigningKeyError(
                f"{self._base.host} does not answer as a signer of the eth1 shape"
            ) from error
        if not found:
            raise SigningKeyNotFound(
                f"the signer at {self._base.host} has no key of {checksum(self.address)}; load it there"
            )
        return str(found[0])

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> str:
        try:
            await self._http.open()
            headers = {"content-type": "application/json"} if body else {}
            async with self._http.stream(method, self._base / path, headers=headers, body=body) as reply:
                answer = await reply.read(ANSWER_LIMIT)
        except EmporionError as error:
            raise SigningKeyError(f"the remote signer does not answer: {error.message}") from error
        if reply.status != 200:
            raise SigningKeyError(f"the remote signer answered {reply.status}; see its log")
        return answer.decode("utf-8", "replace").strip().strip('"')


def _address(public_key: str) -> Address | None:
    point = _bytes(public_key)[-_POINT:]
    return address_of(b"\x04" + point) if len(point) == _POINT else None


def _bytes(text: str) -> bytes:
    """Raises SigningKeyError for what is no hexadecimal."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise SigningKeyError("the remote signer's answer is not hexadecimal") from None
