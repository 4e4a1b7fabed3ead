"""Settlements and fee flushes as transactions of the meter's key."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from backend.chain.contract import Contract
from backend.chain.sender import Sender
from backend.core.errors import DeploymentMismatch
from backend.core.units import Address, ChainId, Hash32, PlanId
from backend.settlement.ports import SettleEntry

T = TypeVar("T")


class ChainSettlement:
    """One sender a chain; `escrows` and `shares` are its contracts."""

    def __init__(
        self,
        senders: Mapping[ChainId, Sender],
        escrows: Mapping[ChainId, Contract],
        shares: Mapping[ChainId, Contract],
    ) -> None:
        self._senders = senders
        self._escrows = escrows
        self._shares = shares

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        """Send `UsageEscrow.settle`; returns the hash without waiting. Raises ChainError and its kind."""
        lines = [
            (entry.payer, entry.cumulative_units, entry.receipts_root, entry.voucher) for entry in entries
        ]
        transaction = _of(self._escrows, chain_id).transaction("settle", plan_id, lines)
        pending = await _of(self._senders, chain_id).submit(transaction)
        return Hash32(pending.hashes[-1])

    async def close(self, chain_id: ChainId, plan_id: PlanId, payer: Address) -> Hash32:
        """Send `UsageEscrow.close`; returns the hash without waiting. Raises ChainError and its kind."""
        transaction = _of(self._escrows, chain_id).transaction("close", plan_id, payer)
        pending = await _of(self._senders, chain_id).submit(transaction)
        return Hash32(pending.hashes[-1])

    async def tend(self, chain_id: ChainId) -> None:
        """Offer more for what got stuck. Raises ChainError and its kind."""
        await _of(self._senders, chain_id).tend()

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        """Send `RevenueShares.flushFees`; returns the hash without waiting. Raises ChainError."""
        transaction = _of(self._shares, chain_id).transaction("flushFees", currency)
        pending = await _of(self._senders, chain_id).submit(transaction)
        return Hash32(pending.hashes[-1])


def _of(table: Mapping[ChainId, T], chain_id: ChainId) -> T:
    try:
        return table[chain_id]
    except KeyError:
        raise DeploymentMismatch(f"no sender for chain {chain_id}; give its RPC URL") from None
