"""Where each chain's mirror stands, for `emporion status`, probes and metrics."""

import time
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col

from backend.db.session import Store
from backend.db.tables.chain import Chain, Heartbeat, Undo


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """One chain. Blocks by number, times in unix seconds; `silence_ms` since a node confirmed the head."""

    chain_id: int
    start_block: int
    number: int
    hash: bytes
    timestamp: int
    safe: int
    finalized: int
    node_number: int
    silence_ms: int
    lag_seconds: int
    reorgs: int
    journal_blocks: int
    journal_rows: int

    @property
    def lag_blocks(self) -> int:
        """Blocks of the node that are not mirrored yet."""
        return max(self.node_number - self.number, 0)

    @property
    def done(self) -> float:
        """Part of the chain that is mirrored, 0 to 1."""
        whole = max(self.node_number, self.number) - self.start_block + 1
        return (self.number - self.start_block + 1) / whole if whole > 0 else 1.0


async def status_of(store: Store, now_ms: int | None = None) -> list[ChainStatus]:
    """Every chain of the store, by id."""
    journal = select(func.count()).where(col(Undo.chain_id) == col(Chain.chain_id)).scalar_subquery()
    query = (
        select(Chain, Heartbeat, journal)
        .outerjoin(Heartbeat, col(Heartbeat.chain_id) == col(Chain.chain_id))
        .order_by(col(Chain.chain_id))
    )
    async with store.read() as session:
        rows = (await session.execute(query)).all()
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return [_status(chain, beat, journal_rows, moment) for chain, beat, journal_rows in rows]


def _status(chain: Chain, beat: Heartbeat | None, journal_rows: int, now_ms: int) -> ChainStatus:
    return ChainStatus(
        chain_id=chain.chain_id,
        start_block=chain.start_block,
        number=chain.number,
        hash=chain.hash,
        timestamp=chain.timestamp,
        safe=chain.safe_number,
        finalized=chain.finalized_number,
        node_number=beat.node_number if beat else chain.number,
        silence_ms=now_ms - beat.confirmed_at_ms if beat else 0,
        lag_seconds=max(now_ms // 1000 - chain.timestamp, 0),
        reorgs=chain.reorgs,
        journal_blocks=max(chain.number - chain.journal_from + 1, 0),
        journal_rows=journal_rows,
    )
