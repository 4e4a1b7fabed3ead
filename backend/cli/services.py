"""`emporion up` as a child process beside a devnet: started, waited for, ended by its handle."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self

from backend.cli.children import Child
from backend.cli.devnet.accounts import devnet_secret
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import LOOPBACK, free_port
from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.core.errors import NodeUnreachable, UpstreamError
from backend.core.settings import Settings, child_environment, load_settings
from backend.net.client import HttpClient
from backend.net.guard import OPERATOR

START_SECONDS: Final = 120.0


@dataclass(slots=True)
class Services:
    """A running indexer, gateway and settlement worker, and the log they write."""

    url: str
    http: HttpClient
    child: Child

    @classmethod
    @asynccontextmanager
    async def start(
        cls, devnet: Devnet, *, port: int = 0, say: Callable[[str], None], **given: object
    ) -> AsyncIterator[Self]:
        """Start `emporion up` for a devnet and wait until it is ready. Raises NodeUnreachable."""
        chosen = free_port(port)
        if port not in (0, chosen):
            say(f"port {port} is taken; the gateway is at port {chosen}")
        settings = devnet_settings(devnet, chosen, **given)
        log = devnet.home / "services.log"
        child = await Child.start("up", env=child_environment(settings), log=log)
        try:
            async with HttpClient(OPERATOR) as http:
                services = cls(settings.base_url, http, child)
                await services._ready()
                yield services
        finally:
            await child.stop()

    async def _ready(self) -> None:
        client = GatewayClient(self.http, self.url)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline and self.child.running:
            with suppress(UpstreamError, GatewayRefused):
                await client.ask("GET", "/readyz")
                return
            await asyncio.sleep(0.1)
        raise NodeUnreachable(f"`emporion up` did not get ready; its last words: {self.child.last_words()}")


def devnet_settings(devnet: Devnet, port: int, **given: object) -> Settings:
    """Settings of the services beside a devnet: its node, its record, its meter key."""
    values: dict[str, object] = {
        "home": devnet.home,
        "network": "dev",
        "devnet": True,
        "rpc_urls": [devnet.rpc_url],
        "ws_url": devnet.ws_url,
        "wallet_rpc_url": devnet.rpc_url,
        "deployment_file": devnet.home / "deployment.json",
        "gateway_host": LOOPBACK,
        "public_url": "",
        "siwe_domain": "",
        "poll_interval_ms": 100,
        "gateway_port": port,
        "cors_origins": ["*"],
        "meter_key": devnet_secret("meter").hex(),
        "meter_key_file": None,
        "meter_keystore": None,
        "allow_loopback_upstreams": True,
        "settle_interval_seconds": 2,
    }
    return load_settings(**(values | given))
