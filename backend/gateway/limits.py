"""Limits of the units held: requests and tokens a minute, calls at once. In memory, for one process;
`shared_limits` keeps the same ones for all replicas.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from backend.core.clock import Clock
from backend.core.errors import ContextLengthExceeded, RateLimited
from backend.gateway.asgi import Headers

REMEMBERED: Final = 50_000
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be used a minute and at once; None: without limit."""

    requests: int | None = None
    tokens: int | None = None
    concurrent: int | None = None

    @property
    def unlimited(self) -> bool:
        """Whether nothing is limited."""
        return self.requests is None and self.tokens is None and self.concurrent is None


@dataclass(slots=True)
class Bucket:
    """Fills evenly up to its size within a minute."""

    size: int
    left: float
    at: float

    def fill(self, now: float) -> None:
        """Add what a minute's rate gives since the last time."""
        self.left = min(self.size, self.left + (now - self.at) * self.size / _MINUTE)
        self.at = now

    def resize(self, size: int) -> None:
        """Another size, with what was used still used: a quota that moves refills nothing."""
        self.left += size - self.size
        self.size = size

    def seconds_until(self, wanted: float) -> float:
        """How long until that much is there."""
        return max(wanted - self.left, 0) * _MINUTE / self.size


@dataclass(slots=True)
class Meters:
    """The state of one holder in one plan."""

    requests: Bucket | None
    tokens: Bucket | None
    running: int = 0


class Slot(Protocol):
    """A place under the limits; give it back once the request has ended."""

    async def release(self, tokens_used: int) -> None:
        """End the call; tokens set aside and not used are given back. A second time changes nothing."""
        ...

    def headers(self) -> Headers:
        """What answers say about the limits."""
        ...


Key = tuple[int, bytes]
"""(plan, holder): more API keys do not multiply the limits."""


class Limiting(Protocol):
    """Keeps limits by key."""

    async def take(self, key: Key, quota: Quota, tokens: int) -> Slot:
        """A place for one request of at most `tokens`.

        Raises RateLimited, ContextLengthExceeded for a request that could never pass, LimitsUnreachable.
        """
        ...


class SharedLimits(Limiting, Protocol):
    """Limits that replicas share."""

    async def run(self) -> None:
        """Keep the places of this process's requests until cancelled."""
        ...

    async def require_reachable(self) -> None:
        """Raises LimitsUnreachable unless what keeps them answers now."""
        ...


class Limiter:
    """Keeps the limits of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, Meters] = OrderedDict()

    async def take(self, key: Key, quota: Quota, tokens: int) -> Slot:
        """A place for one request of at most `tokens`.

        Raises RateLimited, ContextLengthExceeded for a request that could never pass.
        """
        if quota.unlimited:
            return FreeSlot()
        require_possible(quota, tokens)
        now = self._clock.monotonic()
        meters = self._meters(key, quota, now)
        self._refuse(quota, meters, tokens)
        meters.running += 1
        if meters.requests is not None:
            meters.requests.left -= 1
        if meters.tokens is not None:
            meters.tokens.left -= tokens
        return HeldSlot(quota, meters, tokens)

    def _refuse(self, quota: Quota, meters: Meters, tokens: int) -> None:
        if quota.concurrent is not None and meters.running >= quota.concurrent:
            raise over_concurrent(quota.concurrent, _headers_of(meters))
        for name, bucket, wanted in (("requests", meters.requests, 1), ("tokens", meters.tokens, tokens)):
            if bucket is not None and bucket.left < wanted:
                raise over_rate(name, bucket.seconds_until(wanted), _headers_of(meters))

    def _meters(self, key: Key, quota: Quota, now: float) -> Meters:
        known = self._known.pop(key, None)
        meters = Meters(None, None) if known is None else known
        meters.requests = _resized(meters.requests, quota.requests, now)
        meters.tokens = _resized(meters.tokens, quota.tokens, now)
        self._known[key] = meters
        self._drop_oldest()
        return meters

    def _drop_oldest(self) -> None:
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def require_possible(quota: Quota, tokens: int) -> None:
    """Raises ContextLengthExceeded for a request that could never pass."""
    if quota.tokens is not None and tokens > quota.tokens:
        raise ContextLengthExceeded(
            f"the request may use {tokens} tokens and the plan allows {quota.tokens} a minute; shorten it"
        )


def over_concurrent(most: int, stand: Headers) -> RateLimited:
    """The refusal of one call too many at once; `stand`: how the limits stand."""
    return RateLimited(
        f"{most} calls at once are what your units allow", about=_as_text(stand), limit="concurrent"
    )


def over_rate(name: str, seconds: float, stand: Headers) -> RateLimited:
    """The refusal of a request over a rate; what it wants is there in so many seconds."""
    message = f"over the {name} a minute your units allow"
    return RateLimited(message, int(seconds) + 1, about=_as_text(stand), limit=name)


def _as_text(stand: Headers) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in stand}


def _headers_of(meters: Meters) -> Headers:
    return limit_headers({"requests": meters.requests, "tokens": meters.tokens})


def _resized(bucket: Bucket | None, size: int | None, now: float) -> Bucket | None:
    """A bucket filled until now, then of this size."""
    if bucket is None or size is None:
        return _bucket(size, now)
    bucket.fill(now)
    if bucket.size != size:
        bucket.resize(size)
    return bucket


def _bucket(size: int | None, now: float) -> Bucket | None:
    return None if size is None else Bucket(size, float(size), now)


class FreeSlot:
    """A place where nothing is limited."""

    async def release(self, tokens_used: int) -> None:
        """Nothing to give back."""

    def headers(self) -> Headers:
        """No limits, no headers."""
        return []


class HeldSlot:
    """A place under a quota."""

    def __init__(self, quota: Quota, meters: Meters, tokens: int) -> None:
        self._quota = quota
        self._meters = meters
        self._tokens = tokens
        self._open = True

    async def release(self, tokens_used: int) -> None:
        """End the call and give back the tokens it did not use."""
        if not self._open:
            return
        self._open = False
        self._meters.running -= 1
        if self._meters.tokens is not None:
            self._meters.tokens.left += max(self._tokens - tokens_used, 0)

    def headers(self) -> Headers:
        """What is left now."""
        return _headers_of(self._meters)


def limit_headers(buckets: dict[str, Bucket | None]) -> Headers:
    """OpenAI's `x-ratelimit-*`, and `RateLimit` with its policy (IETF httpapi)."""
    found: Headers = []
    policies, states = [], []
    for name, bucket in buckets.items():
        if bucket is None:
            continue
        left, reset = max(int(bucket.left), 0), int(bucket.seconds_until(bucket.size)) + 1
        found += [
            (f"x-ratelimit-limit-{name}".encode(), str(bucket.size).encode()),
            (f"x-ratelimit-remaining-{name}".encode(), str(left).encode()),
            (f"x-ratelimit-reset-{name}".encode(), f"{reset}s".encode()),
        ]
        policies.append(f'"{name}";q={bucket.size};w={_MINUTE}')
        states.append(f'"{name}";r={left};t={reset}')
    if policies:
        found += [
            (b"ratelimit-policy", ", ".join(policies).encode()),
            (b"ratelimit", ", ".join(states).encode()),
        ]
    return found
