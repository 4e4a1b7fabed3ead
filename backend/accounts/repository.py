"""Statements on keys, sessions and the audit trail; each runs inside the caller's connection."""

from functools import cache
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, UnixTime
from backend.db.tables.accounts import (
    ApiKey,
    ApiKeyDay,
    ApiKeyNetwork,
    ApiKeySecret,
    AuditEntry,
    UsedNonce,
    WalletSession,
)
from backend.db.tables.oauth import OAuthGrant

_keys: Final[Any] = ApiKey.__table__  # type: ignore[attr-defined]
_secrets: Final[Any] = ApiKeySecret.__table__  # type: ignore[attr-defined]
_days: Final[Any] = ApiKeyDay.__table__  # type: ignore[attr-defined]
_networks: Final[Any] = ApiKeyNetwork.__table__  # type: ignore[attr-defined]
_sessions: Final[Any] = WalletSession.__table__  # type: ignore[attr-defined]
_nonces: Final[Any] = UsedNonce.__table__  # type: ignore[attr-defined]
_grants: Final[Any] = OAuthGrant.__table__  # type: ignore[attr-defined]
_audit: Final[Any] = AuditEntry.__table__  # type: ignore[attr-defined]


def upsert(connection: AsyncConnection, table: Any) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


async def add_key(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A new key."""
    await connection.execute(insert(_keys), row)


async def add_secret(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A secret of a key."""
    await connection.execute(insert(_secrets), row)


async def key_by_secret(connection: AsyncConnection, secret_hash: bytes) -> Row[Any] | None:
    """The key a secret proves, with `secret_version` and `valid_until` of that secret."""
    named = {"secret_hash": secret_hash}
    found: Row[Any] | None = (await connection.execute(_key_by_secret(), named)).one_or_none()
    return found


@cache
def _key_by_secret() -> Select[Any]:
    """Asked for by every key in use, twice a second: making it costs more than running it."""
    secret = (_secrets.c.version.label("secret_version"), _secrets.c.valid_until)
    joined = _keys.join(_secrets, _keys.c.key_id == _secrets.c.key_id)
    statement = select(_keys, *secret).select_from(joined)
    return statement.where(_secrets.c.secret_hash == bindparam("secret_hash"))


async def key_of(
    connection: AsyncConnection, chain_id: ChainId, account: Address, key_id: str
) -> Row[Any] | None:
    """A key if it is this account's; locked where the database can."""
    mine = (_keys.c.key_id == key_id) & (_keys.c.chain_id == chain_id) & (_keys.c.account == account)
    return (await connection.execute(select(_keys).where(mine).with_for_update())).one_or_none()


async def keys_of(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Every key an account ever made, newest first."""
    mine = (_keys.c.chain_id == chain_id) & (_keys.c.account == account)
    order = (_keys.c.created_at.desc(), _keys.c.key_id)
    return list((await connection.execute(select(_keys).where(mine).order_by(*order))).all())


async def current_secrets(connection: AsyncConnection, key_id: str, now: UnixTime) -> list[Row[Any]]:
    """Secrets that still prove a key, oldest first."""
    alive = or_(_secrets.c.valid_until.is_(None), _secrets.c.valid_until > now)
    statement = select(_secrets).where((_secrets.c.key_id == key_id) & alive).order_by(_secrets.c.version)
    return list((await connection.execute(statement)).all())


async def end_secrets(connection: AsyncConnection, key_id: str, valid_until: UnixTime, version: int) -> None:
    """Let every secret of a key but `version` die at a time, unless it dies earlier."""
    others = (_secrets.c.key_id == key_id) & (_secrets.c.version != version)
    longer = or_(_secrets.c.valid_until.is_(None), _secrets.c.valid_until > valid_until)
    await connection.execute(update(_secrets).where(others & longer).values(valid_until=valid_until))


async def revive_secret(connection: AsyncConnection, key_id: str, version: int) -> None:
    """Make a secret the key's lasting one again."""
    one = (_secrets.c.key_id == key_id) & (_secrets.c.version == version)
    await connection.execute(update(_secrets).where(one).values(valid_until=None))


async def newest_version(connection: AsyncConnection, key_id: str) -> int:
    """The highest version a secret of this key ever had."""
    found = await connection.execute(select(func.max(_secrets.c.version)).where(_secrets.c.key_id == key_id))
    return int(found.scalar_one() or 0)


async def set_key(connection: AsyncConnection, key_id: str, **values: Any) -> None:
    """Change a key: its rights, or which secret is the current one and until when."""
    await connection.execute(update(_keys).where(_keys.c.key_id == key_id).values(**values))


async def revoke(
    connection: AsyncConnection, chain_id: ChainId, account: Address, key_id: str | None, now: int
) -> int:
    """Revoke one key of an account, or all where none is named; returns how many were alive."""
    mine = (_keys.c.chain_id == chain_id) & (_keys.c.account == account) & _keys.c.revoked_at.is_(None)
    if key_id is not None:
        mine &= _keys.c.key_id == key_id
    return int((await connection.execute(update(_keys).where(mine).values(revoked_at=now))).rowcount)


async def add_session(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A wallet's session."""
    await connection.execute(insert(_sessions), row)


async def session_by_token(connection: AsyncConnection, token_hash: bytes) -> Row[Any] | None:
    """A session by the hash of its token."""
    return (
        await connection.execute(select(_sessions).where(_sessions.c.token_hash == token_hash))
    ).one_or_none()


async def end_sessions(
    connection: AsyncConnection, account: Address, now: int, token_hash: bytes | None
) -> int:
    """End one session of an account, or all where none is named; returns how many were alive."""
    mine = (_sessions.c.account == account) & _sessions.c.revoked_at.is_(None)
    if token_hash is not None:
        mine &= _sessions.c.token_hash == token_hash
    return int((await connection.execute(update(_sessions).where(mine).values(revoked_at=now))).rowcount)


async def spend_nonce(connection: AsyncConnection, purpose: str, nonce: str, expires_at: int) -> bool:
    """Insert a nonce; False where it was there already."""
    row = {"purpose": purpose, "nonce": nonce, "expires_at": expires_at}
    once = upsert(connection, _nonces).values(row).on_conflict_do_nothing().returning(_nonces.c.nonce)
    return (await connection.execute(once)).one_or_none() is not None


async def forget_nonces(connection: AsyncConnection, now: int) -> int:
    """Delete nonces that expired before `now`; returns how many."""
    return int((await connection.execute(delete(_nonces).where(_nonces.c.expires_at < now))).rowcount)


async def forget_old(connection: AsyncConnection, before: int) -> int:
    """Delete audit lines and ended sessions older than a time; returns how many."""
    lines = await connection.execute(delete(_audit).where(_audit.c.at < before))
    ended = await connection.execute(delete(_sessions).where(_sessions.c.expires_at < before))
    return int(lines.rowcount) + int(ended.rowcount)


async def forget_days(connection: AsyncConnection, before_day: int) -> int:
    """Delete use of keys on days before one; returns how many."""
    return int((await connection.execute(delete(_days).where(_days.c.day < before_day))).rowcount)


async def add_audit(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A line of the audit trail."""
    await connection.execute(insert(_audit), row)


async def audit_of(
    connection: AsyncConnection, chain_id: ChainId, account: Address, before: int | None, limit: int
) -> list[Row[Any]]:
    """Lines of an account's audit trail, newest first, ids below `before`."""
    mine = (_audit.c.chain_id == chain_id) & (_audit.c.account == account)
    if before is not None:
        mine &= _audit.c.id < before
    return list(
        (await connection.execute(select(_audit).where(mine).order_by(_audit.c.id.desc()).limit(limit))).all()
    )


async def days_of(connection: AsyncConnection, key_ids: list[str], since_day: int) -> list[Row[Any]]:
    """Use by day of several keys, oldest first."""
    wanted = _days.c.key_id.in_(key_ids) & (_days.c.day >= since_day)
    return list((await connection.execute(select(_days).where(wanted).order_by(_days.c.day))).all())


async def count_requests(
    connection: AsyncConnection, key_id: str, day: int, requests: int, last_used: int
) -> None:
    """Add requests to the day of a key, or of an app's grant, and move its last use on."""
    row = {"key_id": key_id, "day": day, "requests": requests, "spent": 0, "reserved": 0}
    added = {"requests": _days.c.requests + requests}
    statement = upsert(connection, _days).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["key_id", "day"], set_=added))
    newer = func.coalesce(_keys.c.last_used_at, 0) < last_used
    await connection.execute(
        update(_keys).where((_keys.c.key_id == key_id) & newer).values(last_used_at=last_used)
    )
    newer = func.coalesce(_grants.c.last_used_at, 0) < last_used
    await connection.execute(
        update(_grants).where((_grants.c.grant_id == key_id) & newer).values(last_used_at=last_used)
    )


async def add_network(connection: AsyncConnection, key_id: str, network: str, now: int) -> bool:
    """Remember a network a key came from; True where it is a new one and the key was used before."""
    row = {"key_id": key_id, "network": network, "first_seen_at": now}
    first = select(func.count()).select_from(_networks).where(_networks.c.key_id == key_id)
    known = (await connection.execute(first)).scalar_one()
    once = upsert(connection, _networks).values(row).on_conflict_do_nothing()
    inserted = await connection.execute(once.returning(_networks.c.network))
    return bool(inserted.one_or_none() is not None and known)


async def reserve_spend(connection: AsyncConnection, key_id: str, day: int, amount: int, cap: int) -> bool:
    """Set micro-credits of a key's day aside if the cap allows; one conditional statement decides."""
    row = {"key_id": key_id, "day": day, "requests": 0, "spent": 0, "reserved": 0}
    await connection.execute(upsert(connection, _days).values(row).on_conflict_do_nothing())
    one = (_days.c.key_id == key_id) & (_days.c.day == day)
    fits = _days.c.spent + _days.c.reserved + amount <= cap
    statement = update(_days).where(one & fits).values(reserved=_days.c.reserved + amount)
    return (await connection.execute(statement)).rowcount == 1


async def settle_spend(connection: AsyncConnection, key_id: str, day: int, reserved: int, spent: int) -> None:
    """Turn what was set aside into what was spent."""
    one = (_days.c.key_id == key_id) & (_days.c.day == day)
    values = {"reserved": _days.c.reserved - reserved, "spent": _days.c.spent + spent}
    await connection.execute(update(_days).where(one).values(**values))
