"""Blob stores, the local directory and the one in memory alike.

put
  when over the cap -> too large, nothing kept
  when kept twice -> once
  when written by many at once -> one whole file, no leftovers
get
  when unknown -> not found
  when changed on disk -> conflict
read -> the range asked for, in pieces
size -> bytes, or none
"""

import asyncio
from pathlib import Path

import pytest

from backend.core.errors import BodyTooLarge, Conflict, NotFound
from backend.core.units import Hash32, keccak
from backend.storage.blobs import PIECE, BlobStore, MemoryBlobs
from backend.storage.local import LocalBlobs

UNKNOWN = Hash32(bytes(32))


@pytest.fixture(params=["local", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return LocalBlobs(tmp_path, cap=PIECE * 3) if request.param == "local" else MemoryBlobs(cap=PIECE * 3)


class TestPut:
    async def test_over_the_cap(self, blobs: BlobStore) -> None:
        content = b"x" * (PIECE * 3 + 1)
        with pytest.raises(BodyTooLarge):
            await blobs.put(content)
        assert await blobs.size(keccak(content)) is None

    async def test_named_by_keccak(self, blobs: BlobStore) -> None:
        name = await blobs.put(b"")
        assert name.hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        assert await blobs.get(name) == b""

    async def test_many_writers(self, tmp_path: Path) -> None:
        blobs = LocalBlobs(tmp_path)
        names = await asyncio.gather(*(blobs.put(b"same" * 1000) for _ in range(8)))
        assert set(names) == {keccak(b"same" * 1000)}
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [names[0].hex()]


class TestGet:
    async def test_unknown(self, blobs: BlobStore) -> None:
        with pytest.raises(NotFound, match="no content"):
            await blobs.get(UNKNOWN)

    async def test_changed_on_disk(self, tmp_path: Path) -> None:
        blobs = LocalBlobs(tmp_path)
        name = await blobs.put(b"right")
        (tmp_path / name.hex()[:2] / name.hex()).write_bytes(b"wrong")
        with pytest.raises(Conflict, match="changed on disk"):
            await blobs.get(name)
        await blobs.put(b"right")
        assert await blobs.get(name) == b"right"


class TestRead:
    async def test_unknown(self, blobs: BlobStore) -> None:
        with pytest.raises(NotFound):
            [piece async for piece in blobs.read(UNKNOWN)]

    @pytest.mark.parametrize(
        ("start", "length"), [(0, None), (5, 10), (PIECE - 1, 2), (PIECE, None), (10**9, 5)]
    )
    async def test_range(self, blobs: BlobStore, start: int, length: int | None) -> None:
        content = bytes(range(256)) * (PIECE // 128)
        name = await blobs.put(content)
        pieces = [piece async for piece in blobs.read(name, start, length)]
        assert b"".join(pieces) == content[start : None if length is None else start + length]
        assert all(len(piece) <= PIECE for piece in pieces)


class TestSize:
    async def test_known_and_unknown(self, blobs: BlobStore) -> None:
        assert await blobs.size(await blobs.put(b"abc")) == 3
        assert await blobs.size(UNKNOWN) is None
