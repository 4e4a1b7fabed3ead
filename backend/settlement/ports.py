"""What the settlement needs of a chain, and what it hands over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.units import Address, ChainId, Hash32, PlanId, UnixTime


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


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    leader: bool
    prepared: int = 0
    sent: int = 0
    confirmed: int = 0
    closed: int = 0
    oldest: int = 0
    """Unix time at which the oldest batch that is not confirmed yet was prepared; 0 where there is none."""


class SettlementObserver(Protocol):
    """Is told what settlement and upkeep did; never waits."""

    def stepped(self, report: StepReport, at: UnixTime) -> None:
        """The worker made a step."""
        ...

    def kept(self, leads: bool, at: UnixTime) -> None:
        """The keeper made a step."""
        ...

    def upkeep(self, job: str, outcome: str) -> None:
        """One piece of upkeep was `sent`, `refused` by the contract or `failed`."""
        ...

    def failed(self, what: str, code: str) -> None:
        """A step, a batch's sending or a tab's close failed with this error; it is tried again."""
        ...

    def lost(self, outcome: str) -> None:
        """A line was `skipped` by the escrow, or a batch `abandoned`."""
        ...

    def affordable(self, chain_id: ChainId, settlements: int) -> None:
        """The key's balance pays for so many settlements."""
        ...


class Unobserved:
    """Where nobody watches."""

    def stepped(self, report: StepReport, at: UnixTime) -> None:
        """Nothing."""

    def kept(self, leads: bool, at: UnixTime) -> None:
        """Nothing."""

    def upkeep(self, job: str, outcome: str) -> None:
        """Nothing."""

    def failed(self, what: str, code: str) -> None:
        """Nothing."""

    def lost(self, outcome: str) -> None:
        """Nothing."""

    def affordable(self, chain_id: ChainId, settlements: int) -> None:
        """Nothing."""
