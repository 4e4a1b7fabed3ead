"""Apps that wallets may let in: registered by a signed-in account, listed, removed."""

import secrets
from typing import Any, Final

from backend.accounts.oauth import repository
from backend.accounts.oauth.schemas import AppReply, AppRequest, GrantReply
from backend.accounts.principal import Principal, Scope
from backend.accounts.repository import add_audit
from backend.accounts.service import audit_row
from backend.core.clock import Clock
from backend.core.errors import Conflict, NotFound
from backend.core.units import Address, checksum
from backend.db.session import Store

APPS_LIMIT: Final = 50
"""Apps of one account."""


class AppService:
    """What an account does with apps: its own, and those it let in."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def register(self, principal: Principal, wanted: AppRequest, client: str) -> AppReply:
        """Register a public client. Raises ScopeMissing and Conflict (too many apps)."""
        principal.require_scope(Scope.KEYS)
        now = self._clock.now()
        row = {
            "client_id": "app_" + secrets.token_hex(12),
            "chain_id": principal.chain_id,
            "account": principal.address,
            "name": wanted.client_name,
            "uri": wanted.client_uri,
            "redirect_uris": wanted.redirect_uris,
            "scopes": wanted.scope.split(),
            "created_at": now,
        }
        async with self._store.write_connection() as db:
            if len(await repository.apps_of(db, principal.chain_id, principal.address)) >= APPS_LIMIT:
                raise Conflict(f"{APPS_LIMIT} apps are registered; remove some first")
            await repository.add_app(db, row)
            await self._note(db, principal, "app.registered", str(row["client_id"]), client)
        return app_reply(row)

    async def one(self, client_id: str) -> AppReply:
        """An app, for anybody. Raises NotFound."""
        async with self._store.read_connection() as db:
            row = await repository.app_of(db, client_id)
        if row is None:
            raise NotFound(f"there is no app {client_id[:40]} here")
        return app_reply(row._mapping)

    async def all_of(self, principal: Principal) -> list[AppReply]:
        """Apps this account registered."""
        principal.require_scope(Scope.KEYS)
        async with self._store.read_connection() as db:
            rows = await repository.apps_of(db, principal.chain_id, principal.address)
        return [app_reply(row._mapping) for row in rows]

    async def remove(self, principal: Principal, client_id: str, client: str) -> None:
        """Remove an app of one's own; what wallets let it do ends with it. Raises NotFound."""
        principal.require_scope(Scope.KEYS)
        now, mine = self._clock.now(), (principal.chain_id, principal.address)
        async with self._store.write_connection() as db:
            if not await repository.remove_app(db, *mine, client_id, now):
                raise NotFound(f"you registered no app {client_id[:40]}; GET /v1/oauth/apps lists yours")
            await self._note(db, principal, "app.removed", client_id, client)
            await self._store.announce(db)

    async def grants(self, principal: Principal) -> list[GrantReply]:
        """What this account let apps do, also what is over."""
        principal.require_scope(Scope.KEYS)
        async with self._store.read_connection() as db:
            rows = await repository.grants_of(db, principal.chain_id, principal.address)
        return [_grant_reply(row._mapping) for row in rows]

    async def revoke(self, principal: Principal, grant_id: str | None, client: str) -> int:
        """Take back what an app was let do, or all of it where none is named; returns how many.

        Raises NotFound for one that is not there.
        """
        principal.require_scope(Scope.KEYS)
        now, mine = self._clock.now(), (principal.chain_id, principal.address)
        async with self._store.write_connection() as db:
            known = {row.grant_id for row in await repository.grants_of(db, *mine)}
            if grant_id is not None and grant_id not in known:
                raise NotFound(f"you gave no grant {grant_id[:40]}; GET /v1/oauth/grants lists yours")
            count = await repository.revoke_grants(db, *mine, grant_id, now)
            await self._note(db, principal, "app.revoked", grant_id or "all", client, count=count)
            await self._store.announce(db)
        return count

    async def _note(
        self, db: Any, principal: Principal, action: str, subject: str, client: str, **details: Any
    ) -> None:
        await add_audit(db, audit_row(principal, action, subject, client, self._clock.now(), **details))


def app_reply(row: Any) -> AppReply:
    """An app as it is shown."""
    return AppReply(
        client_id=row["client_id"],
        client_id_issued_at=row["created_at"],
        client_name=row["name"],
        client_uri=row["uri"],
        redirect_uris=row["redirect_uris"],
        scope=" ".join(row["scopes"]),
        registered_by=checksum(Address(row["account"])),
    )


def _grant_reply(row: Any) -> GrantReply:
    names = set(GrantReply.model_fields) - {"id"}
    return GrantReply(id=row["grant_id"], **{name: row[name] for name in names})
