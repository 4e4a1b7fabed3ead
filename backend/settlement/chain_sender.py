"""Settlements and upkeep as transactions of the meter's key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.chain.bindings import Contracts
from backend.chain.contract import Transaction
from backend.chain.sender import Sender
from backend.core.errors import DeploymentMismatch
from backend.core.units import Address, ChainId, Hash32, PlanId, ServiceId
from backend.settlement.ports import SettleEntry

TYPICAL_GAS: Final = 250_000
"""Of a settlement, as long as this process has sent none."""


@dataclass(slots=True)
class Line:
    """One chain: the sender of the key, the contracts, the gas allowed for the last settlement."""

    sender: Sender
    contracts: Contracts
    gas: int = field(default=TYPICAL_GAS)


class ChainSettlement:
    """One sender a chain. Nothing here waits to be mined; everything raises ChainError and its kind."""

    def __init__(self, lines: Mapping[ChainId, Line]) -> None:
        self._lines = lines

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        """Send `UsageEscrow.settle`."""
        rows = [
            (entry.payer, entry.cumulative_units, entry.receipts_root, entry.voucher) for entry in entries
        ]
        line = self._line(chain_id)
        pending = await line.sender.submit(line.contracts.escrow.transaction("settle", plan_id, rows))
        line.gas = pending.gas
        return Hash32(pending.hashes[-1])

    async def close(self, chain_id: ChainId, plan_id: PlanId, payer: Address) -> Hash32:
        """Send `UsageEscrow.close`."""
        escrow = self._line(chain_id).contracts.escrow
        return await self._submit(chain_id, escrow.transaction("close", plan_id, payer))

    async def tend(self, chain_id: ChainId) -> None:
        """Offer more for what got stuck."""
        await self._line(chain_id).sender.tend()

    async def flush_fees(self, chain_id: ChainId, currency: int) -> Hash32:
        """Send `RevenueShares.flushFees`."""
        shares = self._line(chain_id).contracts.shares
        return await self._submit(chain_id, shares.transaction("flushFees", currency))

    async def expire(self, chain_id: ChainId, positions: Sequence[tuple[Address, int]]) -> Hash32:
        """Send `StakingVault.expire`."""
        return await self._submit(chain_id, self._line(chain_id).contracts.vault.expire(positions))

    async def flag(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        """Send `ServiceRegistry.flagUnderbonded`."""
        registry = self._line(chain_id).contracts.registry
        return await self._submit(chain_id, registry.flag_underbonded(service_id))

    async def retire(self, chain_id: ChainId, service_id: ServiceId) -> Hash32:
        """Send `ServiceRegistry.retire`."""
        return await self._submit(chain_id, self._line(chain_id).contracts.registry.retire(service_id))

    async def min_bond(self, chain_id: ChainId) -> int:
        """EMP base units a service must have bonded."""
        return await self._line(chain_id).contracts.registry.min_bond()

    async def settlements_left(self, chain_id: ChainId) -> int:
        """How many settlements like the last one the key's balance pays for."""
        line = self._line(chain_id)
        return await line.sender.affordable(line.gas)

    async def _submit(self, chain_id: ChainId, transaction: Transaction) -> Hash32:
        pending = await self._line(chain_id).sender.submit(transaction)
        return Hash32(pending.hashes[-1])

    def _line(self, chain_id: ChainId) -> Line:
        try:
            return self._lines[chain_id]
        except KeyError:
            raise DeploymentMismatch(f"no sender for chain {chain_id}; give its RPC URL") from None
