"""What providers earned, and what services are derived from. Reads only."""

from typing import Any, Final

from backend.catalog import provider_repository as repository
from backend.catalog.provider_schemas import (
    DerivationReply,
    LineageReply,
    PlanRevenueReply,
    RevenueReply,
    SettlementPage,
    SettlementReply,
    ShareRevenueReply,
)
from backend.core.units import Address, ChainId, ServiceId, checksum, hex_of
from backend.db.session import Store

MOST_STEPS: Final = 16
MOST_DERIVATIONS: Final = 500


class ProviderView:
    """One chain's services as those see them who own them."""

    def __init__(self, store: Store, chain_id: ChainId, settle_seconds: int) -> None:
        self._store = store
        self._chain_id = chain_id
        self._settle_seconds = settle_seconds

    async def lineage(self, service_id: ServiceId) -> LineageReply:
        """All a service is derived from, and all derived from it, nearest first."""
        up, whole_up = await self._walk(service_id, downwards=False)
        down, whole_down = await self._walk(service_id, downwards=True)
        return LineageReply(
            service_id=service_id, upstreams=up, derived=down, complete=whole_up and whole_down
        )

    async def revenue(self, owner: Address) -> RevenueReply:
        """By plan and by share."""
        async with self._store.read_connection() as db:
            plans = await repository.plan_revenue(db, self._chain_id, owner)
            shares = await repository.share_revenue(db, self._chain_id, owner)
            unsettled = await repository.unsettled(db, self._chain_id, owner)
        return RevenueReply(
            plans=[_plan(row, unsettled.get(row.plan_id, 0)) for row in plans],
            shares=[_share(row) for row in shares],
            settles_within_seconds=self._settle_seconds,
        )

    async def settlements(self, owner: Address, before: tuple[int, int] | None, limit: int) -> SettlementPage:
        """Settled lines, newest first, older than a place (block, log index)."""
        async with self._store.read_connection() as db:
            rows = await repository.settlements(db, self._chain_id, owner, before, limit)
        last = f"{rows[-1].block_number}-{rows[-1].log_index}" if len(rows) == limit else None
        return SettlementPage(settlements=[_settlement(row) for row in rows], next=last)

    async def _walk(self, start: ServiceId, *, downwards: bool) -> tuple[list[DerivationReply], bool]:
        """Step by step; a service that was met before is not left again."""
        found: list[DerivationReply] = []
        seen, edge = {int(start)}, [int(start)]
        async with self._store.read_connection() as db:
            for depth in range(1, MOST_STEPS + 1):
                room = MOST_DERIVATIONS - len(found)
                rows = await repository.derivations(
                    db, self._chain_id, edge, downwards=downwards, limit=room + 1
                )
                found += [_derivation(row, depth) for row in rows[:room]]
                if len(rows) > room:
                    return found, False
                ends = {row.service_id if downwards else row.upstream_id for row in rows}
                edge = sorted(ends - seen)
                seen |= ends
                if not edge:
                    return found, True
        return found, False


def _derivation(row: Any, depth: int) -> DerivationReply:
    return DerivationReply(service_id=row.service_id, upstream_id=row.upstream_id, bps=row.bps, depth=depth)


def _plan(row: Any, unsettled: int) -> PlanRevenueReply:
    return PlanRevenueReply(
        plan_id=row.plan_id,
        service_id=row.service_id,
        currency=row.currency,
        sold=str(row.sold),
        paid=str(row.paid),
        refunded=str(row.refunded),
        revenue=str(row.revenue),
        unsettled_micro_credits=str(unsettled),
    )


def _share(row: Any) -> ShareRevenueReply:
    return ShareRevenueReply(
        service_id=row.service_id,
        currency=row.currency,
        distributed=str(row.distributed),
        released=str(row.released),
    )


def _settlement(row: Any) -> SettlementReply:
    return SettlementReply(
        block_number=row.block_number,
        log_index=row.log_index,
        tx_hash=hex_of(bytes(row.tx_hash)),
        timestamp=row.timestamp,
        plan_id=row.plan_id,
        service_id=row.service_id,
        payer=checksum(Address(bytes(row.payer))),
        meter=checksum(Address(bytes(row.meter))),
        units=str(row.units),
        settled=str(row.settled),
        receipts_root=hex_of(bytes(row.receipts_root)),
    )
