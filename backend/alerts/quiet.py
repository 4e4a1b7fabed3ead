"""Hours without messages, and when to try again. Pure; a day is a UTC day of minutes."""

import re
from typing import Final

from backend.core.errors import MalformedRequest

DAY_MINUTES: Final = 1_440
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_PAUSES: Final = (10, 60, 300, 1_800, 7_200, 21_600, 86_400)
"""Seconds before each further attempt (the schedule Standard Webhooks suggests, shortened)."""


def minutes_of(text: str) -> int:
    """Minutes since midnight of `22:30`. Raises MalformedRequest."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise MalformedRequest(f"{text[:20]!r} is no time of day: write 22:30 (UTC)")
    return int(match[1]) * 60 + int(match[2])


def clock_of(minutes: int) -> str:
    """`22:30`."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def quiet_until(now: int, start: int | None, end: int | None) -> int | None:
    """When the quiet hours that `now` is in are over; None where it is in none. They may pass midnight."""
    if start is None or end is None or start == end:
        return None
    minute = now // 60 % DAY_MINUTES
    since = (minute - start) % DAY_MINUTES
    length = (end - start) % DAY_MINUTES
    if since >= length:
        return None
    return now - now % 60 + (length - since) * 60


def next_attempt(now: int, attempts: int) -> int | None:
    """When to try again after so many failures; None where enough were made."""
    return now + _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else None
