"""Transactions that were sent and are not known to be mined, on disk: numbers survive a restart."""

from typing import Any, Final

from sqlalchemy import delete, insert, select

from backend.chain.contract import Transaction
from backend.chain.fees import Fees
from backend.chain.in_flight import Pending
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.db.tables.settlement import SentTransaction

_sent: Final[Any] = SentTransaction.__table__  # type: ignore[attr-defined]
_HASH: Final = 32


class SentTransactions:
    """The memory of one key's sender on one chain."""

    def __init__(self, store: Store, chain_id: ChainId, sender: Address) -> None:
        self._store = store
        self._key = {"chain_id": int(chain_id), "sender": bytes(sender)}
        self._mine = (_sent.c.chain_id == chain_id) & (_sent.c.sender == sender)

    async def load(self) -> list[Pending]:
        """What was kept, by number."""
        async with self._store.read_connection() as db:
            rows = (await db.execute(select(_sent).where(self._mine).order_by(_sent.c.nonce))).all()
        return [_pending_of(row) for row in rows]

    async def keep(self, pending: Pending) -> None:
        """Write it down before it is sent; it takes the place of what had its number."""
        sent = pending.transaction
        values = {
            "nonce": pending.nonce,
            "to": sent.to,
            "value": sent.value,
            "data": sent.data,
            "label": sent.label,
            "gas": pending.gas,
            "most": pending.fees.most,
            "tip": pending.fees.tip,
            "hashes": b"".join(pending.hashes),
        }
        async with self._store.write_connection() as db:
            await db.execute(delete(_sent).where(self._mine & (_sent.c.nonce == pending.nonce)))
            await db.execute(insert(_sent), self._key | values)

    async def drop(self, nonce: int) -> None:
        """The node refused it: the number is free."""
        async with self._store.write_connection() as db:
            await db.execute(delete(_sent).where(self._mine & (_sent.c.nonce == nonce)))

    async def forget(self, mined: int) -> None:
        """Numbers below are on the chain."""
        async with self._store.write_connection() as db:
            await db.execute(delete(_sent).where(self._mine & (_sent.c.nonce < mined)))


def _pending_of(row: Any) -> Pending:
    hashes = bytes(row.hashes)
    return Pending(
        transaction=Transaction(row.to, bytes(row.data), row.label, row.value),
        nonce=row.nonce,
        gas=row.gas,
        fees=Fees(row.most, row.tip),
        hashes=[hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH)],
    )
