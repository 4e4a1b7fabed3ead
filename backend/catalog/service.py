"""What is on sale: look-ups of services and plans, search, statistics. Reads only."""

from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog import (
    analytics_repository,
    measured_repository,
    ratings_repository,
    repository,
    usage_repository,
)
from backend.catalog.analytics import HOUR, percentiles
from backend.catalog.disputes import disputes_reply
from backend.catalog.names import ById, read_name
from backend.catalog.paging import read_cursor, write_cursor
from backend.catalog.replies import (
    activity_reply,
    add_ratings,
    listed_of,
    listing_reply,
    measured_reply,
    plan_reply,
    service_reply,
)
from backend.catalog.reviews import reviews_reply
from backend.catalog.schemas import (
    ActivityPage,
    DisputesReply,
    ListedService,
    ListingPage,
    PlanReply,
    ReviewsReply,
    Search,
    ServicePage,
    ServiceReply,
    ServiceStats,
)
from backend.core.clock import Clock
from backend.core.errors import ModelNotFound, NotFound
from backend.core.lookups import SharedLookups
from backend.core.units import Address, ChainId, ServiceId, checksum, to_hash
from backend.db.session import Store

REMEMBERED: Final = 10_000
STATS_SECONDS: Final = 30 * 86_400
MOST: Final = 2**62
"""Later than any row."""
MOST_REVIEWS: Final = 100
"""How many are shown; all are counted."""


