"""Limits that replicas share, on a real Redis.

RedisLimits
├── given two replicas: together they let through what one would
├── a place given back, or whose replica died, should be free for all
├── a place of a running request should be renewed
├── tokens not used should be given back, once
├── more units should raise the limit at once
├── the same place asked for twice (its answer was lost) should count once
└── given no Redis: what has a limit is refused, what has none is served
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.cli.devnet.ports import free_port
from backend.core.clock import ManualClock
from backend.core.errors import ContextLengthExceeded, LimitsUnreachable, RateLimited
from backend.gateway.limits import Key, Quota, Slot
from backend.gateway.shared_limits import LEASE_SECONDS, RENEW_SECONDS, RedisLimits


@pytest.fixture
def key() -> Key:
    return 1, secrets.token_bytes(20)


@pytest.fixture
async def replicas(redis_url: str) -> AsyncIterator[list[RedisLimits]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            found.append(RedisLimits(redis_url, ManualClock()))
            stack.push_async_callback(found[-1].close)
        yield found


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(redis_url) as client:
        yield client


def places(key: Key) -> str:
    return f"emporion:limits:1:{key[1].hex()}:places"


async def taken(limits: RedisLimits, key: Key, quota: Quota, tokens: int = 0) -> Slot | None:
    try:
        return await limits.take(key, quota, tokens)
    except RateLimited:
        return None


class TestRedisLimits:
    @pytest.mark.parametrize(("quota", "passed"), [(Quota(concurrent=5), 5), (Quota(requests=1), 1)])
    async def test_let_through_together_what_one_would(
        self, replicas: list[RedisLimits], key: Key, quota: Quota, passed: int
    ) -> None:
        calls = [taken(replicas[number % 2], key, quota) for number in range(40)]
        slots = [slot for slot in await asyncio.gather(*calls) if slot is not None]
        assert len(slots) == passed

    async def test_says_when_to_come_back_and_what_is_left(
        self, replicas: list[RedisLimits], key: Key
    ) -> None:
        slot = await replicas[0].take(key, Quota(requests=1, tokens=100), 60)
        headers = dict(slot.headers())
        assert headers[b"x-ratelimit-remaining-requests"] == b"0"
        assert headers[b"x-ratelimit-remaining-tokens"] == b"40"
        with pytest.raises(RateLimited, match="requests a minute") as caught:
            await replicas[1].take(key, Quota(requests=1, tokens=100), 60)
        assert 50 <= (caught.value.retry_after or 0) <= 61
        with pytest.raises(ContextLengthExceeded):
            await replicas[1].take(key, Quota(tokens=10), 11)

    async def test_frees_a_place_given_back(self, replicas: list[RedisLimits], key: Key) -> None:
        slot = await replicas[0].take(key, Quota(concurrent=1), 0)
        assert await taken(replicas[1], key, Quota(concurrent=1)) is None
        await slot.release(0)
        assert await taken(replicas[1], key, Quota(concurrent=1)) is not None

    async def test_frees_a_place_whose_replica_died(
        self, replicas: list[RedisLimits], key: Key, redis: Any
    ) -> None:
        await replicas[0].take(key, Quota(concurrent=1), 0)
        ((place, until),) = await redis.zrange(places(key), 0, -1, withscores=True)
        await redis.zadd(places(key), {place: until - LEASE_SECONDS - 1})
        assert await taken(replicas[1], key, Quota(concurrent=1)) is not None

    async def test_renews_a_place(self, redis_url: str, key: Key, redis: Any) -> None:
        clock = ManualClock()
        limits = RedisLimits(redis_url, clock)
        await limits.take(key, Quota(concurrent=1), 0)
        ((place, until),) = await redis.zrange(places(key), 0, -1, withscores=True)
        await redis.zadd(places(key), {place: until - 30})
        running = asyncio.create_task(limits.run())
        await asyncio.sleep(0)
        await clock.advance(RENEW_SECONDS)
        async with asyncio.timeout(20):
            while (await redis.zscore(places(key), place)) < until - 1:
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await limits.close()

    async def test_gives_unused_tokens_back_once(self, replicas: list[RedisLimits], key: Key) -> None:
        quota = Quota(tokens=1_000)
        slot = await replicas[0].take(key, quota, 1_000)
        await slot.release(400)
        await slot.release(0)
        assert await taken(replicas[1], key, quota, 600) is not None
        assert await taken(replicas[1], key, quota, 300) is None

    async def test_grows_with_the_units(self, replicas: list[RedisLimits], key: Key) -> None:
        assert await taken(replicas[0], key, Quota(requests=1)) is not None
        assert await taken(replicas[0], key, Quota(requests=1)) is None
        assert await taken(replicas[1], key, Quota(requests=2)) is not None
        assert await taken(replicas[1], key, Quota(requests=2)) is None

    async def test_counts_the_same_place_once(
        self, redis_url: str, replicas: list[RedisLimits], key: Key
    ) -> None:
        again = RedisLimits(redis_url, ManualClock(), lambda: "one")
        for _ in range(2):
            assert await taken(again, key, Quota(requests=2, concurrent=1)) is not None
        await again.close()
        assert await taken(replicas[0], key, Quota(requests=2)) is not None
        assert await taken(replicas[0], key, Quota(requests=2)) is None

    async def test_refuses_what_it_cannot_count(self, key: Key) -> None:
        limits = RedisLimits(f"redis://127.0.0.1:{free_port(0)}/0", ManualClock())
        with pytest.raises(LimitsUnreachable, match="EMPORION_REDIS_URL"):
            await limits.take(key, Quota(requests=1), 0)
        slot = await limits.take(key, Quota(), 0)
        await slot.release(0)
        await limits.close()
