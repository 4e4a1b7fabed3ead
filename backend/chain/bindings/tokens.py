"""The standard tokens: ERC-20 with permit (EMP, currencies) and what the ERC-1155 contracts share."""

from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address


class Erc20(Contract):
    """An ERC-20 with ERC-2612 permits. Amounts are base units."""

    def __init__(self, client: NodeClient, address: Address, name: str = "EmporionToken") -> None:
        super().__init__(client, name, address)

    def transfer(self, to: bytes, amount: int) -> Transaction:
        """Send."""
        return self.transaction("transfer", to, amount)

    def approve(self, spender: bytes, amount: int) -> Transaction:
        """Let a contract take up to `amount`."""
        return self.transaction("approve", spender, amount)

    async def balance(self, account: bytes, block: BlockTag = "latest") -> int:
        """Base units an account holds."""
        return int(await self.read("balanceOf", account, block=block))

    async def allowance(self, owner: bytes, spender: bytes) -> int:
        """Base units a spender may take."""
        return int(await self.read("allowance", owner, spender))

    async def total_supply(self, block: BlockTag = "latest") -> int:
        """Base units that exist."""
        return int(await self.read("totalSupply", block=block))

    async def permit_nonce(self, owner: bytes) -> int:
        """The nonce of the owner's next permit."""
        return int(await self.read("nonces", owner))

    async def domain(self) -> tuple[str, str]:
        """Name and version of the EIP-712 domain (EIP-5267)."""
        _, name, version, *_ = await self.read("eip712Domain")
        return name, version


class DevnetDollar(Erc20):
    """The devnet's dollar: anybody mints; 6 decimals."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, address, "TestDollar")

    def mint(self, to: bytes, amount: int) -> Transaction:
        """Make dollars from nothing."""
        return self.transaction("mint", to, amount)


class MultiToken(Contract):
    """What `AccessToken` and `RevenueShares` have of ERC-1155."""

    def approve_all(self, operator: bytes, approved: bool = True) -> Transaction:
        """Let a contract move every unit of the caller, or no longer."""
        return self.transaction("setApprovalForAll", operator, approved)

    def transfer(self, sender: bytes, to: bytes, token_id: int, units: int) -> Transaction:
        """Send units."""
        return self.transaction("safeTransferFrom", sender, to, token_id, units, b"")

    async def balance(self, account: bytes, token_id: int, block: BlockTag = "latest") -> int:
        """Units an account holds."""
        return int(await self.read("balanceOf", account, token_id, block=block))

    async def approved_all(self, owner: bytes, operator: bytes) -> bool:
        """Whether a contract may move the owner's units."""
        return bool(await self.read("isApprovedForAll", owner, operator))
