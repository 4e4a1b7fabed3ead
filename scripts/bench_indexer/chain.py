"""A chain to index: anvil with real ERC-1155 transfers, dense (100 a block) or sparse (8 a block)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.chain.client import NodeClient
from backend.chain.contract import call_data
from backend.chain.events import Header
from backend.chain.transport import HttpTransport
from backend.cli.devnet.anvil import Anvil, AnvilOptions
from backend.core.deployment import DeployedContract, Deployment
from backend.core.errors import NodeError
from backend.core.units import Address, checksum, hex_of
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from contracts.artifacts import load

HOLDERS: Final = 2_000
UNITS_ID: Final = 1 << 20
"""The one token there is: plan 1 of service 1, as our tables read ids."""
_SENDER: Final = "0x" + "be" * 20
_GAS: Final = hex(29_000_000)
_FILL: Final = 500


@dataclass(frozen=True, slots=True)
class Load:
    """So many blocks with so many transfers each."""

    name: str
    blocks: int
    transfers: int

    @property
    def events(self) -> int:
        """Transfers in all of it."""
        return self.blocks * self.transfers

    def told(self) -> str:
        """In words."""
        return f"{self.events:,} transfers in {self.blocks:,} blocks"


DENSE: Final = Load("dense", 1_000, 100)
SPARSE: Final = Load("sparse", 2_500, 8)
MILLION: Final = Load("million", 2_000, 500)


@dataclass(slots=True)
class BenchChain:
    """A running anvil with a load on it."""

    client: NodeClient
    url: str
    ws_url: str
    token: Address
    deployment: Deployment
    newest: int = 0
    """The last block of the load that has transfers."""

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """Whatever the block does to the chain is undone at its end."""
        snapshot, newest = await self.client.call("evm_snapshot"), self.newest
        try:
            yield
        finally:
            await self.client.call("evm_revert", snapshot)
            self.newest = newest

    async def balances(self) -> dict[bytes, int]:
        """Units by holder as the token says, those with none left out."""
        holders = await self._asked([call_data("BenchUnits", "holderAt", n) for n in range(HOLDERS)])
        accounts = [word[-20:] for word in holders]
        data = [call_data("BenchUnits", "balanceOf", account, UNITS_ID) for account in accounts]
        units = [int.from_bytes(word, "big") for word in await self._asked(data)]
        return {account: held for account, held in zip(accounts, units, strict=True) if held}

    async def _asked(self, calls: list[bytes]) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(calls), _FILL):
            found += await self.client.read_many(
                [(self.token, data) for data in calls[start : start + _FILL]]
            )
        return found

    async def head(self) -> Header:
        """The newest block. Raises NodeError where there is none."""
        header = await self.client.header("latest")
        if header is None:
            raise NodeError("anvil has no newest block")
        return header

    def _request(self, data: bytes) -> dict[str, str]:
        return {"from": _SENDER, "data": hex_of(data), "gas": _GAS, "to": hex_of(self.token)}

    async def shuffle(self, blocks: int, transfers: int, seed: int = 0) -> None:
        """Mine blocks with transfers, one transaction each."""
        for number in range(blocks):
            await self.mine(call_data("BenchUnits", "shuffle", transfers, seed * 10**6 + number))

    async def mine(self, data: bytes) -> None:
        """Mine a block with one call of the token; without a token yet, its creation."""
        request = self._request(data)
        if not self.token:
            del request["to"]
        await self.client.batch([("eth_sendTransaction", (request,)), ("evm_mine", ())])


@asynccontextmanager
async def bench_chain(home: Path, load_: Load) -> AsyncIterator[BenchChain]:
    """Anvil with the token deployed, its holders filled, and the load mined."""
    async with HttpClient(LOOPBACK_ONLY) as http:
        transport = HttpTransport(http)
        anvil = await Anvil.start(transport, home, AnvilOptions(port=0), lambda _: None)
        try:
            client = NodeClient(transport, anvil.url)
            yield await _loaded(client, anvil, load_)
        finally:
            await anvil.stop()


async def _loaded(client: NodeClient, anvil: Anvil, load_: Load) -> BenchChain:
    for method, *values in (
        ("anvil_impersonateAccount", _SENDER),
        ("anvil_setBalance", _SENDER, hex(10**24)),
        ("evm_setAutomine", False),
    ):
        await client.call(method, *values)
    chain = BenchChain(client, anvil.url, anvil.ws_url, Address(b""), await _record(client, b"", 1))
    await chain.mine(bytes.fromhex(load("BenchUnits").bytecode[2:]))
    chain.token = Address(await _created(client))
    chain.deployment = await _record(client, chain.token, await client.block_number())
    for first in range(0, HOLDERS, _FILL):
        await chain.mine(call_data("BenchUnits", "fill", first, first + _FILL))
    await chain.shuffle(load_.blocks, load_.transfers)
    chain.newest = await client.block_number()
    await client.call("anvil_mine", hex(70))  # so that all of it is final
    return chain


async def _created(client: NodeClient) -> bytes:
    """The contract that the newest block's first transaction made."""
    block = await client.call("eth_getBlockByNumber", "latest", False)
    (receipt,) = await client.receipts([bytes.fromhex(block["transactions"][0][2:])])
    if receipt is None or receipt.contract is None:
        raise NodeError("anvil did not create the token")
    return receipt.contract


async def _record(client: NodeClient, token: bytes, block: int) -> Deployment:
    """A record whose `AccessToken` is the load's token: its transfers and balances are kept, nothing else."""
    contracts = {}
    if token:
        contracts["AccessToken"] = DeployedContract(checksum(Address(token)), block, "", {}, "")
    genesis = hex_of(await client.genesis_hash())
    return Deployment(await client.chain_id(), genesis, max(block, 1), True, contracts)
