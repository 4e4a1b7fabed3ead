"""The same limits for all replicas, in Redis: one script a request, by Redis' own clock.

A place counts while its lease lives and is renewed meanwhile, so that a replica that dies takes none with it.
Where Redis does not answer, what has a limit is refused: never more than a plan allows.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from backend.core.clock import Clock
from backend.core.errors import LimitsUnreachable
from backend.core.logs import get_logger
from backend.gateway.limits import (
    Bucket,
    FreeSlot,
    Key,
    Quota,
    Slot,
    limit_headers,
    over_concurrent,
    over_rate,
    require_possible,
)

T = TypeVar("T")
LEASE_SECONDS: Final = 60
RENEW_SECONDS: Final = 20
ANSWER_SECONDS: Final = 2.0
CONNECTIONS: Final = 32
PREFIX: Final = "emporion:limits"

_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local sizes, wanted = {tonumber(ARGV[1]), tonumber(ARGV[2])}, {1, tonumber(ARGV[4])}
local names, left, refused, wait = {'requests', 'tokens'}, {-1, -1}, '', 0
local taken = redis.call('ZSCORE', KEYS[2], ARGV[5])
local most = tonumber(ARGV[3])
if not taken and most >= 0 and redis.call('ZCARD', KEYS[2]) >= most then refused = 'concurrent' end
for i = 1, 2 do
  if sizes[i] >= 0 then
    local kept = redis.call('HMGET', KEYS[1], names[i], names[i] .. '.size', names[i] .. '.at')
    left[i] = sizes[i]
    if kept[1] then
      local grown = kept[1] + (sizes[i] - kept[2]) + (now - kept[3]) * sizes[i] / 60
      left[i] = math.min(sizes[i], grown)
    end
    if refused == '' and not taken and left[i] < wanted[i] then
      refused, wait = names[i], (wanted[i] - left[i]) * 60 / sizes[i]
    end
  end
end
for i = 1, 2 do
  if sizes[i] >= 0 then
    if refused == '' and not taken then left[i] = left[i] - wanted[i] end
    redis.call('HSET', KEYS[1], names[i], tostring(left[i]), names[i] .. '.size', sizes[i],
      names[i] .. '.at', string.format('%.6f', now))
  end
end
redis.call('EXPIRE', KEYS[1], 3600)
if refused == '' then
  redis.call('ZADD', KEYS[2], now + ARGV[6], ARGV[5])
  redis.call('EXPIRE', KEYS[2], 2 * ARGV[6])
end
return {refused, tostring(wait), tostring(left[1]), tostring(left[2])}
"""
"""KEYS: buckets, places. ARGV: requests, tokens, calls at once (-1: no limit), tokens wanted, place, lease.

The same place twice counts once, so that a request whose answer was lost may be sent again.
"""

_RELEASE: Final = """
if redis.call('ZREM', KEYS[2], ARGV[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'tokens') == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', ARGV[2])
end
"""

_RENEW: Final = """
local time = redis.call('TIME')
for i = 1, #KEYS do
  redis.call('ZADD', KEYS[i], 'XX', time[1] + ARGV[1], ARGV[i + 1])
  redis.call('EXPIRE', KEYS[i], 2 * ARGV[1])
end
"""


def new_place() -> str:
    """A name for a place, of its own."""
    return secrets.token_hex(8)


class RedisLimits:
    """Keeps the limits in Redis. `run` renews the places of this process's requests; `close` at the end."""

    def __init__(self, url: str, clock: Clock, naming: Callable[[], str] = new_place) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._take = self._redis.register_script(_TAKE)
        self._release = self._redis.register_script(_RELEASE)
        self._renew = self._redis.register_script(_RENEW)
        self._clock = clock
        self._naming = naming
        self._open: dict[str, str] = {}
        self._log = get_logger("gateway")

    async def take(self, key: Key, quota: Quota, tokens: int) -> Slot:
        """A place for one request of at most `tokens`.

        Raises RateLimited, ContextLengthExceeded for a request that could never pass, LimitsUnreachable.
        """
        if quota.unlimited:
            return FreeSlot()
        require_possible(quota, tokens)
        place, names = self._naming(), _names(key)
        sizes = [-1 if size is None else size for size in (quota.requests, quota.tokens, quota.concurrent)]
        refused, wait, *left = await _answered(
            self._take(keys=names, args=[*sizes, tokens, place, LEASE_SECONDS])
        )
        if refused == "concurrent":
            raise over_concurrent(sizes[2], limit_headers(_buckets(quota, left)))
        if refused:
            raise over_rate(refused, float(wait), limit_headers(_buckets(quota, left)))
        self._open[place] = names[1]
        return SharedSlot(self, names, place, tokens, _buckets(quota, left))

    async def release(self, names: list[str], place: str, tokens_back: int) -> None:
        """Give a place back. Never raises: it frees itself when its lease ends."""
        self._open.pop(place, None)
        try:
            await _answered(self._release(keys=names, args=[place, tokens_back]))
        except LimitsUnreachable as error:
            self._log.warning("gateway.limits.not-released", reason=error.message)

    async def run(self) -> None:
        """Renew every RENEW_SECONDS, a third of a place's lease."""
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            places = dict(self._open)
            try:
                if places:
                    args: list[int | str] = [LEASE_SECONDS, *places]
                    await _answered(self._renew(keys=list(places.values()), args=args))
            except LimitsUnreachable as error:
                self._log.warning("gateway.limits.not-renewed", reason=error.message)

    async def require_reachable(self) -> None:
        """Raises LimitsUnreachable unless Redis answers now."""
        await _answered(self._redis.ping())

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


class SharedSlot:
    """A place under a quota that replicas share."""

    def __init__(
        self,
        limits: RedisLimits,
        names: list[str],
        place: str,
        tokens: int,
        buckets: dict[str, Bucket | None],
    ) -> None:
        self._limits = limits
        self._names = names
        self._place = place
        self._tokens = tokens
        self._buckets = buckets
        self._held = True

    async def release(self, tokens_used: int) -> None:
        """End the call and give back the tokens it did not use."""
        if self._held:
            self._held = False
            await self._limits.release(self._names, self._place, max(self._tokens - tokens_used, 0))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What was left when the place was taken."""
        return limit_headers(self._buckets)


def _names(key: Key) -> list[str]:
    """Of the buckets and the places."""
    holder = f"{PREFIX}:{key[0]}:{key[1].hex()}"
    return [f"{holder}:buckets", f"{holder}:places"]


def _buckets(quota: Quota, left: list[str]) -> dict[str, Bucket | None]:
    sizes = {"requests": quota.requests, "tokens": quota.tokens}
    return {
        name: None if size is None else Bucket(size, float(there), 0.0)
        for (name, size), there in zip(sizes.items(), left, strict=True)
    }


async def _answered(asking: Awaitable[Any]) -> Any:
    """What Redis answers. Raises LimitsUnreachable."""
    try:
        return await asking
    except (RedisError, OSError, TimeoutError) as error:
        raise LimitsUnreachable(
            f"the limits cannot be counted ({type(error).__name__}); start Redis or check EMPORION_REDIS_URL"
        ) from error
