"""Which upstream answers.

Router.open
  when none is bound, or rested -> unavailable
  when the first fails before its first byte -> the next answers; the failed reply is closed
  when the first breaks after its head but before a byte -> the next answers
  when the request itself is refused -> raised at once, no other is asked, health untouched
  when all fail -> the last one's error
  when one fails three times in a row -> it rests, twice as long each time; one request tries it after;
    refused for its own sake, the next one does
  when one is busy -> the next answers, no mark against it
  when one has no such route -> the next answers, no mark against it however often; alone: rejected
  when it breaks after the first byte -> the caller sees it, no other is asked
order
  -> in proportion to weights
probe
  when an upstream is unwell -> asked after those that are well
fault_of -> the table of refusals
"""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.clock import ManualClock
from backend.core.errors import (
    BodyTooLarge,
    ContextLengthExceeded,
    EmporionError,
    MalformedRequest,
    UpstreamError,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from backend.inference.breaker import CLOSED, Breaker, order
from backend.inference.faults import fault_of
from backend.inference.router import Answer, Member, Router
from backend.inference.upstream import ScriptedReply, ScriptedUpstream

BROKEN = UpstreamError("broke off")
PATH = "/v1/chat/completions"


def member(name: str, *script: ScriptedReply | EmporionError, weight: int = 1) -> Member:
    return Member(ScriptedUpstream(name, script, model=f"{name}-model"), weight)


def asked(one: Member) -> list[tuple[str, bytes]]:
    assert isinstance(one.upstream, ScriptedUpstream)
    return one.upstream.asked


def router(clock: ManualClock | None = None) -> Router:
    return Router(clock or ManualClock(), roll=lambda: 0.5)


async def opened(chosen: Router, *members: Member) -> Answer:
    return await chosen.open(members, PATH, str.encode, stream=False, request_id="req_1")


class TestOpen:
    async def test_none_bound(self) -> None:
        with pytest.raises(UpstreamUnavailable, match="no healthy upstream"):
            await opened(router())

    async def test_next_answers_when_the_first_fails(self) -> None:
        first, second = member("a", BROKEN), member("b", ScriptedReply([b"one", b"two"]))
        answer = await opened(router(), first, second)
        assert await answer.read(100) == b"onetwo"
        assert answer.upstream.name == "b"
        assert asked(second) == [(PATH, b"b-model")]

    @pytest.mark.parametrize(
        "broken",
        [
            ScriptedReply(fault=BROKEN),
            ScriptedReply(),
            ScriptedReply([b"secret words"], status=500),
            ScriptedReply([b"no"], status=401),
            ScriptedReply([b"busy"], status=429),
        ],
    )
    async def test_next_answers_when_the_first_gives_no_byte(self, broken: ScriptedReply) -> None:
        answer = await opened(router(), member("a", broken), member("b", ScriptedReply([b"ok"])))
        assert answer.upstream.name == "b"
        assert broken.closed

    async def test_refused_request_is_not_tried_elsewhere(self) -> None:
        first, second = member("a", ScriptedReply([b"bad field"], status=400)), member("b")
        with pytest.raises(MalformedRequest) as told:
            await opened(router(), first, second)
        assert "bad field" not in told.value.message
        assert asked(second) == []
        assert first.breaker == CLOSED

    async def test_all_fail(self) -> None:
        slow = UpstreamTimeout("slow")
        with pytest.raises(UpstreamTimeout):
            await opened(router(), member("a", BROKEN), member("b", slow))

    async def test_failing_one_rests_and_is_tried_by_one(self) -> None:
        clock = ManualClock()
        one = member("a", BROKEN, BROKEN, BROKEN, BROKEN, ScriptedReply([b"ok"]))
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await opened(router(clock), one)
        with pytest.raises(UpstreamUnavailable):
            await opened(router(clock), one)
        await clock.advance(2)
        with pytest.raises(UpstreamError, match="broke off"):
            await opened(router(clock), one)
        await clock.advance(2)
        with pytest.raises(UpstreamUnavailable):
            await opened(router(clock), one)
        await clock.advance(2)
        assert (await opened(router(clock), one)).upstream.name == "a"
        assert one.breaker == CLOSED

    @pytest.mark.parametrize("status", [400, 404])
    async def test_refused_trial_lets_the_next_one_try(self, status: int) -> None:
        """Callers could otherwise keep a server that is well again at rest, by requests it must refuse."""
        clock = ManualClock()
        bad = ScriptedReply([b"bad"], status=status)
        one = member("a", BROKEN, BROKEN, BROKEN, bad, ScriptedReply([b"ok"]))
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await opened(router(clock), one)
        await clock.advance(2)
        with pytest.raises(EmporionError):
            await opened(router(clock), one)
        assert one.breaker.failures == 3
        assert (await opened(router(clock), one)).upstream.name == "a"
        assert one.breaker == CLOSED

    async def test_busy_one_is_not_marked(self) -> None:
        busy = member("a", ScriptedReply(status=503))
        await opened(router(), busy, member("b", ScriptedReply([b"ok"])))
        assert busy.breaker.failures == 0

    @pytest.mark.parametrize("status", [404, 405, 501])
    async def test_one_without_the_route_is_not_marked(self, status: int) -> None:
        """Callers could otherwise close an upstream for the routes it has, by asking for one it has not."""
        chat_only = member("a", *(ScriptedReply([b"no route"], status=status) for _ in range(6)))
        for _ in range(5):
            with pytest.raises(UpstreamRejected):
                await opened(router(), chat_only)
        assert chat_only.breaker == CLOSED
        answer = await opened(router(), chat_only, member("b", ScriptedReply([b"ok"])))
        assert answer.upstream.name == "b"

    async def test_break_after_the_first_byte(self) -> None:
        reply = ScriptedReply([b"half"], fault=BROKEN)
        second = member("b")
        answer = await opened(router(), member("a", reply), second)
        with pytest.raises(UpstreamError, match="broke off"):
            await answer.read(100)
        assert asked(second) == []

    async def test_answer_larger_than_wanted(self) -> None:
        reply = ScriptedReply([b"12345"])
        answer = await opened(router(), member("a", reply))
        with pytest.raises(BodyTooLarge):
            await answer.read(4)
        assert reply.closed

    async def test_stream_that_begins_with_an_error(self) -> None:
        broken = ScriptedReply([b'data: {"error":{"code":500,"message":"x"}}\n\n'])
        answer = await opened(router(), member("a", broken), member("b", ScriptedReply([b"data: {}"])))
        assert answer.upstream.name == "b"


class TestBreaker:
    def test_one_trial_after_a_rest(self) -> None:
        resting = Breaker(3, rests_until=10.0)
        assert not resting.admits(9.9)
        assert resting.admits(10.0)
        assert not resting.trying(10.0).admits(10.1)

    def test_rest_is_bounded(self) -> None:
        state = CLOSED
        for _ in range(100):
            state = state.failed(0.0)
        assert state.rests_until == 60.0


class TestOrder:
    def test_in_proportion_to_weights(self) -> None:
        source = random.Random(7)
        firsts = Counter(order([1, 3], [1 - source.random() for _ in range(2)])[0] for _ in range(4_000))
        assert 2_850 < firsts[1] < 3_150

    @given(st.lists(st.integers(1, 1_000), max_size=20), st.randoms(use_true_random=False))
    def test_every_one_once(self, weights: list[int], source: random.Random) -> None:
        found = order(weights, [1 - source.random() for _ in weights])
        assert sorted(found) == list(range(len(weights)))


class TestProbe:
    async def test_unwell_is_left_out(self) -> None:
        one, two = member("a"), member("b", ScriptedReply([b"ok"]))
        assert isinstance(one.upstream, ScriptedUpstream)
        one.upstream.well = False
        await router().probe([one, two])
        assert (one.healthy, two.healthy) == (False, True)
        assert (await opened(router(), one, two)).upstream.name == "b"

    async def test_asks_the_unwell_where_nobody_is_well(self) -> None:
        busy = member("a", ScriptedReply([b"served"]))
        busy.healthy = False
        assert (await opened(router(), busy)).upstream.name == "a"


class TestFaultOf:
    @pytest.mark.parametrize(
        ("status", "words", "kind"),
        [
            (400, b'{"error":{"type":"exceed_context_size_error"}}', ContextLengthExceeded),
            (500, b"input (1501 tokens) is too large to process", ContextLengthExceeded),
            (400, b"unknown field", MalformedRequest),
            (422, b"", MalformedRequest),
            (501, b"", UpstreamRejected),
            (408, b"", UpstreamTimeout),
            (429, b"", UpstreamUnavailable),
            (401, b"wrong key sk-123", UpstreamError),
            (404, b"", UpstreamRejected),
            (405, b"", UpstreamRejected),
            (500, b"Traceback", UpstreamError),
        ],
    )
    def test_table(self, status: int, words: bytes, kind: type[EmporionError]) -> None:
        fault = fault_of(status, words)
        assert type(fault) is kind
        assert "sk-123" not in str(fault.details) + fault.message
