"""Whether a prompt can be run again, and what the second answer says.

rerun_of
    given a declared service, its request and the engine's fingerprint: what to run, on what
    given anything that leaves the answer to chance or to another engine: not comparable, and why
answer_of
    given JSON or a saved stream with the gateway's comments: its words
    given what is not whole: not comparable
compare
    given equal words: same
    given other words: different
    given words that only a limit of the service cut elsewhere: not comparable
require_equal
    given an equal engine: nothing; given another: not comparable, naming what differs
run_again
    given other weights than the ones here: not comparable, and nothing is started
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.core.units import Hash32, hex_of, keccak
from backend.inference import rerun as module
from backend.inference.engine_parameters import EngineParameters
from backend.inference.engine_process import Ready
from backend.inference.fingerprint import EngineFingerprint, fingerprint
from backend.inference.operations import Operation
from backend.inference.rerun import (
    Answer,
    Comparison,
    NotComparable,
    Rerun,
    answer_of,
    compare,
    require_equal,
    rerun_of,
    run_again,
)

DIGEST = Hash32(bytes(range(32)))
PARAMETERS = EngineParameters(model_path="/models/a.gguf", slots=3, threads=1)
MARK = fingerprint(Ready("http://127.0.0.1:1", "2026.10", ("AVX2", "FMA")), PARAMETERS, DIGEST)
FACTS = {"context": 2_048, "max_output": 512, "deterministic": True}
CHAT: dict[str, Any] = {"model": "7/7", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
PROMPT: dict[str, Any] = {"model": "7/7", "prompt": "Once", "temperature": 0}
WHOLE = b'{"choices":[{"finish_reason":"stop","message":{"content":"Once upon"}}]}'
STREAM = (
    b": emporion-plan 7\n\n"
    b'data: {"choices":[{"delta":{"content":"Once "},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"upon"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\n'
    b': emporion-receipt {"units_in":1}\n\ndata: [DONE]\n\n'
)


def receipt_for(request: bytes, **changed: Any) -> dict[str, Any]:
    return {
        "request_hash": hex_of(keccak(request)),
        "model_digest": hex_of(DIGEST),
        "engine_fingerprint": MARK.text(),
        **changed,
    }


def found(fields: dict[str, Any], **changed: Any) -> Rerun:
    request = json.dumps(fields).encode()
    return rerun_of(receipt_for(request, **changed), {"model": FACTS}, request, WHOLE)


def marked(**parameters: Any) -> str:
    changed = tuple(sorted({**dict(MARK.parameters), **parameters}.items()))
    return replace(MARK, parameters=changed).text()


class TestRerunOf:
    def test_takes_the_engine_and_the_request(self) -> None:
        rerun = found({**CHAT, "max_tokens": 8})
        assert rerun.engine == MARK
        assert rerun.parameters == replace(PARAMETERS, model_path="")
        assert (rerun.prepared.operation, rerun.prepared.stream) == (Operation.CHAT, False)
        assert rerun.own_length
        assert rerun.answer == Answer("Once upon", cut=False)

    @pytest.mark.parametrize(
        ("changed", "own"), [({}, False), ({"max_tokens": 512}, True), ({"max_tokens": 513}, False)]
    )
    def test_knows_whose_the_length_was(self, changed: dict[str, Any], own: bool) -> None:
        assert found({**PROMPT, **changed}).own_length is own

    @pytest.mark.parametrize(
        "fields",
        [
            {**CHAT, "temperature": 0.0},
            {**CHAT, "temperature": 0.8, "seed": 7},
            {**PROMPT, "temperature": None, "seed": 0},
            {**CHAT, "mirostat": 1, "seed": 7},
            {**CHAT, "stream": True},
            {**CHAT, "n": 1},
        ],
    )
    def test_takes_what_leaves_nothing_to_chance(self, fields: dict[str, Any]) -> None:
        assert found(fields).prepared.fields["model"] == "7/7"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({**CHAT, "temperature": 0.1}, "drawn by chance"),
            ({**CHAT, "temperature": None}, "drawn by chance"),
            ({**CHAT, "temperature": False}, "drawn by chance"),
            ({**CHAT, "temperature": 1, "seed": -1}, "drawn by chance"),
            ({**CHAT, "temperature": 1, "seed": 2**32 - 1}, "drawn by chance"),
            ({**CHAT, "mirostat": 1}, "mirostat without a seed"),
            ({**CHAT, "n": 2}, "several answers"),
            ({"model": "m", "input": "Hi"}, "only chats and completions"),
            ({**CHAT, "prompt": "Hi"}, "only chats and completions"),
            ({**PROMPT, "prompt": ["Hi", "Ho"]}, "only chats and completions"),
            ({"prompt": "Hi"}, "cannot have been served"),
        ],
    )
    def test_refuses_a_request_that_says_nothing(self, fields: dict[str, Any], words: str) -> None:
        with pytest.raises(NotComparable, match=words):
            found(fields)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"request_hash": hex_of(keccak(b"other"))}, "not what the receipt is for"),
            ({"engine_fingerprint": ""}, "no embedded engine"),
            ({"engine_fingerprint": None}, "no embedded engine"),
            ({"engine_fingerprint": "{}"}, "not an engine fingerprint"),
            ({"engine_fingerprint": replace(MARK, runtime="vllm").text()}, "none that this program"),
            ({"model_digest": hex_of(keccak(b"other"))}, "other weights than the signed receipt"),
            ({"engine_fingerprint": marked(speculation=1)}, "other parameters"),
            ({"engine_fingerprint": marked(slots="4")}, "other parameters"),
            ({"engine_fingerprint": marked(slots=True)}, "other parameters"),
            ({"engine_fingerprint": marked(slots=65)}, "out of bounds"),
            ({"engine_fingerprint": marked(threads=0)}, "out of bounds"),
            ({"engine_fingerprint": marked(prompt_cache_mib=8)}, "out of bounds"),
            ({"engine_fingerprint": marked(slots=64, context_tokens=131_072)}, "out of bounds"),
        ],
    )
    def test_refuses_a_receipt_that_says_nothing(self, changed: dict[str, Any], words: str) -> None:
        with pytest.raises(NotComparable, match=words):
            found(CHAT, **changed)

    @pytest.mark.parametrize("document", [{}, {"model": None}, {"model": {**FACTS, "deterministic": False}}])
    def test_refuses_a_service_that_promised_nothing(self, document: dict[str, Any]) -> None:
        request = json.dumps(CHAT).encode()
        with pytest.raises(NotComparable, match="not declared deterministic"):
            rerun_of(receipt_for(request), document, request, WHOLE)

    def test_refuses_what_is_no_json(self) -> None:
        with pytest.raises(NotComparable, match="only chats and completions"):
            rerun_of(receipt_for(b"{"), {"model": FACTS}, b"{", WHOLE)


class TestAnswerOf:
    def test_reads_json_and_streams(self) -> None:
        assert answer_of(WHOLE) == Answer("Once upon", cut=False)
        assert answer_of(STREAM) == Answer("Once upon", cut=True)

    @pytest.mark.parametrize(
        "raw",
        [b"", b"[]", b"{}", b'{"error":{"code":"x"}}', b"words", STREAM[:120]],
        ids=["nothing", "list", "empty", "error", "words", "broken off"],
    )
    def test_refuses_what_is_not_whole(self, raw: bytes) -> None:
        with pytest.raises(NotComparable, match="answer's file"):
            answer_of(raw)

    def test_refuses_an_event_without_end(self) -> None:
        with pytest.raises(NotComparable, match="no stream"):
            answer_of(b"data: " + b"x" * (4 * 1024 * 1024 + 1))


class TestCompare:
    @pytest.mark.parametrize(
        ("first", "again", "length", "finding"),
        [
            (Answer("abc", False), Answer("abc", False), 8, Comparison.SAME),
            (Answer("abc", True), Answer("abc", False), 8, Comparison.SAME),
            (Answer("abc", False), Answer("abd", False), 8, Comparison.DIFFERENT),
            (Answer("abx", True), Answer("abcd", True), None, Comparison.DIFFERENT),
            (Answer("ab", False), Answer("abc", False), None, Comparison.DIFFERENT),
            (Answer("abc", False), Answer("ab", True), 8, Comparison.DIFFERENT),
            (Answer("ab", True), Answer("abc", False), 8, Comparison.NOT_COMPARABLE),
            (Answer("abc", False), Answer("ab", True), None, Comparison.NOT_COMPARABLE),
        ],
    )
    def test_finds(self, first: Answer, again: Answer, length: int | None, finding: Comparison) -> None:
        rerun = replace(found({**PROMPT, "max_tokens": length}), answer=first)
        compared = compare(rerun, again)
        assert compared.finding is finding
        assert compared.told


class TestRequireEqual:
    def test_takes_an_equal_engine(self) -> None:
        require_equal(MARK, EngineFingerprint.parse(MARK.text()))

    @pytest.mark.parametrize(
        ("here", "words"),
        [
            (replace(MARK, runtime="other"), "runtime$"),
            (replace(MARK, runtime_version="2027.1"), "runtime$"),
            (replace(MARK, model_digest=Hash32(bytes(32))), "weights$"),
            (replace(MARK, cpu_features=("NEON",)), "processor's features$"),
            (replace(MARK, parameters=()), "parameters$"),
        ],
    )
    def test_names_what_differs(self, here: EngineFingerprint, words: str) -> None:
        with pytest.raises(NotComparable, match=words):
            require_equal(MARK, here)


class TestRunAgain:
    @pytest.mark.parametrize(("weights", "words"), [(b"other", "differs: weights"), (None, "not installed")])
    async def test_starts_nothing_without_the_weights(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes | None, words: str
    ) -> None:
        model = tmp_path / "m.gguf"
        model.write_bytes(weights or b"")
        monkeypatch.setattr(module, "shipped_model", lambda: None if weights is None else model)
        with pytest.raises(NotComparable, match=words):
            await run_again(found(CHAT), tmp_path / "digests.json")

    async def test_says_that_the_engine_did_not_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = tmp_path / "m.gguf"
        monkeypatch.setattr(module, "shipped_model", lambda: model)
        monkeypatch.setattr(module, "model_digest", lambda _path, _cache: DIGEST)
        with pytest.raises(NotComparable, match="could not run it: .*is missing"):
            await run_again(found(CHAT), tmp_path / "digests.json")
