"""From when to when. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from backend.core.errors import MalformedRequest

END_OF_TIME = 2**40


@dataclass(frozen=True, slots=True)
class Period:
    """Unix times: the first second in it, and the first after it."""

    start: int = 0
    end: int = END_OF_TIME

    def holds(self, time: int) -> bool:
        """Whether a time is in it."""
        return self.start <= time < self.end


def period_of(start: str | None, end: str | None) -> Period:
    """A period from two times as people write them; either may be absent. Raises MalformedRequest."""
    found = Period(0 if start is None else read_time(start), END_OF_TIME if end is None else read_time(end))
    if found.start >= found.end:
        raise MalformedRequest(f"a period from {start} to {end} is empty; `to` is the first time after it")
    return found


def read_time(text: str) -> int:
    """Unix seconds of `2026-01-31`, `2026-01-31T12:00:00Z` or `1769860800`. Raises MalformedRequest.

    A time without a zone is UTC.
    """
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    try:
        when = datetime.fromisoformat(text)
        found = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        found = -1
    if found < 0:
        raise MalformedRequest(
            f"{text[:40]!r} is no time: write 2026-01-31, 2026-01-31T12:00:00Z or unix seconds"
        )
    return found


def written(time: int) -> str:
    """`2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(time: int) -> str:
    """`01/31/2026`, as Form 8949 has it."""
    return datetime.fromtimestamp(time, UTC).strftime("%m/%d/%Y")
