"""Running a receipt's prompt again on this machine, and what the second answer says of the first.

Only equal engines give equal answers, and only where nothing is drawn by chance; everywhere else the two
texts say nothing of each other, and the finding is `not comparable`, never `different`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson

from backend.core.errors import EmporionError, RequestError, UpstreamError
from backend.core.units import keccak, to_hash
from backend.inference.embedded import EmbeddedEngine
from backend.inference.engine_parameters import EngineParameters
from backend.inference.fingerprint import RUNTIME, EngineFingerprint, fingerprint
from backend.inference.model_file import model_digest, shipped_model
from backend.inference.operations import CHOICES, LENGTHS, Operation
from backend.inference.prepare import Limits, Prepared, prepare, read_call
from backend.inference.stream import StreamScanner
from backend.inference.upstreams import EmbeddedUpstream
from backend.inference.words import words_of
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY

LARGEST: Final = {
    "batch_tokens": 8_192,
    "context_tokens": 131_072,
    "prompt_cache_mib": 0,
    "slots": 64,
    "threads": 256,
}
"""Of an engine started at a receipt's word. With a prompt cache, answers depend on earlier prompts."""
MOST_TOKENS: Final = 262_144
"""Of all slots together: memory grows with them."""
GREEDY: Final = frozenset(
    {
        *LENGTHS,
        *CHOICES,
        *("model", "messages", "prompt", "stream", "stream_options", "temperature", "top_p", "stop", "user"),
        *("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "seed"),
        *("response_format", "tools", "tool_choice", "metadata", "store"),
    }
)
"""Fields that leave nothing to chance at temperature 0; a sampler by another name may draw all the same."""
SEEDS: Final = range(2**32 - 1)
"""The one above stands for a seed of chance."""
_CUT: Final = re.compile(rb'"finish_reason":\s*"length"')


class Comparison(StrEnum):
    """How the two answers compare."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class Compared:
    """The finding, and why in words; no word of the answers."""

    finding: Comparison
    told: str


class NotComparable(EmporionError):
    """Why a second run would say nothing, or cannot be had here."""

    code = "not_comparable"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its words, and whether the limit of its length ended it."""

    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Rerun:
    """What is to run, on which engine, and the answer it is held against."""

    engine: EngineFingerprint
    parameters: EngineParameters
    prepared: Prepared
    own_length: bool
    """Whether the request itself, not the service, said how long the answer may be."""
    answer: Answer


def rerun_of(
    receipt: Mapping[str, Any], document: Mapping[str, Any], request: bytes, response: bytes
) -> Rerun:
    """What a receipt's JSON, the service's metadata and the bytes of request and answer have to be run again.

    Raises NotComparable.
    """
    facts = document.get("model") or {}
    if not facts.get("deterministic"):
        raise NotComparable("the service is not declared deterministic")
    if keccak(request) != to_hash(str(receipt.get("request_hash"))):
        raise NotComparable("the request's file is not what the receipt is for")
    engine = _engine(receipt)
    prepared = _prepared(request, facts)
    _require_no_chance(prepared.fields)
    named = orjson.loads(request)
    own = not prepared.clamped and any(named.get(name) is not None for name in LENGTHS)
    return Rerun(engine, _parameters(engine), prepared, own, answer_of(response))


def compare(rerun: Rerun, again: Answer) -> Compared:
    """Hold the answer against that of a second run on an equal engine."""
    first = rerun.answer
    if again.text == first.text:
        return Compared(Comparison.SAME, "this machine gives the same answer")
    shortened = first.cut and again.text.startswith(first.text)
    lengthened = again.cut and not rerun.own_length and first.text.startswith(again.text)
    if shortened or lengthened:
        told = "the answers are equal as far as they go; the service's limit of the length was another"
        return Compared(Comparison.NOT_COMPARABLE, told)
    return Compared(Comparison.DIFFERENT, "an equal engine on this machine gives another answer")


def require_equal(told: EngineFingerprint, here: EngineFingerprint) -> None:
    """Raises NotComparable, naming what differs between the receipt's engine and the one here."""
    if told.comparable(here):
        return
    sides = (
        ("runtime", told.runtime_version, here.runtime_version),
        ("weights", told.model_digest, here.model_digest),
        ("processor's features", told.cpu_features, here.cpu_features),
        ("parameters", told.parameters, here.parameters),
    )
    other = [name for name, theirs, ours in sides if theirs != ours]
    raise NotComparable(f"the engine on this machine differs: {', '.join(other) or 'runtime'}")


def answer_of(raw: bytes) -> Answer:
    """The words of a JSON answer or of a saved stream. Raises NotComparable where it is not whole."""
    cut = bool(_CUT.search(raw))
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Answer(_streamed(raw), cut)
    if not isinstance(document, dict) or not document.get("choices"):
        raise NotComparable("the answer's file holds no answer of a model")
    return Answer(words_of(document), cut)


async def run_again(rerun: Rerun, cache: Path) -> Compared:
    """Start the receipt's engine on this machine, ask it once, and compare. `cache` remembers digests.

    Raises NotComparable where there is no equal engine here.
    """
    path = shipped_model()
    if path is None:
        raise NotComparable("the embedded model is not installed: requirements-model.lock has it")
    digest = model_digest(path, cache)
    if digest != rerun.engine.model_digest:
        raise NotComparable("the engine on this machine differs: weights")
    async with HttpClient(LOOPBACK_ONLY) as http:
        engine = EmbeddedEngine(http, replace(rerun.parameters, model_path=str(path)))
        try:
            ready = await engine.start()
            require_equal(rerun.engine, fingerprint(ready, engine.parameters, digest))
            return compare(rerun, answer_of(await _asked(engine, rerun.prepared)))
        except UpstreamError as error:
            raise NotComparable(f"this machine could not run it: {error.message}") from None
        finally:
            await engine.stop()


async def _asked(engine: EmbeddedEngine, prepared: Prepared) -> bytes:
    upstream = EmbeddedUpstream("rerun", engine)
    reply = await upstream.request(
        prepared.operation.value, prepared.body_for(engine.model), stream=prepared.stream, request_id="rerun"
    )
    try:
        answer = b"".join([chunk async for chunk in reply.chunks()])
    finally:
        reply.close()
    if reply.status != 200:
        raise NotComparable(f"the engine on this machine refused the request with status {reply.status}")
    return answer


def _engine(receipt: Mapping[str, Any]) -> EngineFingerprint:
    """The fingerprint of an embedded engine, of the weights that were signed for."""
    text = receipt.get("engine_fingerprint")
    if not text:
        raise NotComparable("the answer came from no embedded engine, or the receipt does not say so")
    try:
        engine = EngineFingerprint.parse(str(text))
    except RequestError as error:
        raise NotComparable(error.message) from None
    if engine.runtime != RUNTIME:
        raise NotComparable("the engine is none that this program can start")
    if engine.model_digest != to_hash(str(receipt.get("model_digest"))):
        raise NotComparable("the fingerprint names other weights than the signed receipt")
    return engine


def _parameters(engine: EngineFingerprint) -> EngineParameters:
    """What to start the engine with; the file of the weights is this machine's."""
    told = dict(engine.parameters)
    numbers = {name: value for name, value in told.items() if type(value) is int}
    if numbers.keys() != LARGEST.keys() or len(told) != len(LARGEST):
        raise NotComparable("the fingerprint has other parameters than this version knows")
    least = {name: min(most, 1) for name, most in LARGEST.items()}
    outside = [name for name, value in numbers.items() if not least[name] <= value <= LARGEST[name]]
    if outside or numbers["slots"] * numbers["context_tokens"] > MOST_TOKENS:
        raise NotComparable("no engine of these parameters is started for a receipt: they are out of bounds")
    return EngineParameters(
        model_path="",
        slots=numbers["slots"],
        context_tokens=numbers["context_tokens"],
        batch_tokens=numbers["batch_tokens"],
        threads=numbers["threads"],
        prompt_cache_mib=numbers["prompt_cache_mib"],
    )


def _prepared(request: bytes, facts: Mapping[str, Any]) -> Prepared:
    """The body as the gateway makes it for the engine."""
    try:
        prepared = prepare(read_call(_operation(request), request), _limits(facts))
    except RequestError as error:
        raise NotComparable(f"the request cannot have been served: {error.message}") from None
    if any(prepared.fields.get(name) not in (None, 1) for name in CHOICES):
        raise NotComparable("the request asked for several answers")
    return prepared


def _operation(request: bytes) -> Operation:
    """By its fields: a receipt does not name the route."""
    try:
        fields = orjson.loads(request)
    except orjson.JSONDecodeError:
        fields = None
    if isinstance(fields, dict) and "prompt" not in fields and "messages" in fields:
        return Operation.CHAT
    if isinstance(fields, dict) and isinstance(fields.get("prompt"), str) and "messages" not in fields:
        return Operation.COMPLETION
    raise NotComparable("only chats and completions of one prompt have an answer that can be compared")


def _limits(facts: Mapping[str, Any]) -> Limits:
    usual = Limits()
    most = int(facts.get("max_output", usual.most_output))
    return Limits(
        context=int(facts.get("context", usual.context)),
        default_output=min(usual.default_output, most),
        most_output=most,
        image_tokens=facts.get("image_tokens"),
    )


def _require_no_chance(fields: Mapping[str, Any]) -> None:
    seed, temperature = fields.get("seed"), fields.get("temperature")
    if type(seed) is int and seed in SEEDS:
        return
    if type(temperature) not in (int, float) or temperature != 0:
        raise NotComparable("the answer was drawn by chance: the request says no temperature 0 and no seed")
    if unknown := sorted(fields.keys() - GREEDY):
        raise NotComparable(f"the answer may be drawn by chance: {', '.join(unknown)[:200]} without a seed")


def _streamed(raw: bytes) -> str:
    scanner = StreamScanner(keep_usage=True)
    try:
        scanner.feed(raw)
    except UpstreamError as error:
        raise NotComparable(f"the answer's file is no stream of a model: {error.message}") from None
    scanner.close()
    if not scanner.complete:
        raise NotComparable("the answer's file holds no whole answer: it broke off, or is none of a model")
    return scanner.delivered_text()
