"""What a provider learns of one service: calls, units, money, latency, errors, who came back."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from backend.catalog import analytics_repository as repository
from backend.catalog.analytics_schemas import (
    AnalyticsReply,
    AnalyticsRow,
    By,
    Cohort,
    Outcomes,
    Percentiles,
    PlanSales,
)
from backend.core.clock import Clock
from backend.core.errors import MalformedRequest
from backend.core.units import MICRO, ChainId, ServiceId
from backend.db.session import Store

HOUR: Final = 3_600
DAY: Final = 86_400
WEEK: Final = 7 * DAY
SPANS: Final[Mapping[By, int]] = {"hour": HOUR, "day": DAY, "plan": 2**40}
LONGEST: Final[Mapping[By, int]] = {"hour": 31 * DAY, "day": 366 * DAY, "plan": 366 * DAY}
DEFAULT_SECONDS: Final = 30 * DAY
COHORTS: Final = 12
"""Weeks of first calls that are followed, newest last."""


class Analytics:
    """Sums the usage rows of this gateway's store."""

    def __init__(self, store: Store, chain_id: ChainId, clock: Clock) -> None:
        self._store = store
        self._chain_id = chain_id
        self._clock = clock

    async def of(self, service: ServiceId, start: int | None, end: int | None, by: By) -> AnalyticsReply:
        """A service's figures of a period, by default of the last 30 days. Raises MalformedRequest."""
        last = self._clock.now() + 1 if end is None else end
        first = max(last - DEFAULT_SECONDS, 0) if start is None else start
        if not 0 < last - first <= LONGEST[by]:
            raise MalformedRequest(f"by {by} a period is of 1 second to {LONGEST[by] // DAY} days")
        chain, span = self._chain_id, SPANS[by]
        async with self._store.read_connection() as db:
            plans = {row.plan_id: row for row in await repository.plans(db, chain, service)}
            sums = await repository.by_time(db, chain, service, first, last, span)
            ends = await repository.outcomes(db, chain, service, first, last, span)
            times = await repository.durations(db, chain, service, first, last)
            sold = await repository.sales(db, chain, service, first, last)
            seen = await repository.weeks_of_buyers(db, chain, service, last, WEEK)
        return AnalyticsReply(
            service_id=service,
            start=first,
            end=last,
            by=by,
            rows=rows_of(sums, ends, plans, by),
            latency=percentiles((row.duration_ms, row.calls) for row in times),
            first_byte=percentiles(
                (row.first_byte_ms, row.calls) for row in times if row.first_byte_ms is not None
            ),
            errors=outcomes_of(ends),
            sales=sales_of(sold, plans),
            retention=cohorts_of((bytes(row.payer), row.week) for row in seen),
        )


def rows_of(sums: Sequence[Any], ends: Sequence[Any], plans: Mapping[int, Any], by: By) -> list[AnalyticsRow]:
    """A row a span, or a plan."""
    span = SPANS[by]
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in sums:
        groups[row.plan_id if by == "plan" else row.span].append(row)
    ended: Counter[tuple[int, str]] = Counter()
    for row in ends:
        ended[row.plan_id if by == "plan" else row.span, row.outcome] += row.calls
    return [
        AnalyticsRow(
            start=None if by == "plan" else key * span,
            plan_id=key if by == "plan" else None,
            calls=sum(row.calls for row in group),
            failed=ended[key, "failed"],
            partial=ended[key, "partial"],
            units_in=_sum(row.units_in for row in group),
            units_out=_sum(row.units_out for row in group),
            charged_micro_credits=_sum(row.charged - row.voided for row in group),
            voided_micro_credits=_sum(row.voided for row in group),
            lost_micro_credits=_sum(row.lost for row in group),
            used=used_down(group, plans),
        )
        for key, group in sorted(groups.items())
    ]


def _sum(values: Iterable[int]) -> str:
    return str(int(sum(values)))


def used_down(rows: Iterable[Any], plans: Mapping[int, Any]) -> dict[int, str]:
    """Worth of what is asked for, by currency; each plan's part rounded down."""
    found: Counter[int] = Counter()
    for row in rows:
        if (plan := plans.get(row.plan_id)) is not None:
            found[plan.currency] += int(row.charged - row.voided) * plan.unit_price // MICRO
    return {currency: str(amount) for currency, amount in sorted(found.items())}


def percentiles(counted: Iterable[tuple[int, int]]) -> Percentiles:
    """Nearest-rank percentiles of (milliseconds, how many calls)."""
    merged: Counter[int] = Counter()
    for value, calls in counted:
        merged[value] += calls
    total, ordered = sum(merged.values()), sorted(merged.items())

    def at(part: int) -> int | None:
        rank, passed = -(-total * part // 100), 0
        for value, calls in ordered:
            passed += calls
            if passed >= rank:
                return value
        return None

    return Percentiles(p50=at(50), p90=at(90), p99=at(99))


def outcomes_of(rows: Iterable[Any]) -> list[Outcomes]:
    """Calls by route and outcome, failures by kind."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    faults: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row.route][row.outcome] += row.calls
        if row.fault:
            faults[row.route][row.fault] += row.calls
    return [
        Outcomes(
            route=route,
            completed=ends["completed"],
            partial=ends["partial"],
            failed=ends["failed"],
            faults=dict(sorted(faults[route].items())),
        )
        for route, ends in sorted(found.items())
    ]


def sales_of(rows: Iterable[Any], plans: Mapping[int, Any]) -> list[PlanSales]:
    """Purchases by plan."""
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.plan_id].append(row)
    return [
        PlanSales(
            plan_id=plan_id,
            purchases=len(group),
            units=_sum(row.units for row in group),
            currency=plans[plan_id].currency,
            paid_base_units=_sum(row.cost for row in group),
            buyers=len({bytes(row.payer) for row in group}),
        )
        for plan_id, group in sorted(groups.items())
    ]


def cohorts_of(seen: Iterable[tuple[bytes, int]]) -> list[Cohort]:
    """Who came back, by the week of the first call; (buyer, week since 1970) once each."""
    weeks: dict[bytes, set[int]] = defaultdict(set)
    for buyer, week in seen:
        weeks[buyer].add(week)
    if not weeks:
        return []
    last = max(max(active) for active in weeks.values())
    groups: dict[int, list[set[int]]] = defaultdict(list)
    for active in weeks.values():
        groups[min(active)].append(active)
    return [
        Cohort(
            week=first * WEEK,
            buyers=len(group),
            active=[sum(week in active for active in group) for week in range(first, last + 1)],
        )
        for first, group in sorted(groups.items())
        if first > last - COHORTS
    ]
