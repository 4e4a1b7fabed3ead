"""Receipts of transactions to our contracts, kept beside the mirror: of final blocks only, never in its way.

What gas cost is for statements, not for the gate: it is read when the blocks are final, a few at a time, so
that no reorganisation can touch it and no step waits for it.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

import asyncio
from typing import Final, Protocol

from backend.core.errors import EmporionError, NodeError
from backend.core.logs import get_logger
from backend.core.units import hex_of
from backend.db.tables.chain import TransactionReceipt
from indexer.mirror import Mirror
from indexer.node_receipts import GasReceipt
from indexer.ranges import Range, next_range
from indexer.shapes import Row, shape_of
from indexer.statements import Statements

SHAPE: Final = shape_of(TransactionReceipt)
BLOCKS: Final = 25
"""Blocks read and written at once."""
PAUSE_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 30.0
"""How long a node that gives no receipts is left alone."""


class ReceiptSource(Protocol):
    """What gives receipts."""

    async def receipts(self, wanted: Range) -> list[list[GasReceipt]]:
        """Receipts of all transactions in these blocks, a list a block. Raises NodeError."""
        ...


class ReceiptKeeper:
    """Keeps receipts of one chain up to its final block."""

    def __init__(self, mirror: Mirror, source: ReceiptSource) -> None:
        self._mirror = mirror
        self._source = source
        self._told = ""

    async def catch_up(self) -> bool:
        """Take every final block that has none yet; False where the node does not give them now."""
        try:
            while await self.advance():
                continue
        except EmporionError as error:
            if error.message != self._told:
                self._told = error.message
                get_logger("indexer").warning("indexer.receipts.waiting", reason=error.message)
            return False
        return True

    async def advance(self) -> bool:
        """Take a few blocks; False when there are none."""
        reached, final = await self._mirror.receipts_state()
        wanted = next_range(reached, final, BLOCKS)
        if wanted is None:
            return False
        blocks = await self._source.receipts(wanted)
        await self._require_ours(wanted, blocks)
        ours = set(self._mirror.addresses)
        rows = [self._row(receipt) for block in blocks for receipt in block if receipt.receiver in ours]
        await self._mirror.write(lambda db: _write(db, self._mirror.chain_id, wanted, rows))
        return True

    async def _require_ours(self, wanted: Range, blocks: list[list[GasReceipt]]) -> None:
        hashes = await self._mirror.hashes(range(wanted.first, wanted.last + 1))
        for receipt in (receipt for block in blocks for receipt in block):
            if hashes.get(receipt.block_number) != receipt.block_hash:
                raise NodeError(
                    f"the node gave receipts of another block {receipt.block_number} than the mirror's "
                    f"({hex_of(receipt.block_hash)}); once more"
                )

    def _row(self, receipt: GasReceipt) -> Row:
        return {
            "chain_id": self._mirror.chain_id,
            "tx_hash": receipt.tx_hash,
            "block_number": receipt.block_number,
            "tx_index": receipt.tx_index,
            "sender": receipt.sender,
            "receiver": receipt.receiver,
            "gas_used": receipt.gas_used,
            "gas_price": receipt.gas_price,
            "ok": receipt.ok,
        }


def _write(db: Statements, chain_id: int, wanted: Range, rows: list[Row]) -> None:
    mark = db.mark
    moved = db.change(
        f"UPDATE chain.chains SET receipts_number = {mark} WHERE chain_id = {mark} "
        f"AND receipts_number = {mark} AND finalized_number >= {mark}",
        wanted.last,
        chain_id,
        wanted.first - 1,
        wanted.last,
    )
    if moved:  # else another writer was faster, or the chain was rewound meanwhile
        db.insert(SHAPE, rows)


async def keep_receipts(keeper: ReceiptKeeper) -> None:
    """Keep receipts up to the final block, for ever."""
    while True:
        seconds = PAUSE_SECONDS if await keeper.catch_up() else PATIENCE_SECONDS
        await asyncio.sleep(seconds)  # final blocks come by the minute: looking is enough
