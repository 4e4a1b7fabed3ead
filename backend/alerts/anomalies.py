"""Unusual use of a key, by robust statistics: distance from the median in median absolute deviations. Pure.

Unlike mean and standard deviation they are not moved by the very outliers they look for (Hampel, 1974;
Iglewicz and Hoaglin, 1993). All integers: distances are compared in thousandths.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

HOUR: Final = 3_600
LEAST_HOURS: Final = 24
"""Hours of use a key needs before anything about it is unusual."""
LEAST_CALLS: Final = 20
"""Calls of an hour below which nothing is worth a word."""
_SCALE: Final = 1_483
"""A median absolute deviation times 1.483 is a standard deviation, for normal values; in thousandths."""


class Call(NamedTuple):
    """One answered request of a key."""

    at: int
    tokens: int
    failed: bool


class Hour(NamedTuple):
    """A key's use in one hour since 1970."""

    hour: int
    calls: int
    tokens: int
    failures: int


class Unusual(NamedTuple):
    """What was out of the usual in an hour, and what is usual."""

    measure: str
    value: int
    usual: int


def bursts(times: Sequence[int], least: int) -> list[tuple[int, int]]:
    """(begin, how many) of each hour in which so many things happened; `times` in order, hours apart."""
    found, place = [], 0
    while place + least <= len(times):
        inside = sum(time - times[place] <= HOUR for time in times[place:])
        if inside >= least:
            found.append((times[place], inside))
        place += inside if inside >= least else 1
    return found


def by_hour(calls: Iterable[Call]) -> list[Hour]:
    """Use by the hour, oldest first; hours without a call are left out."""
    found: dict[int, Hour] = {}
    for call in calls:
        hour = call.at // HOUR
        seen = found.get(hour, Hour(hour, 0, 0, 0))
        found[hour] = Hour(hour, seen.calls + 1, seen.tokens + call.tokens, seen.failures + call.failed)
    return [found[hour] for hour in sorted(found)]


def unusual(hours: Sequence[Hour], deviations: int) -> list[Unusual]:
    """What the last hour has that the ones before it have not."""
    if len(hours) <= LEAST_HOURS or hours[-1].calls < LEAST_CALLS:
        return []
    *before, last = hours
    measures = {
        "calls an hour": (last.calls, [hour.calls for hour in before]),
        "tokens an hour": (last.tokens, [hour.tokens for hour in before]),
        "failures an hour": (last.failures, [hour.failures for hour in before]),
    }
    found = [
        Unusual(name, value, median_down(past))
        for name, (value, past) in measures.items()
        if is_outlier(value, past, deviations)
    ]
    return found + _at_an_odd_hour(before, last)


def _at_an_odd_hour(before: Sequence[Hour], last: Hour) -> list[Unusual]:
    """Many calls at an hour of the day when there never was one, though there were days to see it in."""
    times = {hour.hour % 24 for hour in before}
    days = {hour.hour // 24 for hour in before}
    near = {(last.hour + shift) % 24 for shift in (-1, 0, 1)}
    if len(days) < 7 or near & times:
        return []
    return [Unusual("calls at this hour of the day", last.calls, 0)]


def is_outlier(value: int, past: Sequence[int], deviations: int) -> bool:
    """Whether a value is so many deviations above the median of the past.

    Where the past does not vary at all, a tenth of the median (at least one) stands in for the deviation.
    """
    middle = median_down(past)
    spread = median_down([abs(one - middle) for one in past]) * _SCALE
    spread = spread or max(middle * 100, 1_000)
    return (value - middle) * 1_000 > deviations * spread


def median_down(values: Sequence[int]) -> int:
    """The middle of the values, rounded down; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2
