"""Keys of an account: made, listed, rotated, revoked. Each act leaves a line in the audit trail."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.accounts import repository
from backend.accounts.key_format import Network, hash_of, make_key
from backend.accounts.principal import Principal, Scope, network_of
from backend.accounts.schemas import AuditReply, KeyChange, KeyDay, KeyReply, KeyRequest, NewKeyReply
from backend.accounts.widening import widening
from backend.core.clock import Clock
from backend.core.errors import Conflict, InvalidCredential, MalformedRequest, NotFound
from backend.core.units import Address, ChainId, MicroCredits, ServiceId, UnixTime
from backend.db.session import Store

SECONDS_A_DAY: Final = 86_400
DAYS_SHOWN: Final = 30
NOTICE_SECONDS: Final = 7 * SECONDS_A_DAY
"""How long before its end a key is said to end soon."""
_MAY_BE_NONE: Final = frozenset({"daily_cap", "expires_at"})
KEYS_LIMIT: Final = 200
"""Live keys of one account."""


def audit_row(
    principal: Principal, action: str, subject: str, client: str, now: UnixTime, **details: Any
) -> dict[str, Any]:
    """A line of the audit trail about an act of `principal`."""
    return {
        "at": now,
        "chain_id": principal.chain_id,
        "account": principal.address,
        "action": action,
        "subject": subject,
        "network": network_of(client),
        "details": {"by": f"{principal.credential}:{principal.credential_id}", **details},
    }


class KeyService:
    """What an account does with its keys. `client` is the caller's network address, for the audit trail."""

    def __init__(self, store: Store, clock: Clock, network: Network, most_days: int = 0) -> None:
        """``most_days``: the greatest age of a secret; 0 for none."""
        self._store = store
        self._clock = clock
        self._network: Network = network
        self._most_seconds = most_days * SECONDS_A_DAY

    async def issue(self, principal: Principal, wanted: KeyRequest, client: str) -> NewKeyReply:
        """Make a key. Raises FreshSignatureRequired, ScopeMissing and Conflict (too many keys)."""
        now = self._authorise(principal)
        made = make_key(self._network)
        row = {
            **wanted.model_dump(exclude={"expires_in"}, mode="json"),
            "key_id": made.key_id,
            "chain_id": principal.chain_id,
            "account": principal.address,
            "version": 1,
            "created_at": now,
            "expires_at": None if wanted.expires_in is None else now + wanted.expires_in,
        }
        row["ends_at"] = self._end(row["expires_at"], now)
        async with self._store.write_connection() as db:
            await self._refuse_too_many(db, principal, now)
            await repository.add_key(db, row)
            await repository.add_secret(db, _secret(made.key_id, made.secret_hash, 1, now))
            entry = audit_row(principal, "key.issued", made.key_id, client, now, scopes=row["scopes"])
            await repository.add_audit(db, entry)
        return NewKeyReply(key=made.text, **_reply_fields({**row, "revoked_at": None, "last_used_at": None}))

    async def all_of(self, principal: Principal) -> list[KeyReply]:
        """All keys of the account, dead ones too, newest first."""
        principal.require_scope(Scope.KEYS)
        now = self._clock.now()
        async with self._store.read_connection() as db:
            rows = await repository.keys_of(db, principal.chain_id, principal.address)
            since = now // SECONDS_A_DAY - DAYS_SHOWN
            days = await repository.days_of(db, [row.key_id for row in rows], since)
            overlaps = {row.key_id: await _overlap(db, row.key_id, now) for row in rows if row.version > 1}
        replies = [_reply(row, days, overlaps.get(row.key_id)) for row in rows]
        for reply in replies:
            reply.ends_soon = reply.ends_at is not None and now < reply.ends_at <= now + NOTICE_SECONDS
        return replies

    async def rotate(self, principal: Principal, key_id: str, overlap: int, client: str) -> NewKeyReply:
        """Give a key a new secret; the old one lives `overlap` seconds more.

        Raises NotFound, Conflict (revoked, or a rotation still overlaps), FreshSignatureRequired.
        """
        now = self._authorise(principal)
        made = make_key(self._network, key_id)
        async with self._store.write_connection() as db:
            row = await self._live(db, principal, key_id)
            if await _overlap(db, key_id, now) is not None:
                raise Conflict("a rotation of this key still overlaps; roll it back or wait for its end")
            version = await self._next_version(db, row, now)
            await repository.add_secret(db, _secret(key_id, made.secret_hash, version, now))
            overlap_ends = now + overlap if row.ends_at is None else min(now + overlap, row.ends_at)
            await repository.end_secrets(db, key_id, UnixTime(overlap_ends), version)
            ends_at = self._end(row.expires_at, now)
            await repository.set_key(db, key_id, version=version, ends_at=ends_at)
            entry = audit_row(principal, "key.rotated", key_id, client, now, overlap=overlap, version=version)
            await repository.add_audit(db, entry)
            await self._store.announce(db)
        fields = {**row._mapping, "version": version, "ends_at": ends_at}
        until = overlap_ends if overlap_ends > now else None
        return NewKeyReply(key=made.text, **_reply_fields(fields), overlap_until=until)

    async def roll_back(self, principal: Principal, key_id: str, client: str) -> KeyReply:
        """Undo a rotation while it overlaps: the old secret stays, the new one dies now. Raises Conflict
        after that.
        """
        now = self._authorise(principal)
        async with self._store.write_connection() as db:
            row = await self._live(db, principal, key_id)
            alive = await repository.current_secrets(db, key_id, now)
            older = [secret for secret in alive if secret.version < row.version]
            if not older:
                raise Conflict("there is nothing to roll back to: the old secret is dead")
            version = older[-1].version
            await repository.revive_secret(db, key_id, version)
            await repository.end_secrets(db, key_id, now, version)
            ends_at = self._end(row.expires_at, older[-1].created_at)
            await repository.set_key(db, key_id, version=version, ends_at=ends_at)
            await repository.add_audit(
                db, audit_row(principal, "key.rolled-back", key_id, client, now, version=version)
            )
            await self._store.announce(db)
        return KeyReply(**_reply_fields({**row._mapping, "version": version, "ends_at": ends_at}))

    async def change(self, principal: Principal, key_id: str, wanted: KeyChange, client: str) -> KeyReply:
        """Change what a key may do. Whatever widens it needs a fresh signature, as making it did.

        Raises NotFound, Conflict (revoked), ScopeMissing, FreshSignatureRequired.
        """
        principal.require_scope(Scope.KEYS)
        now = self._clock.now()
        async with self._store.write_connection() as db:
            row = await self._live(db, principal, key_id)
            changed = _changed(wanted, now)
            if widened := widening(row._mapping, changed):
                principal.require_fresh(now)
            if "expires_at" in changed:
                alive = await repository.current_secrets(db, key_id, now)
                made_at = next(secret.created_at for secret in alive if secret.version == row.version)
                changed["ends_at"] = self._end(changed["expires_at"], made_at)
            if changed:
                await repository.set_key(db, key_id, **changed)
            details = {"changed": sorted(changed), "widened": sorted(widened)}
            await repository.add_audit(
                db, audit_row(principal, "key.changed", key_id, client, now, **details)
            )
            await self._store.announce(db)
        return KeyReply(**_reply_fields({**row._mapping, **changed}))

    async def revoke(self, principal: Principal, key_id: str | None, client: str) -> int:
        """Revoke one key, or all where none is named; returns how many. Raises NotFound for a key that is
        not there.

        A key without the scope `keys` may still revoke itself, so that whoever finds it can.
        """
        if key_id is None or key_id != principal.key_id:
            principal.require_scope(Scope.KEYS)
        now = self._clock.now()
        async with self._store.write_connection() as db:
            if key_id is not None:
                await self._known(db, principal, key_id)
            count = await repository.revoke(db, principal.chain_id, principal.address, key_id, now)
            entry = audit_row(principal, "key.revoked", key_id or "all", client, now, count=count)
            await repository.add_audit(db, entry)
            await self._store.announce(db)
        return count

    async def audit(self, principal: Principal, before: int | None, limit: int) -> list[AuditReply]:
        """The account's audit trail, newest first."""
        principal.require_scope(Scope.KEYS)
        async with self._store.read_connection() as db:
            rows = await repository.audit_of(db, principal.chain_id, principal.address, before, limit)
        return [AuditReply(**{name: row._mapping[name] for name in AuditReply.model_fields}) for row in rows]

    async def find(self, text: str) -> Principal:
        """Whom a key proves. Raises InvalidCredential for one that is unknown, revoked or over."""
        now = self._clock.now()
        async with self._store.lookup() as db:
            row = await repository.key_by_secret(db, hash_of(text))
        if row is None:
            raise InvalidCredential("this API key is not known here; make one with POST /v1/keys")
        _refuse_dead(row, now)
        return principal_of(row)

    def _authorise(self, principal: Principal) -> UnixTime:
        now = self._clock.now()
        principal.require_scope(Scope.KEYS)
        principal.require_fresh(now)
        return now

    def _end(self, expires_at: Any, made_at: int) -> int | None:
        """When a secret made at a time stops working."""
        aged = made_at + self._most_seconds if self._most_seconds else None
        ends = [int(end) for end in (expires_at, aged) if end is not None]
        return min(ends, default=None)

    async def _known(self, db: AsyncConnection, principal: Principal, key_id: str) -> Any:
        row = await repository.key_of(db, principal.chain_id, principal.address, key_id)
        if row is None:
            raise NotFound(f"you have no key {key_id[:40]}; GET /v1/keys lists them")
        return row

    async def _live(self, db: AsyncConnection, principal: Principal, key_id: str) -> Any:
        row = await self._known(db, principal, key_id)
        if row.revoked_at is not None:
            raise Conflict("the key is revoked; make a new one")
        return row

    async def _next_version(self, db: AsyncConnection, row: Any, now: UnixTime) -> int:
        newest = await repository.newest_version(db, row.key_id)
        return int(max(newest, row.version)) + 1

    async def _refuse_too_many(self, db: AsyncConnection, principal: Principal, now: UnixTime) -> None:
        rows = await repository.keys_of(db, principal.chain_id, principal.address)
        if sum(row.revoked_at is None for row in rows) >= KEYS_LIMIT:
            raise Conflict(f"{KEYS_LIMIT} keys are alive; revoke some first")


