"""What the settlement needs of a chain, and what it hands over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.units import Address, ChainId, Hash32, PlanId


@dataclass(frozen=True, slots=True)
class SettleEntry:
    """One line as the escrow takes it. A voucher is the credits it covers (32 bytes), then the signature."""

    payer: Address
    cumulative_units: int
    receipts_root: Hash32
    voucher: bytes


class SettlementSender(Protocol):
    """Sends settlements with the meter's key; does not wait for them to be mined."""

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        """Send one `UsageEscrow.settle`; returns the transaction's hash. Raises ChainError and its kind."""
        ...

    async def close(self, chain_id: ChainId, plan_id: PlanId, payer: Address) -> Hash32:
        """Send one `UsageEscrow.close`; returns the transaction's hash. Raises ChainError and its kind."""
        ...

    async def tend(self, chain_id: ChainId) -> None:
        """Offer more for transactions that got stuck. Raises ChainError and its kind."""
        ...
