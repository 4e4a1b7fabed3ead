"""`UsageEscrow`: tabs, settlement, withdrawal."""

from collections.abc import Sequence

from backend.chain.bindings.structs import Entry, Tab
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address


class UsageEscrow(Contract):
    """Deposited credits. The transactions revert as `IUsageEscrow` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "UsageEscrow", address)

    def deposit(self, plan_id: int, units: int) -> Transaction:
        """Deposit credits; the escrow must be approved for them."""
        return self.transaction("deposit", plan_id, units)

    def settle(self, plan_id: int, entries: Sequence[Entry]) -> Transaction:
        """Settle usage of many payers of one plan. Meter only."""
        return self.transaction("settle", plan_id, [entry.abi() for entry in entries])

    def request_withdrawal(self, plan_id: int) -> Transaction:
        """Ask to withdraw the caller's tab."""
        return self.transaction("requestWithdrawal", plan_id)

    def cancel_withdrawal(self, plan_id: int) -> Transaction:
        """Take the request back."""
        return self.transaction("cancelWithdrawal", plan_id)

    def close(self, plan_id: int, payer: bytes) -> Transaction:
        """Make a requested withdrawal ready at once. Meter only."""
        return self.transaction("close", plan_id, payer)

    def withdraw(self, plan_id: int, to: bytes) -> Transaction:
        """Take out what is unsettled, once ready."""
        return self.transaction("withdraw", plan_id, to)

    def set_tab_options(self, plan_id: int, vouchers: bool, daily_limit: int) -> Transaction:
        """Set the options of the caller's empty tab."""
        return self.transaction("setTabOptions", plan_id, vouchers, daily_limit)

    async def tab(self, plan_id: int, payer: bytes, block: BlockTag = "latest") -> Tab:
        """A tab."""
        return Tab.of(await self.read("tabOf", plan_id, payer, block=block))

    async def spendable(self, plan_id: int, payer: bytes, block: BlockTag = "latest") -> int:
        """Credits that give access."""
        return int(await self.read("spendableOf", plan_id, payer, block=block))

    async def withdrawal_delay(self) -> int:
        """Seconds a withdrawal waits."""
        return int(await self.read("withdrawalDelay"))