def principal_of(row: Any) -> Principal:
    """The caller a key's row stands for."""
    return Principal(
        chain_id=ChainId(row.chain_id),
        address=Address(row.account),
        credential="key",
        credential_id=row.key_id,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        services=frozenset(ServiceId(service) for service in row.services),
        networks=tuple(row.networks),
        daily_cap=None if row.daily_cap is None else MicroCredits(row.daily_cap),
        secret_version=row.secret_version,
        superseded=row.secret_version != row.version,
    )


def parse_key_id(text: str) -> str:
    """A key's id from a path. Raises MalformedRequest."""
    if not text.isalnum() or len(text) > 40:
        raise MalformedRequest("a key's id is letters and digits; GET /v1/keys lists them")
    return text


def _refuse_dead(row: Any, now: UnixTime) -> None:
    if row.revoked_at is not None:
        raise InvalidCredential("this API key is revoked; make a new one")
    if row.expires_at is not None and now >= row.expires_at:
        raise InvalidCredential("this API key has expired; make a new one")
    if row.valid_until is not None and now >= row.valid_until:
        raise InvalidCredential("this API key was rotated; use the new one")
    if row.valid_until is None and row.ends_at is not None and now >= row.ends_at:
        raise InvalidCredential("this API key is older than this gateway allows; rotate it")


