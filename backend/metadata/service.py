"""Documents kept by content hash: stored when somebody brings them, fetched when a service names them."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from yarl import URL

from backend.core.clock import Clock
from backend.core.errors import DatabaseError, EmporionError, Unprocessable
from backend.core.logs import get_logger
from backend.core.units import ZERO_HASH, Hash32, hex_of
from backend.db.session import Store
from backend.metadata import repository
from backend.metadata.documents import SIZE_LIMIT, Document, read_document
from backend.metadata.ports import Fetcher
from backend.metadata.schemas import LimitsDocument
from backend.storage.blobs import BlobStore

ROUND_SECONDS: Final = 2.0
BATCH: Final = 20
PLACES: Final = 100
"""Addresses of one document that are tried."""
FIRST_PAUSE: Final = 10
LONGEST_PAUSE: Final = 6 * 3600
_LIMITS_REMEMBERED: Final = 1_000


class MetadataService:
    """The gateway's documents. `on_stored` is called after each new one."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        clock: Clock,
        fetcher: Fetcher | None = None,
        ipfs_gateway: str = "",
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._fetcher = fetcher
        self._ipfs_gateway = ipfs_gateway.rstrip("/")
        self._limits: dict[Hash32, LimitsDocument | None] = {}
        self._listeners: list[Callable[[], None]] = []
        self._log = get_logger("metadata")

    def on_stored(self, listener: Callable[[], None]) -> None:
        """Call a function after each new document."""
        self._listeners.append(listener)

    async def put(self, content_hash: Hash32, data: bytes) -> Document:
        """Check and keep a document. Raises BodyTooLarge and Unprocessable; the same twice changes
        nothing.
        """
        document = read_document(data, content_hash)
        await self._blobs.put(data)
        row = {
            "content_hash": content_hash,
            "kind": document.kind,
            "size": document.size,
            "slug": document.slug,
            "name": document.name,
            "words": document.words,
            "document": document.checked.model_dump(mode="json", exclude_none=True),
            "stored_at": self._clock.now(),
        }
        async with self._store.write_connection() as db:
            await repository.add_document(db, row)
        self._limits.pop(content_hash, None)
        for listener in self._listeners:
            listener()
        return document

    async def get(self, content_hash: Hash32) -> bytes:
        """A document's bytes. Raises NotFound."""
        return await self._blobs.get(content_hash)

    async def limits(self, content_hash: Hash32) -> LimitsDocument | None:
        """The limits a plan's hash stands for; None where the plan has none. Remembered: a hash never
        changes.

        A plan whose document is not here has no limits that could be kept, and none are.
        """
        if content_hash == ZERO_HASH:
            return None
        if content_hash not in self._limits:
            async with self._store.lookup() as db:
                row = await repository.document(db, content_hash)
            if row is None:
                return None
            if len(self._limits) >= _LIMITS_REMEMBERED:
                self._limits.clear()
            found = row.kind == "limits"
            self._limits[content_hash] = LimitsDocument.model_validate(row.document) if found else None
        return self._limits[content_hash]

    async def run(self) -> None:
        """Fetch what services name and is not here, until cancelled."""
        while True:
            try:
                await self.fetch_missing()
            except DatabaseError as error:
                self._log.warning("metadata.round.failed", error=error.code)
            await self._clock.sleep(ROUND_SECONDS)

    async def fetch_missing(self) -> int:
        """One round; returns how many documents were had."""
        async with self._store.read_connection() as db:
            rows = await repository.missing(db, self._clock.now(), BATCH)
        return sum(await asyncio.gather(*(self._fetch(row) for row in rows)))

    async def _fetch(self, row: Any) -> bool:
        content_hash = Hash32(row.content_hash)
        try:
            uri = await self._place_of(content_hash, row.attempts)
            await self.put(content_hash, await self._bytes_of(content_hash, uri))
        except EmporionError as error:
            await self._note(content_hash, row.attempts + 1, error)
            return False
        return True

    async def _place_of(self, content_hash: Hash32, attempts: int) -> str:
        """Every place in turn: anybody may register a service of the same hash that names a bad one."""
        async with self._store.read_connection() as db:
            named = await repository.places(db, content_hash, PLACES)
        return named[attempts % len(named)] if named else ""

    async def _note(self, content_hash: Hash32, attempts: int, error: EmporionError) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(attempts, 20), LONGEST_PAUSE)
        problem = error.message[:500]
        async with self._store.write_connection() as db:
            await repository.note_failure(db, content_hash, attempts, self._clock.now() + pause, problem)
        self._log.info("metadata.fetch.failed", hash=hex_of(content_hash), code=error.code, again_in=pause)

    async def _bytes_of(self, content_hash: Hash32, uri: str) -> bytes:
        """Our own store, a data: URI, https, or ipfs through the configured gateway. Raises EmporionError."""
        if await self._blobs.size(content_hash) is not None:
            return await self._blobs.get(content_hash)
        if uri.startswith("data:"):
            return data_uri_bytes(uri)
        if uri.startswith("ipfs://"):
            if not self._ipfs_gateway:
                raise Unprocessable("ipfs:// documents need EMPORION_IPFS_GATEWAY")
            uri = f"{self._ipfs_gateway}/ipfs/{uri.removeprefix('ipfs://')}"
        if self._fetcher is None:
            raise Unprocessable("this process fetches no documents")
        try:
            url = URL(uri)
        except ValueError:
            raise Unprocessable("the service's URI is no URL") from None
        return await self._fetcher.fetch(url, limit=SIZE_LIMIT)


def data_uri_bytes(uri: str) -> bytes:
    """The content of a `data:` URI (RFC 2397). Raises Unprocessable."""
    head, comma, body = uri.removeprefix("data:").partition(",")
    if not comma:
        raise Unprocessable("the data: URI has no content")
    raw = unquote_to_bytes(body)
    if not head.endswith(";base64"):
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        raise Unprocessable("the data: URI is not base64") from None
