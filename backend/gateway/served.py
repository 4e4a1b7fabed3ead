"""From an answer to the facts of its usage row: hashes, counts, cost."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import ZERO_HASH, Hash32, MicroCredits, UnixTime, keccak, to_hash
from backend.gateway.admission import Admitted, B
from backend.inference.operations import FIELDS
from backend.inference.prepare import Prepared, prompt_text
from backend.inference.upstream import Upstream
from backend.inference.usage import TokenCounter, Usage, usage_or_count
from backend.meter.pricing import cost_exact
from backend.meter.schemas import Outcome, Served

NOTHING: Final = Usage(0, 0)
EMPTY: Final = "empty_answer"
"""The fault of an answer without a token or a word."""
LEFT: Final = "caller_left"
NO_WORDS: Final = " "
"""Stands for an answer that has none, such as an embedding."""


@dataclass(frozen=True, slots=True)
class Made:
    """What made an answer: the digest of the weights, and the engine's fingerprint where there is one."""

    model_digest: Hash32
    engine: str = ""


class Fingerprints(Protocol):
    """Knows the engines behind upstreams."""

    def made_by(self, upstream: Upstream) -> Made | None:
        """The engine's fingerprint; None for an upstream that is not ours."""
        ...


class NoFingerprints:
    """For gateways without an engine of their own."""

    def made_by(self, upstream: Upstream) -> Made | None:
        """None, always."""
        return None


@dataclass(slots=True)
class Turn(Generic[B]):
    """One request under way: when it began, what came in, which upstream answers, when its first byte
    came.
    """

    admitted: Admitted[B]
    route: str
    body: bytes
    started: float
    started_at: UnixTime
    made: Made | None = None
    first_byte: float | None = None
    fault: str = ""

    def fail(self, error: BaseException) -> None:
        """Note why its answer is not whole: an error's code, or that the caller left."""
        if isinstance(error, EmporionError):
            self.fault = error.code
        else:
            self.fault = LEFT if isinstance(error, asyncio.CancelledError) else EmporionError.code


class Accountant:
    """Writes down what was served."""

    def __init__(self, clock: Clock, counter: TokenCounter) -> None:
        self._clock = clock
        self._counter = counter

    async def counted(self, turn: Turn[Prepared], told: Usage | None, delivered: str) -> Usage:
        """The upstream's own count within the worst case, else ours of the prompt and what was delivered.
        `NOTHING` where the answer holds neither a token nor a word: no output, no charge.
        """
        prepared = turn.admitted.prepared
        if FIELDS[prepared.operation].output is None:
            delivered = delivered or NO_WORDS
        elif not delivered and (told is None or not told.units_out):
            return NOTHING
        return await usage_or_count(told, prepared.worst, prompt_text(prepared), delivered, self._counter)

    def served(self, turn: Turn[Any], outcome: Outcome, usage: Usage, response_hash: Hash32) -> Served:
        """The facts of the usage row. `response_hash` is of every byte of the answer as the caller got it,
        less our comments; zero for none.
        """
        admitted, now = turn.admitted, self._clock.monotonic()
        first = turn.first_byte
        made = turn.made or Made(_digest(admitted))
        return Served(
            request_id=admitted.asked.request_id,
            tab=admitted.tab,
            service_id=admitted.listed.service_id,
            route=turn.route,
            outcome=outcome,
            units_in=usage.units_in,
            units_out=usage.units_out,
            cost=_cost(admitted, outcome, usage),
            model_digest=made.model_digest,
            request_hash=keccak(turn.body),
            response_hash=response_hash,
            started_at=turn.started_at,
            duration_ms=round((now - turn.started) * 1000),
            estimated=usage.estimated,
            key_id=admitted.asked.principal.key_id,
            first_byte_ms=None if first is None else round((first - turn.started) * 1000),
            engine=made.engine,
            fault=_fault(turn, outcome),
        )


def _fault(turn: Turn[Any], outcome: Outcome) -> str:
    if outcome is Outcome.COMPLETED:
        return ""
    return turn.fault or EMPTY


def _cost(admitted: Admitted[Any], outcome: Outcome, usage: Usage) -> MicroCredits:
    """Nothing for a request that delivered nothing; else the rate card, never above the hold."""
    if outcome is Outcome.FAILED:
        return MicroCredits(0)
    worst = admitted.worst
    return cost_exact(
        admitted.card, min(usage.units_in, worst.units_in), min(usage.units_out, worst.units_out)
    )


def _digest(admitted: Admitted[Any]) -> Hash32:
    facts = admitted.listed.document.get("model") or {}
    return to_hash(facts["digest"]) if facts.get("digest") else ZERO_HASH


def hash_of(response: bytes) -> Hash32:
    """The hash of an answer; zero where there was none."""
    return keccak(response) if response else ZERO_HASH
