"""What a staker does: lock EMP, claim or compound its rewards, unlock it."""

from backend.client.party import Party


class Staking(Party):
    """Lock, claim, compound, unlock."""

    async def stake(self, amount: int, seconds: int) -> int:
        """Lock EMP base units for a score, in one transaction with a permit; the position's index."""
        contracts = await self._deployed()
        vault, emp = contracts["StakingVault"], contracts["EmporionToken"]
        deadline = await self._deadline()
        parts = await self._permit(emp, vault.address, amount, deadline)
        receipt = await self._send("StakingVault", "lockWithPermit", amount, seconds, deadline, *parts)
        return int(vault.event(receipt, "Locked")["index"])

    async def claim_rewards(self) -> None:
        """Take the staking rewards of every currency."""
        contracts = await self._deployed()
        indices = [int(line["index"]) for line in contracts.currencies]
        await self._send("StakingVault", "claim", indices, self.address)

    async def compound(self, index: int) -> None:
        """Lock the EMP among the rewards again, in a position."""
        await self._send("StakingVault", "compound", index)

    async def unlock(self, index: int) -> None:
        """Take a position whose time is over."""
        await self._send("StakingVault", "unlock", index, self.address)

    async def score(self) -> int:
        """The wallet's score, by which rewards are shared."""
        contracts = await self._deployed()
        return int(await contracts["StakingVault"].read("scoreOf", self.address))