class Catalog:
    """Services of one chain as this gateway (`meter`) sees them. `aliases` are the operator's own short
    names.
    """

    def __init__(
        self,
        store: Store,
        chain_id: ChainId,
        meter: Address,
        clock: Clock,
        aliases: dict[str, ServiceId] | None = None,
    ) -> None:
        self._store = store
        self._chain_id = chain_id
        self._meter = meter
        self._clock = clock
        self._aliases = dict(aliases or {})
        self._resolved: dict[str, ListedService] = {}
        self._lookups: SharedLookups[str, ListedService] = SharedLookups()

    def forget(self) -> None:
        """Trust nothing remembered, nor what is being read: the index or a document has moved."""
        self._resolved = {}
        self._lookups.forget()

    async def resolve(self, model: str) -> ListedService:
        """The service a model's name means and this gateway serves. Raises ModelNotFound."""
        known = self._resolved.get(model)
        return known or await self._lookups.get(model, partial(self._look_up, model))

    async def _look_up(self, model: str) -> ListedService:
        remembered = self._resolved
        found = await self._find(model)
        if found.meter != self._meter:
            where = found.document.get("gateway")
            told = f"; call it at {where}" if where else ""
            raise ModelNotFound(f"model {model} is not served by this gateway{told}", gateway=where)
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        remembered[model] = found
        return found

    async def service(self, service_id: ServiceId) -> ServiceReply:
        """A service in full. Raises NotFound."""
        async with self._store.read_connection() as db:
            row = await self._row(db, service_id)
            plans = await repository.plans(db, self._chain_id, [service_id])
            measured = await self._measured(db, [service_id])
            rated = await ratings_repository.ratings(db, self._chain_id, [service_id])
        reply = service_reply(listed_of(row), self._chain_id, self._meter)
        reply.metadata, reply.bond = listed_of(row).document or None, str(row.bond)
        reply.unbonding, reply.unbond_requested_at = str(row.unbonding), row.unbond_requested_at
        reply.open_disputes = row.open_disputes
        reply.plans = [plan_reply(plan) for plan in plans]
        reply.measured = [measured_reply(row) for row in measured]
        add_ratings(reply, rated.get(service_id))
        return reply

    async def listed(self, service_id: ServiceId) -> ListedService:
        """A service with its document. Raises NotFound."""
        async with self._store.read_connection() as db:
            return listed_of(await self._row(db, service_id))

    async def plans(self, service_id: ServiceId) -> list[PlanReply]:
        """The plans of a service. Raises NotFound."""
        return (await self.service(service_id)).plans

    async def search(self, wanted: Search) -> ServicePage:
        """A page of services. Raises MalformedRequest for a cursor that is none."""
        after = None if wanted.cursor is None else read_cursor(wanted.cursor, wanted.sort)
        async with self._store.read_connection() as db:
            rows = await repository.search(
                db, self._chain_id, wanted, after, self._clock.now(), self._since()
            )
            shown = rows[: wanted.limit]
            ids = [row.service_id for row in shown]
            plans = await repository.plans(db, self._chain_id, ids)
            measured = await self._measured(db, ids)
            rated = await ratings_repository.ratings(db, self._chain_id, ids)
        services = [service_reply(listed_of(row), self._chain_id, self._meter) for row in shown]
        for reply in services:
            reply.plans = [plan_reply(plan) for plan in plans if plan.service_id == reply.id]
            reply.measured = [measured_reply(row) for row in measured if row.service_id == reply.id]
            add_ratings(reply, rated.get(reply.id))
        last = (shown[-1].key, shown[-1].service_id) if len(rows) > len(shown) else None
        more = None if last is None else write_cursor(wanted.sort, last)
        return ServicePage(services=services, next=more)

    async def usable(self, holder: Address) -> list[ListedService]:
        """Services served here that a wallet may use now."""
        async with self._store.read_connection() as db:
            rows = await repository.services_of_holder(db, self._chain_id, holder, self._clock.now())
        return [listed_of(row) for row in rows if bytes(row.meter) == self._meter]

    async def served(self) -> list[ListedService]:
        """Everything on sale here."""
        found: list[ListedService] = []
        async with self._store.read_connection() as db:
            wanted = Search(meter=self._meter, on_sale=True, limit=1_000)
            rows = await repository.search(db, self._chain_id, wanted, None, self._clock.now())
            found += [listed_of(row) for row in rows]
        return found[: wanted.limit]

    async def unsettled(self) -> int:
        """Micro-credits served here and not settled on chain yet."""
        async with self._store.read_connection() as db:
            return await repository.unsettled(db, self._chain_id)

    async def voided(self) -> int:
        """Micro-credits served here against deposits that forks took back."""
        async with self._store.read_connection() as db:
            return await usage_repository.voided(db, self._chain_id)

    async def stats(self, service_id: ServiceId) -> ServiceStats:
        """What was measured in the last 30 days. Raises NotFound."""
        since = self._since()
        async with self._store.read_connection() as db:
            await self._row(db, service_id)
            seen = await repository.measured(db, self._chain_id, service_id, since)
            units, holders = await repository.sold(db, self._chain_id, service_id)
            measured = await self._measured(db, [service_id])
            times = await analytics_repository.durations(db, self._chain_id, service_id, since, MOST)
            hours = await analytics_repository.outcomes(db, self._chain_id, service_id, since, MOST, HOUR)
        first = percentiles((row.first_byte_ms, row.calls) for row in times if row.first_byte_ms is not None)
        whole = percentiles((row.duration_ms, row.calls) for row in times)
        return ServiceStats(
            service_id=service_id,
            measured_by=checksum(self._meter),
            since=since,
            requests=seen.requests,
            failed=seen.failed,
            units_in=int(seen.units_in),
            units_out=int(seen.units_out),
            mean_duration_ms=None if seen.duration_ms is None else round(seen.duration_ms),
            mean_first_byte_ms=None if seen.first_byte_ms is None else round(seen.first_byte_ms),
            p50_first_byte_ms=first.p50,
            p90_first_byte_ms=first.p90,
            p50_duration_ms=whole.p50,
            p90_duration_ms=whole.p90,
            hours_called=len({row.span for row in hours}),
            hours_answered=len({row.span for row in hours if row.outcome != "failed"}),
            payers=seen.payers,
            units_sold=str(units),
            holders=holders,
            measured=[measured_reply(row) for row in measured],
        )

    async def activity(
        self, before: int | None, limit: int, service_id: int | None, account: Address | None
    ) -> ActivityPage:
        """Events of the contracts, newest first."""
        async with self._store.read_connection() as db:
            rows = await repository.activity(db, self._chain_id, before, limit, service_id, account)
        return ActivityPage(
            events=[activity_reply(row) for row in rows], next=rows[-1].id if len(rows) == limit else None
        )

    async def reviews(self, service_id: ServiceId) -> ReviewsReply:
        """What those say who paid and used it. Raises NotFound."""
        async with self._store.read_connection() as db:
            await self._row(db, service_id)
            found = reviews_reply(
                service_id, await repository.reviews(db, self._chain_id, service_id), MOST_REVIEWS
            )
            hashes = {to_hash(one.content_hash) for one in found.reviews}
            words = await repository.review_words(db, hashes)
        for one in found.reviews:
            one.text = words.get(to_hash(one.content_hash))
        return found

    async def disputes(self, service_id: ServiceId) -> DisputesReply:
        """Claims against the service's bond, ended ones too. Raises NotFound."""
        async with self._store.read_connection() as db:
            await self._row(db, service_id)
            rows = await repository.disputes(db, self._chain_id, service_id)
        return disputes_reply(service_id, rows)

    async def listings(self, access_token: Address, limit: int) -> ListingPage:
        """Offers of the market that can be filled now."""
        async with self._store.read_connection() as db:
            rows = await repository.listings(db, self._chain_id, access_token, self._clock.now(), limit)
        return ListingPage(listings=[listing_reply(row) for row in rows])

    def _since(self) -> int:
        """The oldest time that statistics look back to."""
        return self._clock.now() - STATS_SECONDS

    async def _measured(self, db: AsyncConnection, service_ids: list[int]) -> list[Any]:
        return await measured_repository.measured(db, self._chain_id, service_ids, self._since())

    async def _find(self, model: str) -> ListedService:
        name = read_name(model, self._chain_id, self._aliases)
        async with self._store.read_connection() as db:
            if isinstance(name, ById):
                row = await repository.service(db, self._chain_id, name.service_id)
            else:
                row = await repository.service_by_slug(db, self._chain_id, name.owner, name.slug)
        if row is None:
            raise ModelNotFound(f"there is no model {model[:100]!r}; see GET /v1/models?all=1")
        return listed_of(row)

    async def _row(self, db: AsyncConnection, service_id: ServiceId) -> Any:
        row = await repository.service(db, self._chain_id, service_id)
        if row is None:
            raise NotFound(f"there is no service {service_id} on chain {self._chain_id}")
        return row
