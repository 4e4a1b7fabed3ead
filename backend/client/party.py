"""Who acts: one gateway, one node, one wallet, and what each ability of the client is built on."""

from typing import Any, Final

from backend.client.closing import Closing
from backend.client.contracts import Contract, Contracts
from backend.client.http import Http
from backend.client.node import Node
from backend.client.sign_in import sign_in_message
from backend.core.errors import InsufficientFunds, SettingsError
from backend.core.units import Address, checksum, hex_of, to_address
from backend.signing.eip712 import Domain
from backend.signing.http_messages import personal_message
from backend.signing.keys import Signer
from backend.signing.permit import Permit

PATIENCE_SECONDS: Final = 600
"""How long a signed order may wait to be mined, in the chain's time."""


class Party(Closing):
    """One gateway, one node, one wallet. Without a node and a wallet it can only look around."""

    def __init__(self, gateway: str, node: str = "", wallet: Signer | None = None) -> None:
        self._http = Http(gateway)
        self._node = Node(node) if node else None
        self._wallet = wallet
        self._contracts: Contracts | None = None

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()
        if self._node is not None:
            await self._node.close()

    @property
    def address(self) -> str:
        """The wallet's address. Raises SettingsError without a wallet."""
        return checksum(self._key().address)

    async def sign_in(self) -> None:
        """Sign in with Ethereum; later calls carry the session."""
        key = self._key()
        nonce = await self._http.get("/v1/auth/nonce")
        message = sign_in_message(nonce, checksum(key.address))
        signature = key.sign_data(personal_message(message.encode()))
        signed = {"message": message, "signature": hex_of(signature)}
        self._http.token = str((await self._http.post("/v1/auth/siwe", signed))["token"])

    async def _signed_in(self) -> None:
        if not self._http.token:
            await self.sign_in()

    async def _send(self, contract: str, function: str, *values: Any) -> dict[str, Any]:
        """A transaction of the wallet, mined; its receipt. Raises NodeRefused, TransactionFailed."""
        contracts, key = await self._ready()
        return await contracts[contract].send(key, function, *values)

    async def _permit(self, token: Contract, spender: str, value: int, deadline: int) -> tuple[Any, ...]:
        """v, r, s of a permit (ERC-2612). Raises InsufficientFunds before anything is signed."""
        contracts, key = await self._ready()
        await self._require(token, value)
        _, name, version, *_ = await token.read("eip712Domain")
        nonce = await token.read("nonces", self.address)
        permit = Permit(key.address, to_address(spender), value, nonce, deadline)
        domain = Domain(name, version, contracts.chain_id, Address(to_address(token.address)))
        signature = key.sign_data(permit.preimage(domain))
        return signature[64], signature[:32], signature[32:64]

    async def _allow(self, token: Contract, spender: str, value: int) -> None:
        """Let a contract take so much, where it may not already. Raises InsufficientFunds."""
        await self._require(token, value)
        if await token.read("allowance", self.address, spender) < value:
            await token.send(self._key(), "approve", spender, value)

    async def _allow_units(self, token: Contract, operator: str) -> None:
        """Let a contract move units of an ERC-1155, where it may not already."""
        if not await token.read("isApprovedForAll", self.address, operator):
            await token.send(self._key(), "setApprovalForAll", operator, True)

    async def _require(self, token: Contract, value: int) -> None:
        held = await token.read("balanceOf", self.address)
        if held < value:
            raise InsufficientFunds(f"it costs {value} base units, the wallet has {held}; fund it first")

    async def _deadline(self) -> int:
        return await self._chain().now() + PATIENCE_SECONDS

    def _key(self) -> Signer:
        if self._wallet is None:
            raise SettingsError("this needs a wallet: AsyncEmporion(gateway, node, wallet)")
        return self._wallet

    def _chain(self) -> Node:
        if self._node is None:
            raise SettingsError("this needs a node: AsyncEmporion(gateway, node, wallet)")
        return self._node

    async def _deployed(self) -> Contracts:
        if self._contracts is None:
            facts = await self._http.get("/v1/deployment")
            self._contracts = Contracts(self._chain(), facts["chains"][0])
        return self._contracts

    async def _ready(self) -> tuple[Contracts, Signer]:
        return await self._deployed(), self._key()
