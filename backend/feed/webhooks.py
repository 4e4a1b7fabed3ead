"""Webhooks of accounts: made, rotated, removed; what became of each event."""

import secrets
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from backend.core.clock import Clock
from backend.core.errors import AddressBlocked, Conflict, MalformedRequest, NotFound, Unprocessable
from backend.core.units import Address, ChainId, checksum, to_address
from backend.db.session import Store
from backend.feed import repository
from backend.feed.schemas import (
    DeliveryReply,
    EndpointReply,
    EndpointRequest,
    Finality,
    NewEndpointReply,
)
from backend.net.guard import NetworkPolicy, check_url
from backend.signing.webhooks import make_secret

MOST_ENDPOINTS: Final = 10


class Sealer(Protocol):
    """Keeps secrets at rest."""

    def seal(self, secret: str, place: str) -> bytes:
        """Encrypt for one place."""
        ...

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what was sealed for this place."""
        ...

    def resealed(self, sealed: bytes, place: str) -> bytes:
        """The same, sealed by the newest key."""
        ...


def place_of(endpoint_id: str) -> str:
    """What an endpoint's secret is bound to."""
    return f"webhook {endpoint_id}"


class Webhooks:
    """The webhooks of every account. `policy` says which addresses may be sent to."""

    def __init__(
        self, store: Store, clock: Clock, chain_id: ChainId, sealer: Sealer, policy: NetworkPolicy
    ) -> None:
        self._store = store
        self._clock = clock
        self._chain_id = chain_id
        self._sealer = sealer
        self._policy = policy

    async def add(self, account: Address, wanted: EndpointRequest) -> NewEndpointReply:
        """Send events from now on. Raises Unprocessable (the address), MalformedRequest, Conflict."""
        self._check(wanted.url)
        endpoint_id, secret = "whk_" + secrets.token_hex(8), make_secret()
        async with self._store.write_connection() as db:
            if len(await repository.endpoints_of(db, self._chain_id, account)) >= MOST_ENDPOINTS:
                raise Conflict(f"an account has at most {MOST_ENDPOINTS} webhooks; remove one")
            row = {
                "endpoint_id": endpoint_id,
                "chain_id": self._chain_id,
                "account": account,
                "url": wanted.url,
                "finality": wanted.finality.value,
                "service_id": wanted.service_id,
                "about": None if wanted.account is None else to_address(wanted.account),
                "cursor": await repository.newest_event(db, self._chain_id),
                "secret": self._sealer.seal(secret, place_of(endpoint_id)),
                "created_at": self._clock.now(),
            }
            await repository.add_endpoint(db, row)
        return NewEndpointReply(secret=secret, **_fields({**row, "disabled_at": None}))

    async def all_of(self, account: Address) -> list[EndpointReply]:
        """The account's webhooks."""
        async with self._store.read_connection() as db:
            rows = await repository.endpoints_of(db, self._chain_id, account)
        return [EndpointReply(**_fields(row._mapping)) for row in rows]

    async def rotate(self, account: Address, endpoint_id: str, overlap: int) -> NewEndpointReply:
        """Give a webhook a new secret; both sign for `overlap` seconds. Also wakes one that was disabled.

        Raises NotFound.
        """
        secret = make_secret()
        async with self._store.write_connection() as db:
            row = await self._own(db, account, endpoint_id)
            values = {
                "secret": self._sealer.seal(secret, place_of(endpoint_id)),
                "earlier_secret": row.secret,
                "earlier_until": self._clock.now() + overlap,
                "disabled_at": None,
            }
            await repository.change_endpoint(db, endpoint_id, values)
        return NewEndpointReply(secret=secret, **_fields({**row._mapping, "disabled_at": None}))

    async def remove(self, account: Address, endpoint_id: str) -> None:
        """Send nothing more. Raises NotFound."""
        async with self._store.write_connection() as db:
            await self._own(db, account, endpoint_id)
            await repository.remove_endpoint(db, endpoint_id)

    async def reseal(self) -> int:
        """Seal again what an earlier key sealed, of every account; returns how many webhooks changed."""
        async with self._store.write_connection() as db:
            return await self.reseal_in(db)

    async def reseal_in(self, db: AsyncConnection) -> int:
        """The same, in a transaction of the caller's."""
        return sum([await self._resealed(db, row) for row in await repository.all_endpoints(db)])

    async def _resealed(self, db: AsyncConnection, row: Any) -> bool:
        kept = {"secret": bytes(row.secret)}
        if row.earlier_secret is not None:
            kept["earlier_secret"] = bytes(row.earlier_secret)
        place = place_of(row.endpoint_id)
        anew = {name: self._sealer.resealed(sealed, place) for name, sealed in kept.items()}
        if anew != kept:
            await repository.change_endpoint(db, row.endpoint_id, anew)
        return anew != kept

    async def deliveries(
        self, account: Address, endpoint_id: str, state: str | None, before: int | None, limit: int
    ) -> list[DeliveryReply]:
        """What became of the events, newest first. Raises NotFound."""
        async with self._store.read_connection() as db:
            await self._own(db, account, endpoint_id)
            rows = await repository.deliveries_of(db, endpoint_id, state, before, limit)
        return [_delivery(row) for row in rows]

    async def retry_dead(self, account: Address, endpoint_id: str) -> int:
        """Try the dead letters again; how many there were. Raises NotFound."""
        async with self._store.write_connection() as db:
            await self._own(db, account, endpoint_id)
            return await repository.revive(db, endpoint_id, self._clock.now())

    async def _own(self, db: AsyncConnection, account: Address, endpoint_id: str) -> Any:
        row = await repository.endpoint(db, endpoint_id)
        if row is None or bytes(row.account) != account or row.chain_id != self._chain_id:
            raise NotFound("you have no such webhook")
        return row

    def _check(self, url: str) -> None:
        try:
            check_url(URL(url), self._policy)
        except ValueError:
            raise MalformedRequest("the webhook's address is no URL") from None
        except AddressBlocked as error:
            raise Unprocessable(f"webhooks are not sent there: {error.message}", problems=["url"]) from None


def _fields(row: Any) -> dict[str, Any]:
    return {
        "id": row["endpoint_id"],
        "url": row["url"],
        "finality": Finality(row["finality"]),
        "service_id": row["service_id"],
        "account": None if row["about"] is None else checksum(Address(bytes(row["about"]))),
        "created_at": row["created_at"],
        "disabled": row["disabled_at"] is not None,
    }


def _delivery(row: Any) -> DeliveryReply:
    return DeliveryReply(
        id=row.id,
        message_id=row.message_id,
        event_id=row.outbox_id,
        state=row.state,
        attempts=row.attempts,
        next_at=row.next_at,
        last_status=row.last_status,
        delivered_at=row.delivered_at,
    )
