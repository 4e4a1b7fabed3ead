"""The demo's cast: a devnet, a running `emporion up`, and fresh wallets with gas and dollars."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backend.chain.sender import Patience, Sender
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.gateway_client import GatewayClient
from backend.cli.services import Services
from backend.cli.trading import Trader
from backend.core.units import PlanId, ServiceId
from backend.signing.keys import LocalKey

if TYPE_CHECKING:
    from openai import AsyncOpenAI

QUICK: Final = Patience(poll=0.05, stuck=20.0, most=60.0)


@dataclass(slots=True)
class Person:
    """A wallet, what it does on chain, and its session and key at the gateway."""

    name: str
    key: LocalKey
    trader: Trader
    gateway: GatewayClient
    api_key: str = ""

    async def sign_in(self) -> None:
        """Sign in and make a key."""
        await self.gateway.sign_in(self.key)
        self.api_key = str((await self.gateway.make_key(f"{self.name}'s key"))["key"])

    def openai(self) -> "AsyncOpenAI":
        """The `openai` package, pointed at the gateway; close it after use."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(base_url=f"{self.gateway.base_url}/v1", api_key=self.api_key, max_retries=0)


@dataclass(slots=True)
class World:
    """Everything the hops share. The plans are known once the service is published."""

    devnet: Devnet
    services: Services
    people: dict[str, Person] = field(default_factory=dict)
    service_id: ServiceId = field(default=ServiceId(0))
    model: str = ""
    plans: dict[str, PlanId] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    async def meet(self, name: str, gift: Gift | None = None, key: LocalKey | None = None) -> Person:
        """A person with a fresh wallet (or the given key), funded by the devnet's faucet."""
        wallet = key or LocalKey.create()
        await self.devnet.faucet.fund(wallet.address, gift)
        sender = Sender(self.devnet.client, wallet, patience=QUICK)
        trader = Trader(self.devnet.contracts, wallet, sender)
        gateway = GatewayClient(self.services.http, self.services.url)
        person = Person(name, wallet, trader, gateway)
        self.people[name] = person
        return person

    def __getitem__(self, name: str) -> Person:
        return self.people[name]


@asynccontextmanager
async def world(home: Path, say: Callable[[str], None]) -> AsyncIterator[World]:
    """A devnet and `emporion up` beside it; both end with the block."""
    async with Devnet.start(home, port=0, say=say) as devnet, Services.start(devnet, say=say) as services:
        yield World(devnet, services)


async def until(truth: Callable[[], Any], seconds: float, what: str, pause: float = 0.05) -> Any:
    """Ask again and again until the answer is true; gives it. Raises HopFailed after so many seconds."""
    from backend.cli.demo.report import HopFailed

    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await truth()
        if answer:
            return answer
        if asyncio.get_running_loop().time() > deadline:
            raise HopFailed(f"waited {seconds} s in vain for {what}")
        await asyncio.sleep(pause)
