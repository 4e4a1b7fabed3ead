"""Reading the outbox on: from where a subscriber left off, as certain as it wants."""

from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

from backend.core.units import ChainId
from backend.db.session import Store
from backend.feed import repository
from backend.feed.messages import sse
from backend.feed.schemas import Finality, Wanted

BATCH: Final = 200
KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": keep-alive\n\n"


class Moves(Protocol):
    """Tells when the index has moved."""

    def mark(self) -> int:
        """How often it has moved."""
        ...

    async def wait(self, mark: int, seconds: float) -> bool:
        """Return once it has moved since `mark`; False when time is up."""
        ...


class Feed:
    """Events of one chain, in the order in which they were indexed."""

    def __init__(self, store: Store, chain_id: ChainId, moves: Moves) -> None:
        self._store = store
        self._chain_id = chain_id
        self._moves = moves

    async def newest(self) -> int:
        """Id of the newest event; where new subscribers begin."""
        async with self._store.read_connection() as db:
            return await repository.newest_event(db, self._chain_id)

    async def read(self, after: int, wanted: Wanted) -> tuple[list[Any], int]:
        """Events after an id, and the id to go on from (past what finality has decided against)."""
        async with self._store.read_connection() as db:
            rows = await repository.events_after(db, self._chain_id, after, BATCH, wanted)
            if wanted.finality is Finality.INSTANT:
                return rows, rows[-1].id if rows else after
            final = await repository.finalized_number(db, self._chain_id)
            gone = await repository.retracted(db, [row.id for row in rows])
        found = []
        for row in rows:
            if row.retracts is None and row.id not in gone:
                if row.block_number > final:
                    break
                found.append(row)
            after = row.id
        return found, after

    async def follow(self, after: int, wanted: Wanted) -> AsyncIterator[bytes]:
        """Server-sent events for ever, with a comment where nothing happens for a while."""
        while True:
            mark = self._moves.mark()
            before = after
            rows, after = await self.read(after, wanted)
            for row in rows:
                yield sse(row)
            if after == before and not await self._moves.wait(mark, KEEP_ALIVE_SECONDS):
                yield KEEP_ALIVE
