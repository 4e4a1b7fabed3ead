"""Proofs that a receipt is part of a settlement: the root a settled line carries, and the path to it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, Hash32, PlanId
from backend.meter import repository
from backend.meter.schemas import ReceiptProof, TabKey
from backend.signing.merkle import MerkleTree, leaf_of


def receipts_tree(digests: list[bytes]) -> MerkleTree:
    """The tree over receipt digests in the order of their sequence."""
    return MerkleTree(leaf_of(digest) for digest in digests)


async def prove(connection: AsyncConnection, request_id: str) -> ReceiptProof | None:
    """The proof of a receipt; None where the request is unknown or no settlement covers it yet."""
    row = await repository.usage_row(connection, request_id)
    if row is None:
        return None
    tab = TabKey(ChainId(row.chain_id), PlanId(row.plan_id), Address(bytes(row.payer)))
    line = await repository.line_covering(connection, tab, row.sequence)
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
