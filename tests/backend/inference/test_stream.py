"""A streamed answer's events.

StreamScanner.feed
  when bytes arrive in any pieces -> the same whole events come out, as they were
  when usage was not asked for -> the usage chunk is read and left out
  when it was -> it passes
  when [DONE] comes -> it waits in `tail`
  when the upstream reports an error -> left out, marked failed
  when an event never ends -> upstream error
  when words of an answer look like events -> they pass
close
  when the last event lacks its blank line -> completed
usage_or_count
  when the upstream reports -> its count; when not -> ours, marked; when nothing was delivered -> nothing
delivered_text -> content, reasoning, tool arguments, text
"""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import UpstreamError
from backend.inference.prepare import WorstCase
from backend.inference.stream import StreamScanner
from backend.inference.usage import ByteCounter, Usage, usage_of, usage_or_count
from backend.inference.words import words_of


class FailingCounter:
    async def count_tokens(self, text: str) -> int:
        raise UpstreamError("no tokenizer")


def event(document: object) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def delta(words: str, finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": finish}]})


WORDS = delta("Hello") + delta(' "usage": {} [DONE] \n\n')
LAST = delta("", "stop")
USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
DONE = b"data: [DONE]\n\n"
ANSWER = b": ping\n\n" + WORDS + LAST + USAGE + DONE


class TestFeed:
    @given(st.lists(st.integers(0, len(ANSWER)), max_size=8), st.booleans())
    def test_any_cut_gives_the_same_bytes(self, cuts: list[int], keep: bool) -> None:
        scanner = StreamScanner(keep_usage=keep)
        edges = sorted([0, *cuts, len(ANSWER)])
        passed = b"".join(scanner.feed(ANSWER[a:b]) for a, b in pairwise(edges))
        assert passed == b": ping\n\n" + WORDS + LAST + (USAGE if keep else b"")
        assert scanner.tail == DONE
        assert scanner.usage == Usage(7, 3)
        assert scanner.complete

    def test_carriage_returns(self) -> None:
        scanner = StreamScanner(keep_usage=False)
        answer = ANSWER.replace(b"\n\n", b"\r\n\r\n")
        passed = b"".join(scanner.feed(answer[i : i + 3]) for i in range(0, len(answer), 3))
        assert passed == (b": ping\n\n" + WORDS + LAST).replace(b"\n\n", b"\r\n\r\n")
        assert scanner.usage == Usage(7, 3)

    def test_usage_beside_words_passes(self) -> None:
        both = event({"choices": [{"delta": {"content": "x"}}], "usage": {"prompt_tokens": 1}})
        scanner = StreamScanner(keep_usage=False)
        assert scanner.feed(both) == both
        assert scanner.usage == Usage(1, 0)

    @pytest.mark.parametrize(
        "broken",
        [
            event({"error": {"message": "secret host"}}),
            b"error: {}\n\n",
            event({"type": "error"}),
            b'event: error\ndata: {"message": "secret host"}\n\n',
            b'id: 7\r\nevent:error\r\ndata: "secret host"\r\n\r\n',
        ],
    )
    def test_upstream_error_is_left_out(self, broken: bytes) -> None:
        scanner = StreamScanner(keep_usage=False)
        assert scanner.feed(WORDS + broken) == WORDS
        assert scanner.failed
        assert not scanner.complete

    def test_truncated_stream_is_not_complete(self) -> None:
        scanner = StreamScanner(keep_usage=False)
        scanner.feed(WORDS)
        assert not scanner.complete

    def test_event_without_end(self) -> None:
        scanner = StreamScanner(keep_usage=False, most_event_bytes=10)
        with pytest.raises(UpstreamError, match="too large"):
            scanner.feed(b"data: 12345678")

    def test_responses_events(self) -> None:
        text = event({"type": "response.output_text.delta", "delta": "Hi"})
        usage = {"input_tokens": 4, "output_tokens": 2}
        last = event({"type": "response.completed", "response": {"usage": usage}})
        scanner = StreamScanner(keep_usage=False)
        assert scanner.feed(text + last) == text + last
        assert scanner.usage == Usage(4, 2)
        assert scanner.complete
        assert scanner.delivered_text() == "Hi"


class TestClose:
    def test_last_event_without_blank_line(self) -> None:
        scanner = StreamScanner(keep_usage=False)
        assert scanner.feed(WORDS + LAST[:-2]) == WORDS
        assert scanner.close() == LAST
        assert scanner.finished

    def test_nothing_left(self) -> None:
        scanner = StreamScanner(keep_usage=False)
        scanner.feed(ANSWER)
        assert scanner.close() == b""


class TestDeliveredText:
    def test_all_kinds_of_words(self) -> None:
        tool = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
        scanner = StreamScanner(keep_usage=False)
        scanner.feed(delta("a") + event({"choices": [{"text": "b"}]}))
        scanner.feed(event({"choices": [{"delta": {"reasoning_content": "c", "tool_calls": [tool]}}]}))
        scanner.feed(event({"choices": [None, {"delta": None}]}) + b"data: {broken\n\n")
        assert scanner.delivered_text() == "abcf{}"


class TestUsage:
    @pytest.mark.parametrize(
        "document",
        [
            None,
            [],
            {},
            {"usage": None},
            {"usage": []},
            {"usage": {"prompt_tokens": -1}},
            {"usage": {"prompt_tokens": "5"}},
        ],
    )
    def test_unreadable(self, document: object) -> None:
        assert usage_of(document) is None

    def test_whole_reply(self) -> None:
        assert usage_of({"usage": {"prompt_tokens": 2, "total_tokens": 2}}) == Usage(2, 0)

    def test_lying_upstream_is_held_to_the_worst_case(self) -> None:
        assert Usage(10**9, 3).within(WorstCase(100, 10)) == Usage(100, 3, estimated=True)
        assert Usage(5, 3).within(WorstCase(100, 10)) == Usage(5, 3)

    async def test_count_of_ours_where_none_is_reported(self) -> None:
        worst = WorstCase(100, 1)
        assert await usage_or_count(Usage(1, 1), worst, "p", "d", FailingCounter()) == Usage(1, 1)
        assert await usage_or_count(None, worst, "p", "", FailingCounter()) == Usage(0, 0, estimated=True)
        found = await usage_or_count(None, worst, "12345", "123456789", FailingCounter())
        assert found == Usage(2, 1, estimated=True)

    def test_words_of_a_whole_reply(self) -> None:
        chat = {"choices": [{"message": {"content": "a"}}, {"text": "b"}]}
        assert words_of(chat) == "ab"
        assert words_of({"output": [{"content": [{"text": "c"}]}]}) == "c"
        called = {"message": {"function_call": {"name": "f", "arguments": "{}"}}}
        assert words_of({"choices": [called]}) == "f{}"
        assert words_of({}) == ""

    async def test_estimate_rounds_up(self) -> None:
        assert await ByteCounter().count_tokens("12345") == 2
        assert await ByteCounter().count_tokens("") == 0
