"""Proofs that a receipt is part of a settlement: the root a settled line carries, and the path to it."""

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Hash32
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter import repository
from backend.meter.schemas import ReceiptProof, TabKey
from backend.signing.merkle import MerkleTree, leaf_of

_batches: Final[Any] = SettlementBatch.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]


def receipts_tree(digests: list[bytes]) -> MerkleTree:
    """The tree over receipt digests in the order of their sequence."""
    return MerkleTree(leaf_of(digest) for digest in digests)


async def line_covering(connection: AsyncConnection, tab: TabKey, sequence: int) -> Any:
    """The newest line whose root covers a receipt, with its batch's transaction; None without one."""
    statement = (
        select(_lines, _batches.c.tx_hash)
        .join(_batches, _batches.c.id == _lines.c.batch_id)
        .where(
            _lines.c.chain_id == tab.chain_id,
            _lines.c.plan_id == tab.plan_id,
            _lines.c.payer == tab.payer,
            _lines.c.from_sequence < sequence,
            _lines.c.to_sequence >= sequence,
            _lines.c.outcome != "skipped",
        )
        .order_by(_batches.c.created_at.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).one_or_none()


async def prove(connection: AsyncConnection, request_id: str) -> ReceiptProof | None:
    """The proof of a receipt; None where the request is unknown or no settlement covers it yet."""
    row = await repository.usage_row(connection, request_id)
    if row is None:
        return None
    tab = TabKey(row.chain_id, row.plan_id, bytes(row.payer))  # type: ignore[arg-type]
    line = await line_covering(connection, tab, row.sequence)
    if line is None:
        return None
    rows = await repository.usage_between(connection, tab, line.from_sequence, line.to_sequence)
    tree = receipts_tree([bytes(each.receipt_digest) for each in rows])
    return ReceiptProof(
        request_id=request_id,
        leaf=leaf_of(bytes(row.receipt_digest)),
        path=tree.proof(row.sequence - line.from_sequence - 1),
        root=Hash32(bytes(line.receipts_root)),
        cumulative_units=line.cumulative_units,
        transaction=Hash32(bytes(line.tx_hash)) if line.tx_hash else None,
        settled=line.outcome == "settled",
    )
