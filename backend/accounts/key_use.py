"""How keys are used: counted in memory, written every few seconds; the cap of a capped key is exact."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.accounts import repository
from backend.accounts.principal import Principal, network_of
from backend.accounts.service import SECONDS_A_DAY, audit_row
from backend.core.clock import Clock
from backend.core.errors import DatabaseError, SpendCapReached
from backend.core.logs import get_logger
from backend.core.units import MicroCredits
from backend.db.session import Store

FLUSH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SetAside:
    """Micro-credits of a capped key's day set aside for one request."""

    key_id: str
    day: int
    amount: MicroCredits


class KeyUse:
    """Counts use and holds caps. `run` writes the counts until cancelled, then once more."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seen: dict[tuple[str, str], Principal] = {}
        self._old: dict[str, Principal] = {}
        self._log = get_logger("accounts")

    def count(self, principal: Principal, client: str) -> None:
        """One request of a key. Never waits."""
        if principal.key_id is None:
            return
        self._requests[principal.key_id, self._clock.now() // SECONDS_A_DAY] += 1
        self._seen.setdefault((principal.key_id, network_of(client)), principal)
        if principal.superseded:
            self._old.setdefault(principal.key_id, principal)

    async def set_aside(self, principal: Principal, worst: MicroCredits) -> SetAside | None:
        """Make room under the key's daily cap; None for a key without one. Raises SpendCapReached."""
        if principal.key_id is None or principal.daily_cap is None:
            return None
        day = self._clock.now() // SECONDS_A_DAY
        async with self._store.write_connection() as db:
            fits = await repository.reserve_spend(db, principal.key_id, day, worst, principal.daily_cap)
        if not fits:
            raise SpendCapReached(
                f"this key may spend {principal.daily_cap} micro-credits a UTC day and this request could "
                f"pass that",
                daily_cap=principal.daily_cap,
            )
        return SetAside(principal.key_id, day, worst)

    async def settle(self, aside: SetAside | None, spent: MicroCredits) -> None:
        """Replace what was set aside by what was spent; 0 where nothing was served."""
        if aside is None:
            return
        async with self._store.write_connection() as db:
            await repository.settle_spend(db, aside.key_id, aside.day, aside.amount, spent)

    async def flush(self) -> None:
        """Write what was counted since the last time."""
        requests, self._requests = self._requests, Counter()
        seen, self._seen = self._seen, {}
        old, self._old = self._old, {}
        if not requests:
            return
        now = self._clock.now()
        async with self._store.write_connection() as db:
            for (key_id, day), count in requests.items():
                await repository.count_requests(db, key_id, day, count, now)
            for (key_id, network), principal in seen.items():
                await self._note_network(db, key_id, network, principal)
            for principal in old.values():
                row = audit_row(principal, "key.old-secret-used", principal.credential_id, "", now)
                await repository.add_audit(db, row)

    async def run(self) -> None:
        """Flush every few seconds; a store that does not answer costs counts, never a request."""
        try:
            while True:
                await self._clock.sleep(FLUSH_SECONDS)
                await self._flush_or_log()
        except asyncio.CancelledError:
            await self._flush_or_log()
            raise

    async def _flush_or_log(self) -> None:
        try:
            await self.flush()
        except DatabaseError as error:
            self._log.warning("accounts.use.lost", error=error.code)

    async def _note_network(
        self, db: AsyncConnection, key_id: str, network: str, principal: Principal
    ) -> None:
        now = self._clock.now()
        if await repository.add_network(db, key_id, network, now):
            row = {**audit_row(principal, "key.new-network", key_id, "", now), "network": network}
            await repository.add_audit(db, row)
