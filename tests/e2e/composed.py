"""What deploy/compose.yaml runs, as processes of this machine: its commands and its environments, with only
addresses and paths changed to those of loopback and of a folder.
"""

import asyncio
import secrets
import shlex
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backend.chain.sender import Patience, Sender
from backend.cli.children import Child
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import LOOPBACK, free_port
from backend.core.settings import bare_environment
from backend.signing.keys import LocalKey
from backend.signing.keystore import KeyStore
from tests.compose_file import COMPOSE, GATEWAYS, PARTS, filled
from tests.own_servers import OwnNginx, OwnPostgres, prepare_tls, program

HOST = "gateway.example.org"
PROXY = COMPOSE["services"]["nginx"]["networks"]["inside"]["ipv4_address"]


@dataclass
class Composed:
    """The running parts by name, and how a client reaches them through the proxy."""

    devnet: Devnet
    meter: LocalKey
    environments: dict[str, dict[str, str]]
    children: dict[str, Child]
    client: httpx.AsyncClient
    logs: Path

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request by HTTPS, to the name that the certificate is for."""
        given["headers"] = {"host": HOST, **given.get("headers", {})}
        return await self.client.request(method, path, extensions={"sni_hostname": HOST}, **given)

    def sender(self, key: LocalKey) -> Sender:
        """For a wallet's transactions."""
        return Sender(self.devnet.client, key, patience=Patience(poll=0.02, stuck=20.0, most=90.0))

    async def figures(self, name: str) -> str:
        """What Prometheus reads of a part."""
        port = self.environments[name]["EMPORION_METRICS_PORT"]
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://{LOOPBACK}:{port}/metrics")).text

    def healthy(self, name: str) -> bool:
        """What the part's own health check says."""
        program_of, *arguments = PARTS[name]["healthcheck"]["test"][1:]
        port = self.environments[name]["EMPORION_GATEWAY_PORT"]
        moved = [argument.replace(":8080/", f":{port}/") for argument in arguments]
        assert program_of == "python"
        return subprocess.run([sys.executable, *moved], check=False, timeout=10).returncode == 0


@dataclass
class Setting:
    """Where everything is: the ${NAMES} of compose.yaml, and what addresses inside it become here."""

    values: dict[str, str]
    moves: dict[str, str]
    ports: dict[str, dict[str, str]] = field(default_factory=dict)

    def environment(self, name: str, home: Path) -> dict[str, str]:
        """A part's environment."""
        given = {key: self._moved(value) for key, value in PARTS[name]["environment"].items()}
        return bare_environment(**given, EMPORION_HOME=str(home)) | self.ports.get(name, {})

    def _moved(self, value: str) -> str:
        text = filled(value, self.values)
        for old, new in self.moves.items():
            text = text.replace(old, new)
        return text


@asynccontextmanager
async def composed(home: Path) -> AsyncIterator[Composed]:
    """All of it, with a chain; parts end in order at the end."""
    async with AsyncExitStack() as stack:
        postgres = await asyncio.to_thread(OwnPostgres)
        stack.callback(postgres.close)
        devnet = await stack.enter_async_context(Devnet.start(home / "devnet", port=0, say=lambda _: None))
        meter = KeyStore(home / "keys").import_key("meter", LocalKey.create(), "a password")
        await devnet.faucet.fund(meter.address, Gift(emp=0))
        setting = _setting(home, devnet, postgres)
        _redis(setting, stack)
        setting.ports = _ports()
        client = await _proxied(home, setting, stack)
        environments = {name: setting.environment(name, home / "volume") for name in PARTS}
        found = Composed(devnet, meter, environments, {}, client, home)
        for name, part in PARTS.items():
            found.children[name] = await Child.start(
                *part["command"], env=environments[name], log=home / f"{name}.log"
            )
            stack.push_async_callback(found.children[name].stop)
        yield found


def _setting(home: Path, devnet: Devnet, postgres: OwnPostgres) -> Setting:
    postgres.rows("CREATE ROLE emporion LOGIN")
    postgres.rows("CREATE DATABASE emporion OWNER emporion")
    values = {
        "EMPORION_NAME": HOST,
        "EMPORION_RPC_URLS": devnet.rpc_url,
        "EMPORION_WS_URL": devnet.ws_url,
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "REDIS_PASSWORD": secrets.token_hex(24),
        "EMPORION_MASTER_KEY": secrets.token_hex(32),
        "EMPORION_KEYSTORE_PASSWORD": "a password",
    }
    moves = {
        "@postgres:5432/": f"@{LOOPBACK}:{postgres.port}/",
        "/etc/emporion/deployment.json": str(home / "devnet" / "deployment.json"),
        "/run/secrets/meter_keystore": str(home / "keys" / "meter.json"),
        PROXY: LOOPBACK,
    }
    return Setting(values, moves)


def _redis(setting: Setting, stack: AsyncExitStack) -> None:
    """Redis by the very command of compose.yaml, on a port of loopback."""
    port = free_port(0)
    setting.moves["@redis:6379/"] = f"@{LOOPBACK}:{port}/"
    shell, flag, line = COMPOSE["services"]["redis"]["command"]
    script = f"{filled(line, {})} --bind {LOOPBACK} --port {port} --dir /tmp"
    environment = bare_environment(REDIS_PASSWORD=setting.values["REDIS_PASSWORD"])
    assert shlex.split(script)[1] == "redis-server"
    program("redis-server")
    process = subprocess.Popen([shell, flag, script], env=environment, stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def _ports() -> dict[str, dict[str, str]]:
    """Settings of address and port, which containers have for themselves."""
    watched = [name for name, part in PARTS.items() if "EMPORION_METRICS_PORT" in part["environment"]]
    found: dict[str, dict[str, str]] = {}
    for name in watched:
        found[name] = {"EMPORION_METRICS_HOST": LOOPBACK, "EMPORION_METRICS_PORT": str(free_port(0))}
    for name in GATEWAYS:
        found[name] |= {"EMPORION_GATEWAY_HOST": LOOPBACK, "EMPORION_GATEWAY_PORT": str(free_port(0))}
    return found


async def _proxied(home: Path, setting: Setting, stack: AsyncExitStack) -> httpx.AsyncClient:
    """nginx with TLS before the gateways, and a client that trusts its certificate."""
    folder = home / "nginx"
    folder.mkdir()
    certificate = prepare_tls(folder, HOST)
    gateways = [f"{LOOPBACK}:{setting.ports[name]['EMPORION_GATEWAY_PORT']}" for name in sorted(GATEWAYS)]
    nginx = await asyncio.to_thread(OwnNginx.start, folder, gateways, " ssl")
    stack.callback(nginx.close)
    trusting = ssl.create_default_context(cafile=str(certificate))
    url = f"https://{LOOPBACK}:{nginx.port}"
    return await stack.enter_async_context(httpx.AsyncClient(base_url=url, verify=trusting, timeout=30))
