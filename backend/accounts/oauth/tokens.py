"""Codes and devices turned into tokens, tokens into newer ones, and into the caller they stand for."""

import secrets
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.accounts.key_format import hash_of
from backend.accounts.oauth import protocol, repository
from backend.accounts.oauth.consent import spelled
from backend.accounts.oauth.protocol import (
    ACCESS_SECONDS,
    REFRESH_SECONDS,
    Facts,
    Params,
)
from backend.accounts.oauth.schemas import DEVICE_GRANT, OAuthAnswer
from backend.accounts.principal import Principal, Scope
from backend.accounts.repository import add_audit
from backend.accounts.service import audit_row
from backend.core.clock import Clock
from backend.core.errors import InvalidCredential
from backend.core.units import Address, ChainId, MicroCredits, ServiceId
from backend.db.session import Store

DEVICE_SECONDS: Final = 600
USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no word comes out, and nothing that looks like something else (RFC 8628, 6.1)."""
USER_CODE_LENGTH: Final = 8


class TokenService:
    """The token, revocation and device endpoints. `issuer` is our URL."""

    def __init__(self, store: Store, clock: Clock, issuer: str) -> None:
        self._store = store
        self._clock = clock
        self._issuer = issuer

    async def exchange(self, body: str, client: str) -> OAuthAnswer:
        """Answer the token endpoint.

        A code is spent by being presented, before anything else is looked at; a refresh token by being
        exchanged. One that comes a second time was stolen from somebody: everything of its grant ends.
        """
        form, now = Params(body), self._clock.now()
        async with self._store.write_connection() as db:
            facts = await self._facts(db, form, now)
            await self._spend(db, facts, client)
            answer, issued = protocol.exchange(facts, form, self._issuer)
            if issued is not None:
                await self._keep(db, facts, issued)
                await self._note(db, _source(facts), "app.token-issued", client)
        return answer

    async def revoke(self, body: str, client: str) -> OAuthAnswer:
        """Answer the revocation endpoint (RFC 7009): a refresh token takes its whole grant along."""
        said, now = Params(body).data, self._clock.now()
        if not said.get("token") or not said.get("client_id"):
            return _refused("invalid_request", "token and client_id are needed")
        async with self._store.write_connection() as db:
            if await repository.app_of(db, said["client_id"]) is None:
                return _refused("invalid_client", "there is no such app here")
            row = await repository.token_by_hash(db, hash_of(said["token"]))
            if row is not None and row.client_id != said["client_id"]:
                return _refused("invalid_grant", "the token is another app's")
            if row is not None and row.used_at is None and row.revoked_at is None:
                await repository.use_token(db, row.token_hash, now)
                if row.kind == "refresh":
                    await repository.end_grant(db, row.grant_id, now)
                await self._note(db, row, "app.token-revoked", client)
                await self._store.announce(db)
        return OAuthAnswer(200, {}, {})

    async def device(self, body: str) -> OAuthAnswer:
        """Answer the device endpoint (RFC 8628): a code for the screen, and one to ask with."""
        said, now = Params(body).data, self._clock.now()
        device_code = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_LENGTH))
        async with self._store.write_connection() as db:
            row = await repository.app_of(db, said.get("client_id", ""))
            if row is None:
                return _refused("invalid_client", "there is no such app here")
            scope = protocol.App(row).get_allowed_scope(said.get("scope"))
            if scope is None:
                return _refused("invalid_scope", "name scopes the app has registered")
            waiting = {
                "device_hash": hash_of(device_code),
                "user_hash": hash_of(spelled(letters)),
                "client_id": row.client_id,
                "scopes": scope.split(),
                "expires_at": now + DEVICE_SECONDS,
            }
            await repository.add_device(db, waiting)
        user_code = f"{letters[:4]}-{letters[4:]}"
        page = f"{self._issuer}/device"
        told = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "expires_in": DEVICE_SECONDS,
            "interval": protocol.POLL_SECONDS,
        }
        return OAuthAnswer(200, told, {})

    async def find(self, token: str) -> Principal:
        """Whom an access token stands for, and as far as which scopes. Raises InvalidCredential."""
        now = self._clock.now()
        async with self._store.lookup() as db:
            row = await repository.find_token(db, hash_of(token))
        dead = row is None or row.kind != "access" or row.used_at is not None or row.revoked_at is not None
        if row is None or dead or now >= min(row.expires_at, row.grant_ends):
            raise InvalidCredential(
                "the app's token is over or was revoked; refresh it, or ask for consent again"
            )
        return Principal(
            **_owner(row),
            scopes=frozenset(Scope(scope) for scope in row.scopes),
            services=frozenset(ServiceId(service) for service in row.services),
            daily_cap=None if row.daily_cap is None else MicroCredits(row.daily_cap),
        )

    async def forget_expired(self) -> int:
        """Delete codes, tokens and devices that have been over for a day; returns how many."""
        async with self._store.write_connection() as db:
            return await repository.forget(db, self._clock.now() - 86_400)

    async def _facts(self, db: AsyncConnection, form: Params, now: int) -> Facts:
        """The app, and the one credential that the kind of grant is about."""
        said = form.data
        app = await repository.app_of(db, said.get("client_id", ""))
        kind, told = said.get("grant_type"), {name: hash_of(value) for name, value in said.items()}
        if kind == "authorization_code" and "code" in told:
            return Facts(now, app, code=await repository.code_by_hash(db, told["code"]))
        if kind == "refresh_token" and kind in told:
            return Facts(now, app, refresh=await repository.token_by_hash(db, told[kind]))
        if kind == DEVICE_GRANT and "device_code" in told:
            device = await repository.device_by_hash(db, told["device_code"])
            if device is None or device.grant_id is None:
                return Facts(now, app, device=device)
            return Facts(now, app, device=device, device_grant=await repository.grant_of(db, device.grant_id))
        return Facts(now, app)

    async def _spend(self, db: AsyncConnection, facts: Facts, client: str) -> None:
        row = facts.code or facts.refresh
        if row is not None and row.used_at is not None and row.revoked_at is None:
            await repository.end_grant(db, row.grant_id, facts.now)
            await self._note(db, row, "app.replayed", client)
            await self._store.announce(db)
        elif facts.code is not None:
            await repository.use_code(db, facts.code.code_hash, facts.now)
        if facts.device is not None:
            await repository.set_device(db, facts.device.device_hash, polled_at=facts.now)

    async def _keep(self, db: AsyncConnection, facts: Facts, issued: dict[str, Any]) -> None:
        source = _source(facts)
        if facts.refresh is not None:
            await repository.use_token(db, facts.refresh.token_hash, facts.now)
        if facts.device is not None:
            await repository.set_device(db, facts.device.device_hash, redeemed_at=facts.now)
        both = (("access", ACCESS_SECONDS), ("refresh", REFRESH_SECONDS))
        for kind, seconds in both:
            row = {
                "token_hash": hash_of(issued[f"{kind}_token"]),
                "grant_id": source.grant_id,
                "kind": kind,
                "scopes": issued["scope"].split(),
                "created_at": facts.now,
                "expires_at": facts.now + seconds,
            }
            await repository.add_token(db, row)

    async def _note(self, db: AsyncConnection, row: Any, action: str, client: str) -> None:
        owner = Principal(**_owner(row))
        await add_audit(
            db, audit_row(owner, action, row.grant_id, client, self._clock.now(), app=row.client_id)
        )


def _owner(row: Any) -> dict[str, Any]:
    return {
        "chain_id": ChainId(row.chain_id),
        "address": Address(row.account),
        "credential": "app",
        "credential_id": row.grant_id,
    }


def _source(facts: Facts) -> Any:
    """The row that what was issued came from."""
    return facts.code or facts.refresh or facts.device_grant


def _refused(error: str, text: str) -> OAuthAnswer:
    return OAuthAnswer(400, {"error": error, "error_description": text}, {})
