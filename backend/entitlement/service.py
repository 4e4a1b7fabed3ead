"""The gate: which plan serves this caller, decided from the index, remembered for at most one block."""

from collections import OrderedDict
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import ModelNotFound, PaymentRequired
from backend.core.lookups import SharedLookups
from backend.core.units import Address, ChainId, PlanId, ServiceId, Units, UnixTime
from backend.db.session import Store
from backend.entitlement import repository
from backend.entitlement.head import Head, HeadWatch
from backend.entitlement.rules import SECONDS_A_DAY, chosen, grants_of, owned_of, service_of
from backend.entitlement.schemas import Grant, Owned, Policy, Standing

REMEMBERED: Final = 20_000
Question = tuple[ServiceId, Address, Policy]
"""What a standing is remembered by."""


class Gate:
    """Decides access. `wait_seconds` is the longest wait for the index before a 402."""

    def __init__(
        self, store: Store, chain_id: ChainId, watch: HeadWatch, clock: Clock, wait_seconds: float
    ) -> None:
        self._store = store
        self._chain_id = chain_id
        self._watch = watch
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._known: OrderedDict[Question, tuple[UnixTime, Standing]] = OrderedDict()
        self._lookups: SharedLookups[Question, Standing] = SharedLookups()
        watch.on_move(self._known.clear)
        watch.on_move(self._lookups.forget)

    async def admit(
        self,
        holder: Address,
        service_id: ServiceId,
        *,
        policy: Policy = "latest",
        wanted: PlanId | None = None,
        min_block: int | None = None,
    ) -> tuple[Standing, tuple[Grant, ...]]:
        """The grants to try, best first. Before it refuses it waits for `min_block`, else for one block.

        Raises IndexStale, ModelNotFound, MalformedRequest, ServiceRetired, PaymentRequired.
        """
        standing = await self.standing(holder, service_id, policy)
        try:
            return standing, chosen(standing, wanted)
        except PaymentRequired:
            if not await self._catch_up(standing, min_block):
                raise
        standing = await self.standing(holder, service_id, policy)
        return standing, chosen(standing, wanted)

    async def standing(self, holder: Address, service_id: ServiceId, policy: Policy = "latest") -> Standing:
        """What a holder has with a service at the newest indexed block. Raises IndexStale and
        ModelNotFound.
        """
        head = self._watch.head
        key, now = (service_id, holder, policy), self._now(head)
        known = self._known.get(key)
        if known is None or known[1].block_hash != head.hash:
            return await self._lookups.get(key, partial(self._look_up, key))
        as_of, standing = known
        if as_of != now:
            standing = self._aged(standing, now)
            self._known[key] = (now, standing)
        return standing

    async def _look_up(self, key: Question) -> Standing:
        async with self._store.read_connection() as db:
            standing, now = await self._read(db, *key)
        self._known[key] = (now, standing)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return standing

    async def newer(self, standing: Standing, policy: Policy, min_block: int | None) -> Standing | None:
        """What the holder has at a later block, waited for as `admit` does; None where none came."""
        if not await self._catch_up(standing, min_block):
            return None
        return await self.standing(standing.holder, standing.service.service_id, policy)

    async def _catch_up(self, standing: Standing, min_block: int | None) -> bool:
        """Wait for the block the caller has seen, else for the next; True where the index moved."""
        if min_block is not None and min_block <= standing.block_number:
            return False
        await self._watch.wait_for(min_block, self._wait_seconds)
        return self._watch.head.hash != standing.block_hash

    async def _read(
        self, db: AsyncConnection, service_id: ServiceId, holder: Address, policy: Policy
    ) -> tuple[Standing, UnixTime]:
        head = await self._watch.read(db)  # of this snapshot: the watch may be a moment behind
        row = await repository.service(db, self._chain_id, service_id)
        if row is None:
            raise ModelNotFound(f"there is no service {service_id} on chain {self._chain_id}")
        now = self._now(head)
        today = now // SECONDS_A_DAY
        rows = await repository.owned(db, self._chain_id, service_id, holder)
        owned = tuple([owned_of(one, today) for one in rows])
        block = head.grants_from(policy)
        if block < head.number:
            owned = tuple([await self._confirmed(db, one, holder, block) for one in owned])
        standing = Standing(self._chain_id, service_of(row), holder, (), owned, int(head.number), head.hash)
        return self._aged(standing, now), now

    def _aged(self, standing: Standing, now: UnixTime) -> Standing:
        """The grants as of this second: a Timed access may end between two blocks."""
        return replace(standing, grants=grants_of(standing.service, standing.owned, now))

    def _now(self, head: Head) -> UnixTime:
        return max(head.timestamp, self._clock.now())

    async def _confirmed(self, db: AsyncConnection, one: Owned, holder: Address, block: int) -> Owned:
        """Less what came after `block`: access is granted where confirmed, and withdrawn at once."""
        plan = one.terms.plan_id
        units = await self._at(db, "holdings", {"plan_id": plan, "account": holder}, "units", block)
        until = await self._at(db, "access", {"plan_id": plan, "account": holder}, "access_until", block)
        balance = await self._at(db, "tabs", {"plan_id": plan, "payer": holder}, "balance", block)
        return replace(
            one,
            units=Units(min(one.units, _or(units, one.units))),
            access_until=UnixTime(min(one.access_until, _or(until, one.access_until))),
            backed=Units(min(one.backed, _or(balance, one.backed))),
        )

    async def _at(
        self, db: AsyncConnection, table: str, key: dict[str, Any], column: str, block: int
    ) -> int | None:
        """A column as it was at a block; None where nothing changed since."""
        row = await repository.earlier(db, self._chain_id, table, key, block)
        if row is False:
            return None
        return 0 if row is None else int(row[column])


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
