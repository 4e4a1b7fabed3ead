"""Three gateways behind nginx, on PostgreSQL and Redis: they act as one.

credits
    given K credits and 4K callers at once: exactly K are served, by all of them, and K are settled
limits
    given a plan's rate: all of them together let through what one would
sign-in
    given one nonce at all of them: it opens one session
keys
    given a revoked key: it is refused everywhere within a second
transfers
    given a pass transferred: it is refused everywhere within two seconds of being mined
kill -9
    given a gateway killed under load: every finished answer has its row; its holds are freed
SIGTERM
    given a gateway told to end under load: answers under way are finished, new ones go to the others
Redis stopped
    then what has limits is refused with the reason, the rest is served; back, all is served
PostgreSQL stopped
    then everything is refused with the reason; back, everything goes on by itself
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.client.sign_in import sign_in_message
from backend.core.units import MICRO, Then, checksum, hex_of
from backend.meter.service import HOLD_SECONDS
from backend.signing.http_messages import personal_message
from backend.signing.keys import LocalKey
from tests.backend.gateway import model_server
from tests.e2e.replicas.stage import Buyer, Stage, kill, staged, statuses, until

CREDITS = 50
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.devnet,
    pytest.mark.integration,
    pytest.mark.timeout(400),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("replicas")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def holder(stage: Stage) -> Buyer:
    """Has a pass without limits."""
    return await stage.meet("Pass", 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limited(stage: Stage) -> Buyer:
    """Has a pass with limits."""
    return await stage.meet("Limited", 1)


async def everywhere(stage: Stage, buyer: Buyer) -> list[int]:
    """The status each gateway answers."""
    return [
        reply.status for reply in await asyncio.gather(*(stage.chat(buyer, url) for url in stage.replicas))
    ]


async def refused_after(stage: Stage, asking: Callable[[str], Any], wanted: int, since: float) -> float:
    """Seconds after which the last call that was still served began, over all gateways; 0 where none was."""

    async def follow(url: str) -> float:
        last = since
        async with asyncio.timeout(60):
            while True:
                begun = time.monotonic()
                status = await asking(url)
                if status == wanted:
                    return last - since
                assert status == 200
                last = begun
                await asyncio.sleep(0.01)

    return max(await asyncio.gather(*(follow(url) for url in stage.replicas)))


class TestCredits:
    async def test_serve_exactly_their_number(self, stage: Stage, record_property: Any) -> None:
        caller = await stage.meet("Call", CREDITS, Then.DEPOSIT)
        begun = time.monotonic()
        replies = await asyncio.gather(*(stage.chat(caller) for _ in range(4 * CREDITS)))
        record_property("credits_seconds", round(time.monotonic() - begun, 2))
        assert statuses(replies) == {200: CREDITS, 402: 3 * CREDITS}
        rows = await stage.usage()
        assert {reply.request_id for reply in replies if reply.status == 200} == set(rows)
        assert set(rows.values()) == {("completed", MICRO)}
        assert stage.nginx is not None
        assert len(stage.nginx.served_by()) == 3

        async def settled() -> bool:
            tab = await stage.devnet.contracts.escrow.tab(stage.plans["Call"], caller.key.address)
            return (tab.settled, tab.balance) == (CREDITS, 0)

        await until(settled, "the settlement of every credit")


class TestLimits:
    async def test_are_one_for_all(self, stage: Stage, limited: Buyer) -> None:
        begun = time.monotonic()
        replies = await asyncio.gather(*(stage.chat(limited) for _ in range(36)))
        most = 12 + (time.monotonic() - begun) * 12 / 60
        counted = statuses(replies)
        assert set(counted) == {200, 429}
        assert 12 <= counted[200] <= most


class TestNonce:
    async def test_opens_one_session(self, stage: Stage) -> None:
        key = LocalKey.create()
        gateways = [GatewayClient(stage.http, url) for url in stage.replicas * 2]
        nonce = await gateways[0].ask("GET", "/v1/auth/nonce")
        message = sign_in_message(nonce, checksum(key.address))
        signed = {"message": message, "signature": hex_of(key.sign_data(personal_message(message.encode())))}

        async def sign_in(gateway: GatewayClient) -> str:
            try:
                await gateway.ask("POST", "/v1/auth/siwe", signed)
            except GatewayRefused as error:
                return error.answer_code
            return "session"

        found = sorted(await asyncio.gather(*(sign_in(gateway) for gateway in gateways)))
        assert found == ["invalid_nonce"] * 5 + ["session"]


class TestRevocation:
    async def test_refuses_everywhere(self, stage: Stage, holder: Buyer, record_property: Any) -> None:
        gateway = GatewayClient(stage.http, stage.replicas[0])
        await gateway.sign_in(holder.key)
        made = await gateway.make_key("short-lived")
        short = Buyer(holder.key, holder.trader, str(made["key"]))
        await until(lambda: _all_200(stage, short), "the key to work everywhere")
        await gateway.ask("DELETE", f"/v1/keys/{made['id']}")
        revoked = time.monotonic()

        async def asked(url: str) -> int:
            return (await stage.chat(short, url)).status

        seconds = await refused_after(stage, asked, 401, revoked)
        record_property("revoked_seconds", round(seconds, 3))
        assert seconds < 10  # 1 s on a machine that does nothing else; docs/operations.md has the figure


async def _all_200(stage: Stage, buyer: Buyer) -> bool:
    return await everywhere(stage, buyer) == [200] * 3


class TestTransfer:
    async def test_refuses_everywhere(self, stage: Stage, record_property: Any) -> None:
        seller = await stage.meet("Pass", 1)
        taker = LocalKey.create()
        await until(lambda: _all_200(stage, seller), "the pass to give access everywhere")
        moved = stage.devnet.contracts.access.transfer(
            seller.key.address, taker.address, stage.plans["Pass"], 1
        )
        await seller.trader.send(moved)
        mined = time.monotonic()

        async def asked(url: str) -> int:
            return (await stage.chat(seller, url)).status

        seconds = await refused_after(stage, asked, 402, mined)
        record_property("transfer_seconds", round(seconds, 3))
        assert seconds < 20  # 2 s on a machine that does nothing else; docs/operations.md has the figure


class TestKill:
    async def test_loses_no_row_and_no_credit(self, stage: Stage) -> None:
        crowd = await stage.meet("Call", 200, Then.DEPOSIT)
        await until(lambda: _all_200(stage, crowd), "the credits to be everywhere")
        victim = stage.replicas[1]
        stage.model.behaviour = model_server.drip
        doomed = [asyncio.create_task(stage.chat(crowd, victim, stream=True)) for _ in range(4)]
        await until(lambda: _open_holds(stage, 4), "the holds of the doomed")
        stage.model.behaviour, stage.model.pause = model_server.answer, 0.02
        load = [asyncio.create_task(stage.chat(crowd, stream=number % 2 == 0)) for number in range(100)]
        while sum(task.done() for task in load) < 20:
            await asyncio.sleep(0.01)
        kill(stage.children[1])
        replies = await asyncio.gather(*load)
        stage.model.pause = 0.0
        assert {reply.status for reply in await asyncio.gather(*doomed)} <= {0, 200}
        rows = await stage.usage()
        finished = [one for one in replies if one.status == 200 and _is_whole(one.body)]
        assert len(finished) > 50  # the two others served on
        assert {one.request_id for one in finished} <= set(rows)
        await stage.children[1].stop()
        stage.children[1] = await stage.start_replica(1)
        await _require_freed(stage, crowd)
        await until(lambda: stage.ready(victim), "the replacement to be ready")
        assert await everywhere(stage, crowd) == [200] * 3


class TestDrain:
    async def test_finishes_what_is_under_way(self, stage: Stage) -> None:
        crowd = await stage.meet("Call", 40, Then.DEPOSIT)
        await until(lambda: _all_200(stage, crowd), "the credits to be everywhere")
        await until(lambda: _nothing_held(stage), "no other call to be under way")
        leaving, gateway = stage.replicas[2], stage.children[2]
        stage.model.behaviour, stage.model.pause = model_server.answer, 1.0
        under_way = [asyncio.create_task(stage.chat(crowd, leaving, stream=True)) for _ in range(4)]
        await until(lambda: _open_holds(stage, 4), "their holds")
        ending = asyncio.create_task(gateway.stop())
        await until(lambda: _refuses(stage, crowd, leaving), "the gateway to take no more")
        assert not any(task.done() for task in under_way)
        stage.model.pause = 0.0
        others = await asyncio.gather(*(stage.chat(crowd) for _ in range(12)))
        assert statuses(others) == {200: 12}
        finished = await asyncio.gather(*under_way)
        assert [(one.status, _is_whole(one.body)) for one in finished] == [(200, True)] * 4
        await ending
        assert await gateway.wait() == 0, gateway.last_words()
        rows = await stage.usage()
        assert {rows[one.request_id][0] for one in finished} == {"completed"}
        assert await _nothing_held(stage)
        stage.children[2] = await stage.start_replica(2)
        await until(lambda: stage.ready(leaving), "the replacement to be ready")


async def _refuses(stage: Stage, buyer: Buyer, url: str) -> bool:
    """No connection, or a word to come back."""
    return (await stage.chat(buyer, url)).status in (0, 503)


def _is_whole(body: bytes) -> bool:
    return body.endswith((b"data: [DONE]\n\n", b"}"))


async def _open_holds(stage: Stage, count: int) -> bool:
    return await stage.number("SELECT count(*) FROM gateway.holds") >= count


async def _require_freed(stage: Stage, crowd: Buyer) -> None:
    """The dead one's holds end when they would have expired, which is brought forward by a hold's life."""
    left = await stage.number("SELECT count(*) FROM gateway.holds")
    late = await stage.number(
        "SELECT count(*) FROM gateway.holds WHERE expires_at > %s", int(time.time()) + HOLD_SECONDS + 1
    )
    assert (left >= 4, late) == (True, 0)
    await asyncio.to_thread(
        stage.postgres.rows, "UPDATE gateway.holds SET expires_at = expires_at - %s", [HOLD_SECONDS]
    )
    await until(lambda: _nothing_held(stage), "the holds of the dead gateway to be freed")
    charged = "SELECT sum(charged) FROM gateway.usage WHERE payer = %s"
    spent = "SELECT spent FROM gateway.meter_tabs WHERE payer = %s"
    payer = bytes(crowd.key.address)
    assert await stage.number(charged, payer) == await stage.number(spent, payer)


async def _nothing_held(stage: Stage) -> bool:
    held = await stage.number("SELECT count(*) FROM gateway.holds")
    return held + await stage.number("SELECT sum(held) FROM gateway.meter_tabs") == 0


class TestRedisStopped:
    async def test_refuses_what_has_limits(self, stage: Stage, limited: Buyer, holder: Buyer) -> None:
        await asyncio.to_thread(stage.redis.stop)
        for url in stage.replicas:
            refused = await stage.chat(limited, url)
            assert (refused.status, refused.code) == (503, "limits_unreachable")
        assert await everywhere(stage, holder) == [200] * 3
        await asyncio.to_thread(stage.redis.start)
        await until(lambda: _all_200(stage, limited), "limits to be counted again")


class TestPostgresStopped:
    async def test_refuses_everything_and_recovers(self, stage: Stage, holder: Buyer) -> None:
        await asyncio.to_thread(stage.postgres.stop)
        for url in stage.replicas:
            refused = await stage.chat(holder, url)
            assert (refused.status, refused.code) == (503, "database_unreachable")
            assert not await stage.ready(url)
        await asyncio.to_thread(stage.postgres.start)
        for url in stage.replicas:
            await until(lambda url=url: stage.ready(url), f"{url} to be ready again")  # type: ignore[misc]
        caller = await stage.meet("Call", 3, Then.DEPOSIT)
        await until(lambda: _served(stage, caller), "new credits to be indexed and spent")

        async def settled() -> bool:
            tab = await stage.devnet.contracts.escrow.tab(stage.plans["Call"], caller.key.address)
            return tab.settled >= 1

        await until(settled, "settlement to go on")


async def _served(stage: Stage, buyer: Buyer) -> bool:
    return (await stage.chat(buyer)).status == 200
