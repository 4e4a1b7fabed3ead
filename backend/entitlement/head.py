"""The indexed head: what every decision stands on, and how sure we are of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import IndexStale
from backend.core.logs import get_logger
from backend.core.units import BlockNumber, ChainId, Hash32, UnixTime
from backend.db.notify import Changes
from backend.db.session import Store
from backend.entitlement import repository
from backend.entitlement.schemas import Policy

WARNED_SHARE: Final = 0.5
"""Part of MAX_LAG after which answers announce that the index is late."""
_NO_INDEX: Final = "the index has not been built yet; start `emporion index`, or wait for it"


@dataclass(frozen=True, slots=True)
class Head:
    """The block the index is true for. `confirmed_at_ms`: when a node last said it is the chain's."""

    chain_id: ChainId
    number: BlockNumber
    hash: Hash32
    timestamp: UnixTime
    safe_number: BlockNumber
    finalized_number: BlockNumber
    confirmed_at_ms: int
    reorgs: int = 0
    """How often blocks were taken back."""

    def grants_from(self, policy: Policy) -> BlockNumber:
        """The block whose state grants access under a confirmation policy."""
        by_policy = {"latest": self.number, "safe": self.safe_number, "finalized": self.finalized_number}
        return min(by_policy[policy], self.number)


class HeadWatch:
    """Follows the stored head. `run` keeps it current and wakes who waits; nothing cached outlives it."""

    def __init__(self, store: Store, chain_id: ChainId, clock: Clock, max_lag: int) -> None:
        self._store = store
        self._chain_id = chain_id
        self._clock = clock
        self._max_lag = max_lag
        self._changes = Changes(store, "chain", repository.head_fingerprint(chain_id), clock)
        self._head: Head | None = None
        self._moved = asyncio.Event()
        self._reading = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._log = get_logger("entitlement")

    @property
    def head(self) -> Head:
        """The newest head. Raises IndexStale where there is none yet, or it is too long unconfirmed."""
        head = self._head
        if head is None:
            raise IndexStale(_NO_INDEX)
        lag = self.lag()
        if lag > self._max_lag:
            raise IndexStale(
                f"no node has confirmed the index for {lag} s; access cannot be decided, try again shortly",
                lag_seconds=lag,
            )
        return head

    @property
    def known(self) -> Head | None:
        """The newest head, however long unconfirmed."""
        return self._head

    @property
    def number(self) -> int:
        """Number of the head, confirmed or not; 0 before there is one."""
        return 0 if self._head is None else int(self._head.number)

    @property
    def reorgs(self) -> int:
        """How often blocks were taken back since the index was begun."""
        return 0 if self._head is None else self._head.reorgs

    def lag(self) -> int:
        """Seconds since a node confirmed our head, or since the database last answered, if that is longer."""
        if self._head is None:
            return self._max_lag + 1
        unheard = self._clock.monotonic() - self._changes.answered_at
        unconfirmed = self._clock.now() - self._head.confirmed_at_ms // 1000
        return max(int(unheard), unconfirmed, 0)

    def is_late(self) -> bool:
        """Whether answers should say that the index is late."""
        return self.lag() > self._max_lag * WARNED_SHARE

    def on_move(self, listener: Callable[[], None]) -> None:
        """Call a function, at once, whenever the head becomes another block."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        await self._changes.follow(self.refresh)

    async def refresh(self) -> None:
        """Read the head now; in turns, so that what was read before never replaces what was read after."""
        async with self._reading:
            async with self._store.lookup() as connection:
                row = await repository.head(connection, self._chain_id)
            before, self._head = self._head, None if row is None else head_of(row)
            if (before and before.hash) != (self._head and self._head.hash):
                for listener in self._listeners:
                    listener()
                self._moved.set()
                self._moved = asyncio.Event()

    async def read(self, connection: AsyncConnection) -> Head:
        """The head of a connection's snapshot. Raises IndexStale where there is none."""
        row = await repository.head(connection, self._chain_id)
        if row is None:
            raise IndexStale(_NO_INDEX)
        return head_of(row)

    async def wait_for(self, number: int | None, seconds: float) -> bool:
        """Wait until the head reaches a block, or, with none named, becomes another one; False when time is
        up.
        """
        try:
            async with asyncio.timeout(seconds):
                if number is None:
                    await self._moved.wait()
                while number is not None and (self._head is None or self._head.number < number):
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True


def head_of(row: Any) -> Head:
    """The head in a row of `chains` joined with its heartbeat."""
    values = {name: getattr(row, name) for name in Head.__dataclass_fields__}
    return Head(**{**values, "hash": Hash32(bytes(values["hash"]))})
