"""How to provoke the rows of the error table that are an upstream's, or this process's and what it needs."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import httpx
import psycopg
from aiohttp import web
from eth_account import Account

from backend.cli.devnet.ports import free_port
from backend.core import errors
from backend.core.clock import SystemClock
from backend.core.errors import EmporionError
from backend.core.units import ChainId
from backend.gateway.shared_limits import RedisLimits
from backend.inference.schemas import ServiceKey
from tests.backend.gateway import model_server
from tests.backend.gateway.conftest import House, bearer
from tests.backend.gateway.error_ways import chat, holder, in_both, invoke, limited, payer, row
from tests.backend.gateway.test_hostile_upstreams import impatient
from tests.backend.gateway.test_peer_defects import signed_in
from tests.backend.market import CHAIN_ID, SERVICE


@row(errors.UpstreamError, "openai")
async def server_that_fails(house: House) -> httpx.Response:
    house.model.behaviour = model_server.fail
    return await chat(house, await holder(house))


@row(errors.UpstreamRejected, "openai")
async def server_without_the_route(house: House) -> httpx.Response:
    async def lacks(*_: Any) -> web.StreamResponse:
        return web.Response(status=404)

    house.model.behaviour = lacks
    return await chat(house, await holder(house))


@row(errors.UpstreamTimeout, "openai")
async def server_that_hangs(house: House) -> httpx.Response:
    await impatient(house, 0.3)
    house.model.behaviour = model_server.hang
    return await chat(house, await holder(house))


@row(errors.AddressBlocked, "openai")
async def server_that_redirects(house: House) -> httpx.Response:
    async def redirect(*_: Any) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": "http://169.254.169.254/latest"})

    house.model.behaviour = redirect
    return await chat(house, await holder(house))


@in_both(errors.UpstreamUnavailable, "retry-after")
async def no_upstream(house: House) -> dict[str, str]:
    await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [])
    return await holder(house)


# This process, and what it needs.


@row(errors.Draining, "openai", "retry-after")
async def stopping(house: House) -> httpx.Response:
    house.services.inference.drain()
    return await chat(house, {})


@row(errors.Draining, "problem", "retry-after")
async def stopping_plain(house: House) -> httpx.Response:
    house.services.plain.drain()
    return await invoke(house, {})


def _without_redis() -> dict[str, Any]:
    return {"limits": RedisLimits(f"redis://127.0.0.1:{free_port(0)}/0", SystemClock())}


@in_both(errors.LimitsUnreachable, "retry-after", ports=_without_redis)
async def redis_away(house: House) -> dict[str, str]:
    return await limited(house)


async def signs_in_as_another(house: House) -> httpx.Response:
    proof = await signed_in(house)
    other = proof["message"].replace(house.buyer.address, Account.from_key(b"\x31" * 32).address)
    return await house.http.post("/v1/auth/siwe", json={**proof, "message": other})


row(errors.PortAbsent, "problem")(signs_in_as_another)


class Away:
    """Speaks to a node that is not there."""

    async def is_valid(self, *_: Any) -> bool:
        raise errors.NodeUnreachable("the node does not answer")


row(errors.Unavailable, "problem", "retry-after", ports=lambda: {"oracle": Away()})(signs_in_as_another)


@row(errors.DatabaseBusy, "problem", "retry-after")
async def writer_elsewhere(house: House) -> httpx.Response:
    token = bearer(await house.sign_in(house.buyer))
    file = house.settings.home_path / "gateway.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the gateway may have to end a write first
        return await house.http.post("/v1/keys", json={}, headers=token, timeout=60)


@in_both(errors.DatabaseUnreachable, "retry-after", database=True)
async def database_stopped(house: House) -> dict[str, str]:
    headers = await holder(house)
    url, name = house.settings.database_url.rsplit("/", 1)
    house.services.resolver.forget()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    return headers


@row(EmporionError, "openai")
async def usage_table_gone(house: House) -> httpx.Response:
    headers = await payer(house)
    async with house.services.deps.store.write_connection() as db:
        await db.exec_driver_sql("ALTER TABLE gateway.usage RENAME TO gone")
    return await chat(house, headers)


@row(EmporionError, "problem")
async def keys_table_gone(house: House) -> httpx.Response:
    token = bearer(await house.sign_in(house.buyer))
    async with house.services.deps.store.write_connection() as db:
        await db.exec_driver_sql("ALTER TABLE gateway.api_keys RENAME TO gone")
    return await house.http.get("/v1/keys", headers=token)
