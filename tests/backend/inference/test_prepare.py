"""A request's body: read, bounded, rewritten.

read_call
  when not JSON, not UTF-8, too deep, no object, no model -> malformed
prepare
  length: when absent -> default; when huge -> clamped and said; when negative, zero, text -> malformed
          when another engine's name for it is used -> clamped too
  choices: when many answers or prompts are asked -> each counts; when too many -> unprocessable
  images: when the model reads text -> unprocessable; when named by URL -> unprocessable; else counted
  stream: when usage was not asked -> asked upstream, marked to be dropped
  responses: when it leans on stored state or hosted tools -> unprocessable
  bound: for any text the tokens of its bytes never exceed units_in
body_for
  -> the upstream's model name, unknown fields kept, dangerous ones dropped
"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import MalformedRequest, Unprocessable
from backend.inference.operations import Operation
from backend.inference.prepare import Limits, Prepared, prepare, prompt_text, read_call

MESSAGES = [{"role": "user", "content": "Hello"}]
LIMITS = Limits(context=2_048, default_output=1_024, most_output=1_024)


def prepared(operation: Operation = Operation.CHAT, limits: Limits = LIMITS, **fields: Any) -> Prepared:
    body = {"model": "1/1", **fields}
    if operation is Operation.CHAT:
        body.setdefault("messages", MESSAGES)
    return prepare(read_call(operation, orjson.dumps(body)), limits)


def prepared_with(name: str, value: object, operation: Operation = Operation.CHAT, **more: Any) -> Prepared:
    """As `prepared`, with a field named by the test."""
    fields: dict[str, Any] = {name: value, **more}
    return prepared(operation, LIMITS, **fields)


def sent(ready: Prepared) -> dict[str, Any]:
    body = orjson.loads(ready.body_for("smollm2"))
    assert isinstance(body, dict)
    return body


class TestReadCall:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff\xfe{}",
            b"[]",
            b"1",
            b"null",
            b"{}",
            b'{"model": 1}',
            b'{"model": ""}',
            b'{"model": "' + b"x" * 300 + b'"}',
            b'{"model": NaN}',
            b'{"model": "a", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        ],
    )
    def test_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedRequest):
            read_call(Operation.CHAT, body)

    def test_last_of_two_equal_names_is_what_is_sent(self) -> None:
        call = read_call(Operation.CHAT, b'{"model": "a", "model": "b"}')
        assert call.model == "b"


class TestLength:
    def test_absent_gets_the_default(self) -> None:
        ready = prepared()
        assert sent(ready)["max_tokens"] == 1_024
        assert ready.worst.units_out == 1_024
        assert not ready.clamped

    def test_null_is_absent(self) -> None:
        assert sent(prepared(max_tokens=None))["max_tokens"] == 1_024

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n_predict", "max_new_tokens"])
    def test_huge_is_clamped_under_every_name(self, name: str) -> None:
        ready = prepared_with(name, 10**9)
        assert sent(ready)[name] == 1_024
        assert ready.worst.units_out == 1_024
        assert ready.clamped

    def test_several_names_count_the_largest(self) -> None:
        assert prepared(max_tokens=5, max_completion_tokens=90, n_predict=7).worst.units_out == 90

    def test_least_length_alone_still_gets_an_end(self) -> None:
        body = sent(prepared(min_tokens=3))
        assert (body["min_tokens"], body["max_tokens"]) == (3, 1_024)

    @pytest.mark.parametrize("value", [-1, 0, "5", 1.5, True, [], 2**70])
    def test_malformed(self, value: object) -> None:
        body = b'{"model": "a", "messages": [{}], "max_tokens": %s}' % (
            str(value).encode() if isinstance(value, int) and value > 2**64 else orjson.dumps(value)
        )
        with pytest.raises(MalformedRequest, match="max_tokens"):
            prepare(read_call(Operation.CHAT, body), LIMITS)


class TestChoices:
    def test_each_answer_counts(self) -> None:
        assert prepared(n=3, max_tokens=10).worst.units_out == 30

    def test_best_of_counts_more_than_n(self) -> None:
        ready = prepared(Operation.COMPLETION, prompt="x", n=2, best_of=4, max_tokens=10)
        assert ready.worst.units_out == 40

    def test_each_prompt_counts(self) -> None:
        assert prepared(Operation.COMPLETION, prompt=["a", "b", "c"], max_tokens=10).worst.units_out == 30

    def test_token_numbers_are_one_prompt(self) -> None:
        assert prepared(Operation.COMPLETION, prompt=[1, 2, 3], max_tokens=10).worst.units_out == 10
        assert prepared(Operation.COMPLETION, prompt=[[1], [2, 3]], max_tokens=10).worst.units_out == 20

    @pytest.mark.parametrize("name", ["n", "best_of", "n_cmpl"])
    def test_too_many(self, name: str) -> None:
        with pytest.raises(Unprocessable, match="at most 8"):
            prepared_with(name, 9)

    @pytest.mark.parametrize("name", ["top_logprobs", "n_probs"])
    def test_too_many_probabilities(self, name: str) -> None:
        with pytest.raises(Unprocessable, match=name):
            prepared_with(name, 40_000)


class TestPrompt:
    @pytest.mark.parametrize("messages", [None, [], "text", {}, 1])
    def test_no_messages(self, messages: object) -> None:
        with pytest.raises(MalformedRequest, match="messages"):
            prepared(messages=messages)

    def test_no_input(self) -> None:
        with pytest.raises(MalformedRequest, match="input"):
            prepared(Operation.EMBEDDING)

    def test_embedding_has_no_output(self) -> None:
        assert prepared(Operation.EMBEDDING, input=["a", "b"]).worst.units_out == 0

    def test_embedding_does_not_stream(self) -> None:
        with pytest.raises(Unprocessable, match="stream"):
            prepared(Operation.EMBEDDING, input="a", stream=True)

    def test_words_for_our_own_count(self) -> None:
        parts = [{"role": "user", "content": [{"type": "text", "text": "two"}]}]
        assert prompt_text(prepared(messages=MESSAGES + parts)) == "Hello\ntwo"

    @given(st.text())
    def test_bound_covers_a_token_a_byte(self, words: str) -> None:
        ready = prepared(messages=[{"role": "user", "content": words}])
        assert ready.worst.units_in >= len(words.encode()) + 64


class TestImages:
    def image(self, url: str) -> list[dict[str, Any]]:
        part = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}]

    def test_text_model(self) -> None:
        with pytest.raises(Unprocessable, match="text only"):
            prepared(messages=self.image("data:image/png;base64,AA=="))

    def test_named_by_url(self) -> None:
        with pytest.raises(Unprocessable, match="data: URL"):
            prepared(limits=Limits(image_tokens=500), messages=self.image("http://169.254.169.254/"))

    def test_counted(self) -> None:
        ready = prepared(limits=Limits(image_tokens=5_000), messages=self.image("data:image/png;base64,AA=="))
        assert ready.worst.units_in > 5_000

    def test_sound(self) -> None:
        messages = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]}]
        with pytest.raises(Unprocessable):
            prepared(limits=Limits(image_tokens=500), messages=messages)


class TestStream:
    def test_usage_is_asked_and_marked_to_be_dropped(self) -> None:
        ready = prepared(stream=True)
        assert sent(ready)["stream_options"] == {"include_usage": True}
        assert (ready.stream, ready.wants_usage) == (True, False)

    def test_other_options_are_kept(self) -> None:
        ready = prepared(stream=True, stream_options={"include_usage": True, "x": 1})
        assert ready.wants_usage
        assert sent(ready)["stream_options"]["x"] == 1

    def test_plain_answer_has_no_options(self) -> None:
        assert "stream_options" not in sent(prepared(stream=False))

    @pytest.mark.parametrize("fields", [{"stream": 1}, {"stream": True, "stream_options": [1]}])
    def test_malformed(self, fields: dict[str, Any]) -> None:
        with pytest.raises(MalformedRequest):
            prepared(**fields)


class TestResponses:
    @pytest.mark.parametrize("name", ["previous_response_id", "conversation", "background"])
    def test_stored_state(self, name: str) -> None:
        with pytest.raises(Unprocessable, match="nothing is stored"):
            prepared_with(name, "x", Operation.RESPONSES, input="a")

    def test_hosted_tool(self) -> None:
        with pytest.raises(Unprocessable, match="tools"):
            prepared(Operation.RESPONSES, input="a", tools=[{"type": "mcp", "server_url": "http://x"}])

    def test_clamped_and_not_stored(self) -> None:
        ready = prepared(Operation.RESPONSES, input="a", max_output_tokens=10**6, store=True)
        assert sent(ready)["max_output_tokens"] == 1_024
        assert sent(ready)["store"] is False


class TestBodyFor:
    def test_unknown_fields_pass_dangerous_ones_do_not(self) -> None:
        body = sent(prepared(seed=1, wild={"a": [1]}, id_slot=3, cache_prompt=True))
        assert body["model"] == "smollm2"
        assert (body["seed"], body["wild"]) == (1, {"a": [1]})
        assert not body.keys() & {"id_slot", "cache_prompt"}

    def test_the_callers_fields_stay_as_they_were(self) -> None:
        call = read_call(Operation.CHAT, orjson.dumps({"model": "a", "messages": MESSAGES, "max_tokens": 9}))
        prepare(call, Limits(most_output=5))
        assert call.fields["max_tokens"] == 9
