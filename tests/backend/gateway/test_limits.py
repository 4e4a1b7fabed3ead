"""Limits, caller's addresses and call data, without HTTP.

Limiter.take
├── over the requests or tokens a minute, it should say when to come back
├── over the calls at once, it should refuse until one ends
├── a request that could never pass should be told so
├── a quota that moves, up or down, should refill nothing
└── tokens not used should be given back, once
ClientAddress.of
├── without a trusted proxy it should believe the peer alone
└── behind one it should take the rightmost address that is no proxy
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.clock import ManualClock
from backend.core.errors import ContextLengthExceeded, RateLimited
from backend.gateway.call_data import encode_call
from backend.gateway.client_address import ClientAddress
from backend.gateway.limits import Limiter, Quota

KEY = (1, b"buyer")


class TestLimiter:
    async def test_says_when_to_come_back(self) -> None:
        clock = ManualClock()
        limiter = Limiter(clock)
        for _ in range(6):
            await (await limiter.take(KEY, Quota(requests=6), 0)).release(0)
        with pytest.raises(RateLimited) as caught:
            await limiter.take(KEY, Quota(requests=6), 0)
        assert caught.value.retry_after == 11
        await clock.advance(10)
        assert await limiter.take(KEY, Quota(requests=6), 0)

    async def test_limits_calls_at_once(self) -> None:
        limiter = Limiter(ManualClock())
        first = await limiter.take(KEY, Quota(concurrent=1), 0)
        with pytest.raises(RateLimited, match="at once"):
            await limiter.take(KEY, Quota(concurrent=1), 0)
        await first.release(0)
        assert await limiter.take(KEY, Quota(concurrent=1), 0)

    async def test_tells_a_request_that_could_never_pass(self) -> None:
        with pytest.raises(ContextLengthExceeded):
            await Limiter(ManualClock()).take(KEY, Quota(tokens=10), 11)

    async def test_gives_unused_tokens_back_once(self) -> None:
        limiter = Limiter(ManualClock())
        slot = await limiter.take(KEY, Quota(tokens=100), 100)
        await slot.release(40)
        await slot.release(0)
        await limiter.take(KEY, Quota(tokens=100), 60)
        with pytest.raises(RateLimited):
            await limiter.take(KEY, Quota(tokens=100), 1)

    async def test_refills_nothing_when_the_quota_moves(self) -> None:
        """Units bought, sold or used up change it; else a unit passed to and fro would lift every limit."""
        limiter = Limiter(ManualClock())
        for size in (3, 3, 3, 4):
            await (await limiter.take(KEY, Quota(requests=size), 0)).release(0)
        for size in (4, 3, 2, 4):
            with pytest.raises(RateLimited):
                await limiter.take(KEY, Quota(requests=size), 0)
        held = await limiter.take(KEY, Quota(requests=9, concurrent=1), 0)
        with pytest.raises(RateLimited, match="at once"):
            await limiter.take(KEY, Quota(requests=10, concurrent=1), 0)
        await held.release(0)

    async def test_keeps_holders_apart(self) -> None:
        limiter = Limiter(ManualClock())
        for holder in (b"a", b"b"):
            assert await limiter.take((1, holder), Quota(requests=1), 0)

    @given(st.lists(st.integers(1, 50), max_size=30))
    async def test_never_lets_more_tokens_through_than_a_minute_has(self, wanted: list[int]) -> None:
        limiter, passed = Limiter(ManualClock()), 0
        for tokens in wanted:
            try:
                await (await limiter.take(KEY, Quota(tokens=100), tokens)).release(tokens)
            except RateLimited:
                continue
            passed += tokens
        assert passed <= 100


class TestClientAddress:
    def scope(self, peer: str, *forwarded: str) -> dict[str, Any]:
        headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
        return {"client": (peer, 1), "headers": headers}

    def test_believes_only_the_peer_without_a_proxy(self) -> None:
        assert ClientAddress([]).of(self.scope("198.51.100.1", "203.0.113.9")) == "198.51.100.1"

    def test_believes_no_stranger_who_claims_to_be_a_proxy(self) -> None:
        addresses = ClientAddress(["10.0.0.0/8"])
        assert addresses.of(self.scope("198.51.100.1", "203.0.113.9")) == "198.51.100.1"

    @pytest.mark.parametrize(
        ("forwarded", "found"),
        [
            (["203.0.113.9"], "203.0.113.9"),
            (["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (["1.1.1.1", "203.0.113.9, 10.2.3.4"], "203.0.113.9"),
            ([], "10.0.0.1"),
        ],
    )
    def test_takes_the_rightmost_that_is_no_proxy(self, forwarded: list[str], found: str) -> None:
        assert ClientAddress(["10.0.0.0/8"]).of(self.scope("10.0.0.1", *forwarded)) == found


class TestEncodeCall:
    def test_encodes_as_the_abi_says(self) -> None:
        data = encode_call("UsageEscrow", "deposit", [5, 7])
        assert data == encode_call("IUsageEscrow", "deposit", [5, 7])
        assert data[10:] == f"{5:064x}{7:064x}"

    def test_knows_no_function_that_is_not_there(self) -> None:
        with pytest.raises(LookupError):
            encode_call("UsageEscrow", "deposit", [1])
