"""Which process sends with a key: of several, whoever holds the lease in the store."""

import asyncio
import secrets
from contextlib import suppress
from typing import Final

import structlog

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import Address
from backend.db.session import Store
from backend.settlement import repository

LEASE_SECONDS: Final = 15
RENEW_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Lead:
    """The lease of one key, as one process sees it."""

    def __init__(self, store: Store, clock: Clock, key: Address) -> None:
        self._store = store
        self._clock = clock
        self._name = f"settlement:{key.hex()}"
        self._holder = secrets.token_hex(8)
        self._until = 0

    async def take(self) -> bool:
        """Take or renew it; False where another process has it."""
        now = self._clock.now()
        async with self._store.write_connection() as db:
            led = await repository.take_lease(db, self._name, self._holder, now, now + LEASE_SECONDS)
        self._until = now + LEASE_SECONDS if led else 0
        return led

    async def leave(self) -> None:
        """Give it back, once nothing more is sent: another process need not wait until it ends by itself."""
        self._until = 0
        try:
            async with self._store.write_connection() as db:
                await repository.give_lease_back(db, self._name, self._holder)
        except EmporionError as error:
            log.warning("settlement.lease.kept", code=error.code, reason=str(error))

    def held(self) -> bool:
        """Whether this process has the key to itself now."""
        return self._clock.now() < self._until

    async def run(self, stop: asyncio.Event) -> None:
        """Take it again and again until told to stop."""
        while not stop.is_set():
            try:
                await self.take()
            except EmporionError as error:
                log.warning("settlement.lease.failed", code=error.code, reason=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RENEW_SECONDS)
