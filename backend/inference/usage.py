"""How much an answer used: the upstream's own count, else ours, marked as estimated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from backend.core.errors import UpstreamError
from backend.inference.prepare import WorstCase

BYTES_PER_TOKEN: Final = 4
"""Of English text, for estimates."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Measures used. `estimated`: counted by us, not reported by the upstream, or corrected."""

    units_in: int
    units_out: int
    estimated: bool = False

    def within(self, worst: WorstCase) -> "Usage":
        """At most the worst case: an upstream that reports more is not believed."""
        if self.units_in <= worst.units_in and self.units_out <= worst.units_out:
            return self
        return replace(
            self,
            units_in=min(self.units_in, worst.units_in),
            units_out=min(self.units_out, worst.units_out),
            estimated=True,
        )


class TokenCounter(Protocol):
    """Something that counts tokens as the model does."""

    async def count_tokens(self, text: str) -> int:
        """Tokens of a text. Raises UpstreamError when it cannot say."""
        ...


class ByteCounter:
    """Counts by length where the model's own tokenizer is not at hand."""

    async def count_tokens(self, text: str) -> int:
        """A token for every four bytes, rounded up."""
        return -(-len(text.encode()) // BYTES_PER_TOKEN)


def usage_of(document: object) -> Usage | None:
    """The usage an answer reports, under OpenAI's names; None when it reports none that can be read."""
    if not isinstance(document, dict):
        return None
    inner = document.get("response")
    told = document.get("usage") or (inner.get("usage") if isinstance(inner, dict) else None)
    if not isinstance(told, dict):
        return None
    units_in = _count(told, "prompt_tokens", "input_tokens")
    units_out = _count(told, "completion_tokens", "output_tokens")
    return None if units_in is None else Usage(units_in, units_out or 0)


async def usage_or_count(
    reported: Usage | None, worst: WorstCase, prompt: str, delivered: str, counter: TokenCounter
) -> Usage:
    """What to charge: the upstream's count, else ours of the words; never above the worst case.

    Nothing delivered is nothing used. A counter that fails is replaced by an estimate.
    """
    if reported is not None:
        return reported.within(worst)
    if not delivered:
        return Usage(0, 0, estimated=True)
    try:
        counts = [await counter.count_tokens(words) for words in (prompt, delivered)]
    except UpstreamError:
        counts = [await ByteCounter().count_tokens(words) for words in (prompt, delivered)]
    return Usage(counts[0], counts[1], estimated=True).within(worst)


def _count(told: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
