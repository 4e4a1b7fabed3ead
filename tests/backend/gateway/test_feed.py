"""Events over HTTP, on both databases.

GET /v1/activity/stream
├── what happens next; Last-Event-ID resumes after an event; a service's alone
├── instant: retractions follow; finalized: only what cannot be taken back, and never what was
├── an id that is none: 400; too many streams of one network: 429, until some have ended
webhooks
├── made, listed without the secret, removed; strangers find nothing; an address inside: refused
├── delivered once, and the receiver's check passes; while rotating both secrets sign
├── instant: a retraction of what a fork took back; finalized: only what stands
├── a receiver that fails: tried again after the pause, dead in the end, revived on request
└── a receiver that is gone: disabled
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from aiohttp import web

from backend.client.webhooks import MemorySeen, check_webhook
from backend.core.clock import ManualClock
from backend.core.units import ChainId, keccak
from backend.db.tables import chain as rows
from backend.feed.sender import RETRY_SECONDS, Sender
from backend.inference.secrets import SecretBox
from tests.backend.gateway.conftest import House, bearer
from tests.backend.market import BUYER, CHAIN_ID, SERVICE, block_hash


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    return {"database_url": database_url}


def event(number: int, block: int, **changed: Any) -> rows.Outbox:
    values = {
        "id": number,
        "chain_id": CHAIN_ID,
        "block_number": block,
        "block_hash": block_hash(block),
        "log_index": 0,
        "timestamp": 1_700_000_000,
        "tx_hash": keccak(bytes([number])),
        "contract": "AccessToken",
        "event": "Purchased",
        "service_id": SERVICE,
        "account": BUYER,
        "args": {"units": "1"},
    }
    return rows.Outbox(**{**values, **changed})


class Reading:
    """A stream's events, one at a time."""

    def __init__(self, reply: httpx.Response) -> None:
        self._lines = reply.aiter_lines()

    async def connected(self) -> None:
        """Until the stream has said that it listens: whatever happens from now on is told."""
        async with asyncio.timeout(10):
            assert await anext(self._lines) == ": connected"

    async def next(self, seconds: float = 10) -> tuple[str, int]:
        found: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif "id" in found:
                    assert orjson.loads(found["data"])["id"] == int(found["id"])
                    return found["event"], int(found["id"])
        raise AssertionError("the stream ended")


@asynccontextmanager
async def reading(house: House, query: str = "", last: int | None = None) -> AsyncIterator[Reading]:
    headers = {} if last is None else {"last-event-id": str(last)}
    async with house.http.stream("GET", f"/v1/activity/stream{query}", headers=headers) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        yield Reading(reply)


class TestStream:
    async def test_tells_what_happens_next_and_resumes(self, house: House) -> None:
        await house.mine(event(1, 1))
        async with reading(house) as stream:
            await stream.connected()
            await house.mine(event(2, 2), event(3, 2))
            assert await stream.next() == ("activity", 2)
        async with reading(house, last=2) as stream:
            assert await stream.next() == ("activity", 3)
        async with reading(house, "?after=0") as stream:
            assert await stream.next() == ("activity", 1)

    async def test_tells_of_one_service(self, house: House) -> None:
        await house.mine(event(1, 1, service_id=9), event(2, 1))
        async with reading(house, f"?after=0&service={SERVICE}") as stream:
            assert await stream.next() == ("activity", 2)

    async def test_takes_back_what_a_fork_took_back(self, house: House) -> None:
        await house.mine(event(1, 1), event(2, 1, retracts=1), event(3, 1))
        async with reading(house, last=0) as stream:
            assert [await stream.next() for _ in range(3)] == [
                ("activity", 1),
                ("retraction", 2),
                ("activity", 3),
            ]

    async def test_waits_for_finality_where_asked(self, house: House) -> None:
        number = house.market.number
        await house.market.mine(
            event(1, number + 1),
            event(2, number + 1, retracts=1),
            event(3, number + 1),
            behind=5,
            now=int(time.time()),
        )
        await house.services.watch.refresh()
        async with reading(house, "?finality=finalized", last=0) as stream:
            with pytest.raises(TimeoutError):
                await stream.next(0.5)
        async with reading(house, "?finality=finalized", last=0) as stream:
            await house.mine()
            assert await stream.next() == ("activity", 3)

    async def test_refuses_an_id_that_is_none(self, house: House) -> None:
        reply = await house.http.get("/v1/activity/stream", headers={"last-event-id": "abc"})
        assert reply.status_code == 400

    async def test_limits_the_streams_of_a_network(self, house: House) -> None:
        async with asyncio.TaskGroup() as group:
            stop = asyncio.Event()
            all_read = asyncio.Barrier(9)

            async def hold() -> None:
                async with reading(house):
                    await all_read.wait()
                    await stop.wait()

            held = [group.create_task(hold()) for _ in range(8)]
            await all_read.wait()
            assert (await house.http.get("/v1/activity/stream")).status_code == 429
            stop.set()
            await asyncio.wait(held)
        async with asyncio.timeout(10):
            while await self._refused(house):
                await asyncio.sleep(0.05)

    async def _refused(self, house: House) -> bool:
        async with house.http.stream("GET", "/v1/activity/stream") as reply:
            return reply.status_code == 429


