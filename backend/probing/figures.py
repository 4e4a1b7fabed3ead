"""Single measurements become figures: medians, which a slow minute does not move. Pure integers."""

from collections.abc import Sequence
from typing import Final, NamedTuple

PPM: Final = 1_000_000
LEAST_TOKENS: Final = 2
"""Tokens of an answer from which a speed can be told: the first one only ends the waiting."""


class Sample(NamedTuple):
    """One call: whether it was answered, milliseconds to its first token, thousandths of a token a second."""

    at: int
    up: bool
    first_token_ms: int | None = None
    speed: int | None = None


class Figures(NamedTuple):
    """What samples add up to; medians are None where no sample has the measure."""

    since: int
    until: int
    samples: int
    uptime_ppm: int
    first_token_ms: int | None
    speed: int | None


def figures_of(samples: Sequence[Sample]) -> Figures | None:
    """The figures of some calls; None of none."""
    if not samples:
        return None
    times = [sample.at for sample in samples]
    return Figures(
        since=min(times),
        until=max(times),
        samples=len(samples),
        uptime_ppm=sum(sample.up for sample in samples) * PPM // len(samples),
        first_token_ms=median_down([s.first_token_ms for s in samples if s.first_token_ms is not None]),
        speed=median_down([s.speed for s in samples if s.speed is not None]),
    )


def speed_down(tokens: int, first_ms: int, total_ms: int) -> int | None:
    """Thousandths of a token a second after the first token; None where that cannot be told."""
    if tokens < LEAST_TOKENS or total_ms <= first_ms:
        return None
    return (tokens - 1) * PPM // (total_ms - first_ms)


def median_down(values: Sequence[int]) -> int | None:
    """The middle, rounded down; None of none."""
    ordered = sorted(values)
    if not ordered:
        return None
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2