def _changed(wanted: KeyChange, now: int) -> dict[str, Any]:
    """Columns that are to change: those that were sent."""
    sent = wanted.model_dump(mode="json", exclude_unset=True)
    if "expires_in" in sent:
        seconds = sent.pop("expires_in")
        sent["expires_at"] = None if seconds is None else now + seconds
    return {name: value for name, value in sent.items() if value is not None or name in _MAY_BE_NONE}


def _secret(key_id: str, secret_hash: bytes, version: int, now: UnixTime) -> dict[str, Any]:
    return {"secret_hash": secret_hash, "key_id": key_id, "version": version, "created_at": now}


async def _overlap(db: AsyncConnection, key_id: str, now: UnixTime) -> int | None:
    ends = [row.valid_until for row in await repository.current_secrets(db, key_id, now)]
    return min((end for end in ends if end is not None), default=None)


def _reply_fields(values: Any) -> dict[str, Any]:
    names = set(KeyReply.model_fields) - {"id", "days", "overlap_until", "ends_soon"}
    return {"id": values["key_id"], **{name: values[name] for name in names}}


def _reply(row: Any, days: list[Any], overlap_until: int | None) -> KeyReply:
    mine = [
        KeyDay(day=day.day, requests=day.requests, spent_micro_credits=day.spent)
        for day in days
        if day.key_id == row.key_id
    ]
    return KeyReply(**_reply_fields(row._mapping), overlap_until=overlap_until, days=mine)
