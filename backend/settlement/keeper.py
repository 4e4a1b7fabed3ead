"""Upkeep that anybody may do, by the process that settles.

Protocol fees go to the stakers once no stream of the currency runs, ended positions lose their score,
services without their bond or a sign of life are retired. All is found in the index and judged by the
contract before it is sent: what that would refuse costs nothing and rests for a while.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.clock import Clock
from backend.core.errors import ContractRevert, EmporionError
from backend.core.units import Address, ChainId, Hash32, ServiceId
from backend.db.session import Store
from backend.settlement import repository, upkeep_repository
from backend.settlement.ports import SettlementObserver, Unobserved

RETRY_SECONDS: Final = 30
REFUSED_SECONDS: Final = 3_600
"""How long rests what the contract would refuse, as a service whose month is not over."""
ROUND_SECONDS: Final = 60
"""Between two looks at positions, bonds and the key's gas."""
LEAST_SETTLEMENTS: Final = 10
MOST_POSITIONS: Final = 50

log = structlog.get_logger(__name__)


class UpkeepSender(Protocol):
    """Sends upkeep with the meter's key, not waiting for it to be mined. All raise ChainError."""

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        """Send `RevenueShares.flushFees`."""
        ...

    async def expire(self, chain_id: ChainId, positions: list[tuple[Address, int]]) -> Hash32:
        """Send `StakingVault.expire`."""
        ...

    async def flag(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        """Send `ServiceRegistry.flagUnderbonded`."""
        ...

    async def retire(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        """Send `ServiceRegistry.retire`."""
        ...

    async def min_bond(self, chain_id: ChainId) -> int:
        """EMP base units a service must have bonded."""
        ...

    async def tend(self, chain_id: ChainId) -> None:
        """Offer more for transactions that got stuck."""
        ...

    async def settlements_left(self, chain_id: ChainId) -> int:
        """How many settlements the key's balance pays for."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """One transaction to send. `subject` is its argument."""

    name: str
    chain_id: ChainId
    subject: Any


def vault_clock(idle: int, updated_at: int, total_score: int, now: int) -> int:
    """What the vault's clock shows: unix time less idle seconds; it runs only while there is score."""
    return (max(now, updated_at) if total_score else updated_at) - idle


def always() -> bool:
    """Stands in where no other process has the key."""
    return True


class Keeper:
    """Keeps every followed chain. `leads` tells whether this process may send: one sender has the key."""

    def __init__(
        self,
        store: Store,
        sender: UpkeepSender,
        clock: Clock,
        least: int = 1,
        leads: Callable[[], bool] = always,
        observer: SettlementObserver | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._least = least
        self._leads = leads
        self._observer = observer or Unobserved()
        self._rests: dict[tuple[str, ChainId, Any], int] = {}
        self._looked = 0

    async def run(self, stop: asyncio.Event, interval: float = 5.0) -> None:
        """Step until told to stop; a failing step is logged and tried again."""
        while not stop.is_set():
            try:
                await self.step()
            except EmporionError as error:
                log.warning("keeper.step.failed", code=error.code, reason=str(error))
                self._observer.failed("keeper_step", error.code)
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except TimeoutError:
                continue

    async def step(self) -> int:
        """Do what can be done; returns how many transactions were sent."""
        leads = self._leads()
        sent = await self._step() if leads else 0
        self._observer.kept(leads, self._clock.now())
        return sent

    async def _step(self) -> int:
        now = self._clock.now()
        self._rests = {key: until for key, until in self._rests.items() if until > now}
        async with self._store.read_connection() as db:
            jobs = await self._fees(db)
        if now - self._looked >= ROUND_SECONDS:
            self._looked = now
            jobs += await self._round()
        return sum(
            [await self._done(job) for job in jobs if (job.name, job.chain_id, _key(job)) not in self._rests]
        )

    async def _done(self, job: Job) -> bool:
        outcome = await self._tried(job)
        self._observer.upkeep(job.name, outcome)
        return outcome == "sent"

    async def _tried(self, job: Job) -> str:
        """`sent`, `refused` or `failed`."""
        rest = RETRY_SECONDS
        try:
            await self._sent(job)
        except ContractRevert as error:
            rest = REFUSED_SECONDS if job.name != "flush" else RETRY_SECONDS
            log.info(f"keeper.{job.name}.refused", chain=job.chain_id, reason=str(error))
            return "refused"
        except EmporionError as error:
            log.warning(f"keeper.{job.name}.failed", chain=job.chain_id, code=error.code, reason=str(error))
            return "failed"
        finally:
            self._rests[job.name, job.chain_id, _key(job)] = self._clock.now() + rest
        log.info(f"keeper.{job.name}.sent", chain=job.chain_id)
        return "sent"

    async def _sent(self, job: Job) -> None:
        if job.name == "flush":
            await self._sender.flush_fees(job.chain_id, job.subject)
        elif job.name == "expire":
            await self._sender.expire(job.chain_id, list(job.subject))
        elif job.name == "flag":
            await self._sender.flag(job.chain_id, job.subject)
        else:
            await self._sender.retire(job.chain_id, job.subject)

    async def _fees(self, db: AsyncConnection) -> list[Job]:
        heads = await repository.chains(db)
        now = max(self._clock.now(), *(head.timestamp for head in heads), 0)
        pools, streams, vaults = await repository.fees_and_streams(db)
        return [
            Job("flush", ChainId(pool.chain_id), pool.currency)
            for pool in pools
            if pool.pending >= self._least
            and not _runs(streams.get((pool.chain_id, pool.currency)), vaults.get(pool.chain_id), now)
        ]

    async def _round(self) -> list[Job]:
        async with self._store.read_connection() as db:
            chains = await repository.chains(db)
        jobs: list[Job] = []
        for chain in chains:
            chain_id = ChainId(chain.chain_id)
            try:
                await self._sender.tend(chain_id)
                await self._warn(chain_id)
                jobs += await self._overdue(chain_id, max(self._clock.now(), chain.timestamp))
            except EmporionError as error:
                log.warning("keeper.round.failed", chain=chain_id, code=error.code, reason=str(error))
                self._observer.failed("keeper_round", error.code)
        return jobs

    async def _warn(self, chain_id: ChainId) -> None:
        left = await self._sender.settlements_left(chain_id)
        self._observer.affordable(chain_id, left)
        if left < LEAST_SETTLEMENTS:
            log.warning(
                "keeper.gas.low", chain=chain_id, settlements_left=left, advice="send the meter's wallet gas"
            )

    async def _overdue(self, chain_id: ChainId, now: int) -> list[Job]:
        """Positions that ended, services to flag, services that may be retired."""
        async with self._store.read_connection() as db:
            positions = await upkeep_repository.ended_positions(db, chain_id, now, MOST_POSITIONS)
            retireable = await upkeep_repository.overdue_services(db, chain_id, now)
            bonds = await upkeep_repository.unflagged_bonds(db, chain_id)
        jobs = [Job("expire", chain_id, tuple(positions))] if positions else []
        jobs += [Job("retire", chain_id, service_id) for service_id in retireable]
        if bonds:
            least = await self._sender.min_bond(chain_id)
            jobs += [Job("flag", chain_id, service_id) for service_id, bond in bonds if bond < least]
        return jobs


def _key(job: Job) -> Any:
    """What rests: one expiry at a time, since the positions of the last one are not indexed yet."""
    return None if job.name == "expire" else job.subject


def _runs(stream: Any, vault: Any, now: int) -> bool:
    """Whether a stream of the currency still runs on the vault's clock."""
    if stream is None or vault is None:
        return False
    return bool(vault_clock(vault.idle, vault.updated_at, vault.total_score, now) < stream.stream_end)
