"""Upstreams of services: what providers bind, and the live members that the router picks from."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.clock import Clock
from backend.core.errors import EmporionError, MissingDependency, Unprocessable
from backend.core.logs import get_logger
from backend.core.lookups import SharedLookups
from backend.db.session import Store
from backend.db.tables.inference import BoundUpstream
from backend.inference import repository
from backend.inference.router import Member, Router
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind, UpstreamShown
from backend.inference.secrets import SecretBox, place_of
from backend.inference.upstream import Upstream
from backend.inference.upstreams import (
    ENDPOINT,
    OPENAI_PATHS,
    EmbeddedUpstream,
    Engine,
    OpenAiUpstream,
    PlainUpstream,
)
from backend.net.client import HttpClient, Timeouts
from backend.net.target import Target

FRESH_SECONDS: Final = 5.0
"""How long a service's members are used before the table is read again: another replica may have changed
it.
"""
PROBE_SECONDS: Final = 10.0
LEAST_TOTAL: Final = 600.0
"""Seconds for a whole answer, streams too, however short the allowed silence."""


@dataclass(slots=True)
class _Loaded:
    members: list[Member]
    rows: dict[str, BoundUpstream]
    until: float


class Upstreams:
    """The upstreams of every service, as this process uses them."""

    def __init__(
        self, store: Store, http: HttpClient, box: SecretBox, clock: Clock, engine: Engine | None = None
    ) -> None:
        self._store = store
        self._http = http
        self._box = box
        self._clock = clock
        self._engine = engine
        self._loaded: dict[ServiceKey, _Loaded] = {}
        self._lookups: SharedLookups[ServiceKey, _Loaded] = SharedLookups()
        self._log = get_logger("inference")

    async def members(self, service: ServiceKey) -> Sequence[Member]:
        """The service's live upstreams; empty when none is bound."""
        loaded = self._loaded.get(service)
        if loaded is None or self._clock.monotonic() >= loaded.until:
            loaded = await self._lookups.get(service, partial(self._load, service))
        return loaded.members

    async def put(self, service: ServiceKey, wanted: Sequence[UpstreamDefinition]) -> list[UpstreamShown]:
        """Let these be the service's upstreams. The caller has checked that it is the service's provider.

        Raises AddressBlocked for an address that may not be used, Unprocessable for a kind not served here.
        """
        for definition in wanted:
            self._check(definition)
        async with self._store.write() as session:
            before = await repository.of_service(session, service)
            rows = [self._row(service, definition, before) for definition in wanted]
            await repository.replace(session, service, rows)
        self.forget(service)
        return await self.shown(service)

    async def shown(self, service: ServiceKey) -> list[UpstreamShown]:
        """The service's upstreams for its provider's eyes."""
        self.forget(service)
        loaded = await self._load(service)
        health = {member.upstream.name: member.healthy for member in loaded.members}
        return [_shown(row, health.get(row.upstream_id, False)) for row in loaded.rows.values()]

    def forget(self, service: ServiceKey) -> None:
        """Read the table at the next request; what is known of each upstream's health stays."""
        self._lookups.forget()
        if service in self._loaded:
            self._loaded[service].until = 0.0

    def health(self) -> dict[ServiceKey, tuple[int, int]]:
        """Of each service in use: how many of its upstreams are well as last seen, and how many it has."""
        now = self._clock.monotonic()
        return {
            service: (
                sum(member.healthy and member.breaker.admits(now) for member in loaded.members),
                len(loaded.rows),
            )
            for service, loaded in self._loaded.items()
        }

    async def has_only_a_dead_engine(self) -> bool:
        """Whether the embedded model is down and no service in use has another upstream."""
        members = [member for loaded in self._loaded.values() for member in loaded.members]
        if self._engine is None or any(not isinstance(one.upstream, EmbeddedUpstream) for one in members):
            return False
        return not await self._engine.healthy()

    async def reseal(self) -> int:
        """Seal again what an earlier master sealed; returns how many. Idempotent."""
        async with self._store.write() as session:
            return await self.reseal_in(session)

    async def reseal_in(self, session: AsyncSession) -> int:
        """The same, in a transaction of the caller's."""
        return sum([self._resealed(row) for row in await repository.with_secrets(session)])

    async def watch(self, router: Router) -> None:
        """Probe the upstreams in use, for ever; a task of the composition root."""
        while True:
            await self._clock.sleep(PROBE_SECONDS)
            await asyncio.gather(*(router.probe(loaded.members) for loaded in list(self._loaded.values())))

    async def _load(self, service: ServiceKey) -> _Loaded:
        async with self._store.read() as session:
            rows = {row.upstream_id: row for row in await repository.of_service(session, service)}
        known = self._loaded.get(service)
        members = [self._member(row, known) for row in rows.values()]
        until = self._clock.monotonic() + FRESH_SECONDS
        loaded = _Loaded([member for member in members if member is not None], rows, until)
        self._loaded[service] = loaded
        return loaded

    def _member(self, row: BoundUpstream, known: _Loaded | None) -> Member | None:
        """The member for a row: the one we have if the row is unchanged; None, and logged, if unusable."""
        old = known.rows.get(row.upstream_id) if known is not None else None
        if known is not None and old is not None and old.model_dump() == row.model_dump():
            for member in known.members:
                if member.upstream.name == row.upstream_id:
                    return member
        try:
            return Member(self._upstream(row), row.weight)
        except EmporionError as error:
            self._log.error("inference.upstream.unusable", upstream=row.upstream_id, code=error.code)
            return None

    def _upstream(self, row: BoundUpstream) -> Upstream:
        timeouts = Timeouts(read=row.timeout_seconds, total=max(LEAST_TOTAL, 2 * row.timeout_seconds))
        if row.kind == UpstreamKind.EMBEDDED:
            if self._engine is None:
                raise MissingDependency("this gateway has no embedded model")
            return EmbeddedUpstream(row.upstream_id, self._engine, timeouts)
        if row.kind == UpstreamKind.HTTP:
            return PlainUpstream(row.upstream_id, self._http, row.url, self._secret(row), timeouts)
        return OpenAiUpstream(row.upstream_id, row.model, self._http, row.url, self._secret(row), timeouts)

    def _check(self, definition: UpstreamDefinition) -> None:
        if definition.kind is UpstreamKind.EMBEDDED and self._engine is None:
            raise Unprocessable("this gateway has no embedded model: bind an `openai` or `http` upstream")
        _target(definition.kind, definition.url, self._http)

    def _row(
        self, service: ServiceKey, wanted: UpstreamDefinition, before: Sequence[BoundUpstream]
    ) -> BoundUpstream:
        target = _target(wanted.kind, wanted.url, self._http)
        row = BoundUpstream(
            upstream_id="up_" + secrets.token_hex(8),
            chain_id=service.chain_id,
            service_id=service.service_id,
            kind=wanted.kind.value,
            url=wanted.url,
            model=wanted.model,
            weight=wanted.weight,
            timeout_seconds=wanted.timeout_seconds,
            secret_origin=target.origin if target is not None else "",
            updated_at=self._clock.now(),
        )
        secret = wanted.secret.get_secret_value() if wanted.secret else self._kept(row.secret_origin, before)
        row.secret = self._box.seal(secret, _place(row)) if secret and row.secret_origin else None
        return row

    def _kept(self, origin: str, before: Sequence[BoundUpstream]) -> str | None:
        """The secret given earlier for this very origin, never another's."""
        same = (row for row in before if row.secret is not None and row.secret_origin == origin)
        return next((self._secret(row) for row in same), None)

    def _secret(self, row: BoundUpstream) -> str | None:
        return None if row.secret is None else self._box.open(row.secret, _place(row))

    def _resealed(self, row: BoundUpstream) -> bool:
        before = row.secret
        row.secret = before and self._box.resealed(before, _place(row))
        return row.secret != before


def _target(kind: UpstreamKind, url: str, http: HttpClient) -> Target | None:
    """Check an address as the upstream itself will. Raises AddressBlocked."""
    if kind is UpstreamKind.EMBEDDED:
        return None
    return Target.at(url, OPENAI_PATHS if kind is UpstreamKind.OPENAI else frozenset({ENDPOINT}), http.policy)


def _place(row: BoundUpstream) -> str:
    return place_of(row.upstream_id, row.secret_origin)


def _shown(row: BoundUpstream, healthy: bool) -> UpstreamShown:
    return UpstreamShown(
        id=row.upstream_id,
        kind=UpstreamKind(row.kind),
        url=row.url,
        model=row.model,
        weight=row.weight,
        timeout_seconds=row.timeout_seconds,
        has_secret=row.secret is not None,
        healthy=healthy,
    )
