"""Documents and data named by their content.

The name is the Keccak-256 of the bytes, which contracts hold as `contentHash`: who asks for a name and hashes
what came needs to trust nobody. Stores are interchangeable; the local directory is the first.
"""

from collections.abc import AsyncIterator
from typing import Final, Protocol

from backend.core.errors import BodyTooLarge, NotFound
from backend.core.units import Hash32, hex_of, keccak

DEFAULT_CAP: Final = 16 * 1024 * 1024
"""Bytes of the largest blob."""
PIECE: Final = 256 * 1024


class BlobStore(Protocol):
    """Bytes by their Keccak-256. What is there never changes."""

    async def put(self, content: bytes) -> Hash32:
        """Keep the bytes and return their name; keeping them twice is keeping them once.

        Raises BodyTooLarge over the store's cap.
        """
        ...

    async def get(self, name: Hash32) -> bytes:
        """The bytes of a name, checked against it. Raises NotFound; Conflict when they were tampered with."""
        ...

    async def size(self, name: Hash32) -> int | None:
        """Length in bytes, None when the name is not here."""
        ...

    def read(self, name: Hash32, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A range in pieces of at most 256 KiB, not checked against the name. Raises NotFound."""
        ...


def check_size(content: bytes, cap: int) -> None:
    """Raise BodyTooLarge when there are more than `cap` bytes."""
    if len(content) > cap:
        raise BodyTooLarge(f"{len(content)} bytes are more than the {cap} that are kept", limit=cap)


def missing(name: Hash32) -> NotFound:
    """The error for a name that is not here."""
    return NotFound(f"no content with the hash {hex_of(name)} is kept here", hash=hex_of(name))


class MemoryBlobs:
    """Blobs of one process, for tests and dry runs."""

    def __init__(self, cap: int = DEFAULT_CAP) -> None:
        self._cap = cap
        self._blobs: dict[Hash32, bytes] = {}

    async def put(self, content: bytes) -> Hash32:
        """Keep the bytes and return their name. Raises BodyTooLarge."""
        check_size(content, self._cap)
        name = keccak(content)
        self._blobs[name] = bytes(content)
        return name

    async def get(self, name: Hash32) -> bytes:
        """The bytes of a name. Raises NotFound."""
        if name not in self._blobs:
            raise missing(name)
        return self._blobs[name]

    async def size(self, name: Hash32) -> int | None:
        """Length in bytes, None when the name is not here."""
        return len(self._blobs[name]) if name in self._blobs else None

    async def read(self, name: Hash32, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A range in pieces. Raises NotFound."""
        content = await self.get(name)
        end = len(content) if length is None else min(len(content), start + length)
        for at in range(start, end, PIECE):
            yield content[at : min(at + PIECE, end)]