class Receiver:
    """Somebody's server that takes webhooks."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(
            ({name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class TestWebhooks:
    @pytest.fixture
    async def key(self, house: House) -> dict[str, str]:
        return bearer(await house.key(scopes=["read", "keys"]))

    async def made(
        self, house: House, key: dict[str, str], receiver: Receiver, **wanted: Any
    ) -> dict[str, Any]:
        reply = await house.http.post("/v1/webhooks", json={"url": receiver.url, **wanted}, headers=key)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    async def until(self, condition: Any) -> None:
        for _ in range(200):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not happen")

    async def test_are_made_listed_and_removed(
        self, house: House, key: dict[str, str], receiver: Receiver
    ) -> None:
        made = await self.made(house, key, receiver)
        (listed,) = (await house.http.get("/v1/webhooks", headers=key)).json()
        assert listed["id"] == made["id"]
        assert "secret" not in listed
        stranger = bearer(await house.key(house.provider, scopes=["keys"]))
        where = f"/v1/webhooks/{made['id']}"
        assert (await house.http.delete(where, headers=stranger)).status_code == 404
        assert (await house.http.delete(where, headers=key)).status_code == 204
        assert (await house.http.get("/v1/webhooks", headers=key)).json() == []

    async def test_are_refused_an_address_inside(self, house: House, key: dict[str, str]) -> None:
        for url in ("http://10.0.0.1/x", "https://169.254.169.254/latest"):
            reply = await house.http.post("/v1/webhooks", json={"url": url}, headers=key)
            assert (reply.status_code, reply.json()["code"]) == (422, "unprocessable")

    async def test_arrive_once_and_check(self, house: House, key: dict[str, str], receiver: Receiver) -> None:
        made = await self.made(house, key, receiver, finality="instant")
        await house.mine(event(1, 1))
        await self.until(lambda: receiver.got)
        headers, body = receiver.got[0]
        assert check_webhook(headers, body, [made["secret"]], int(time.time()), MemorySeen())
        said = orjson.loads(body)
        assert (said["type"], said["data"]["id"]) == ("activity.instant", 1)
        turned = await house.http.post(f"/v1/webhooks/{made['id']}/rotate", json={}, headers=key)
        await house.mine(event(2, 2))
        await self.until(lambda: len(receiver.got) == 2)
        for secret in (made["secret"], turned.json()["secret"]):
            headers, body = receiver.got[1]
            assert check_webhook(headers, body, [secret], int(time.time()), MemorySeen())
        done = await house.http.get(f"/v1/webhooks/{made['id']}/deliveries?state=delivered", headers=key)
        assert [one["event_id"] for one in done.json()] == [2, 1]

    async def test_tell_retractions_or_wait_for_finality(
        self, house: House, key: dict[str, str], receiver: Receiver
    ) -> None:
        for finality in ("instant", "finalized"):
            await self.made(house, key, receiver, finality=finality)
        block = house.market.number + 1
        await house.mine(event(1, block), event(2, block, retracts=1), event(3, block))
        await self.until(lambda: len(receiver.got) == 4)
        said = [orjson.loads(body) for _, body in receiver.got]
        assert sorted((one["type"], one["data"]["id"]) for one in said) == [
            ("activity.finalized", 3),
            ("activity.instant", 1),
            ("activity.instant", 3),
            ("retraction.instant", 2),
        ]

    async def test_are_tried_again_until_they_are_dead(
        self, house: House, key: dict[str, str], receiver: Receiver
    ) -> None:
        receiver.status = 500
        made = await self.made(house, key, receiver, finality="instant")
        await house.mine(event(1, 1))
        await self.until(lambda: len(receiver.got) == 1)
        await asyncio.sleep(0.3)
        sender, clock = sender_of(house)
        for tried, pause in enumerate(RETRY_SECONDS, start=2):
            assert await sender.round() == 0
            await clock.advance(pause)
            assert await sender.round() == 1
            assert len(receiver.got) == tried
        (dead,) = (
            await house.http.get(f"/v1/webhooks/{made['id']}/deliveries?state=dead", headers=key)
        ).json()
        assert (dead["attempts"], dead["last_status"]) == (len(RETRY_SECONDS) + 1, 500)
        receiver.status = 204
        revived = await house.http.post(f"/v1/webhooks/{made['id']}/retry", headers=key)
        assert revived.json() == {"retried": 1}
        await self.until(lambda: len(receiver.got) == len(RETRY_SECONDS) + 2)
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1

    async def test_stop_where_the_receiver_is_gone(
        self, house: House, key: dict[str, str], receiver: Receiver
    ) -> None:
        receiver.status = 410
        await self.made(house, key, receiver, finality="instant")
        await house.mine(event(1, 1))
        await self.until(lambda: receiver.got)
        await asyncio.sleep(0.3)
        (listed,) = (await house.http.get("/v1/webhooks", headers=key)).json()
        assert listed["disabled"]


def sender_of(house: House) -> tuple[Sender, ManualClock]:
    """Another sender on the same store, whose time a test moves."""
    given = house.services
    assert given.deps.outgoing is not None
    clock = ManualClock(int(time.time()))
    box = SecretBox(house.settings.master_secret())
    made = Sender(given.deps.store, clock, ChainId(CHAIN_ID), given.feed, box, given.deps.outgoing)
    return made, clock
