"""Blobs in a directory of this machine."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from backend.core.errors import Conflict
from backend.core.units import Hash32, hex_of, keccak
from backend.storage.blobs import DEFAULT_CAP, PIECE, check_size, missing


class LocalBlobs:
    """One file a blob, `ab/abcd...` by the hash in hexadecimal, written whole or not at all."""

    def __init__(self, root: Path, cap: int = DEFAULT_CAP) -> None:
        self._root = root
        self._cap = cap

    async def put(self, content: bytes) -> Hash32:
        """Keep the bytes durably and return their name. Raises BodyTooLarge."""
        check_size(content, self._cap)
        name = keccak(content)
        await asyncio.to_thread(_write, self._path(name), content)
        return name

    async def get(self, name: Hash32) -> bytes:
        """The bytes of a name. Raises NotFound; Conflict when the file's bytes are not the name's."""
        content = await asyncio.to_thread(_read, self._path(name))
        if content is None:
            raise missing(name)
        if keccak(content) != name:
            raise Conflict(f"the file kept as {hex_of(name)} was changed on disk: restore it from a back-up")
        return content

    async def size(self, name: Hash32) -> int | None:
        """Length in bytes, None when the name is not here."""
        return await asyncio.to_thread(_size, self._path(name))

    async def read(self, name: Hash32, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A range in pieces, read as they are asked for. Raises NotFound."""
        try:
            file = await asyncio.to_thread(self._path(name).open, "rb")
        except FileNotFoundError:
            raise missing(name) from None
        with file:
            async for piece in _pieces(file, start, length):
                yield piece

    def _path(self, name: Hash32) -> Path:
        digits = name.hex()
        return self._root / digits[:2] / digits


async def _pieces(file: BinaryIO, start: int, length: int | None) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, start)
    left = length
    while left is None or left > 0:
        piece = await asyncio.to_thread(file.read, PIECE if left is None else min(PIECE, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def _write(path: Path, content: bytes) -> None:
    """Through a temporary file in the same directory, so that no reader ever sees half a blob."""
    if _read(path) == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        fresh = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
