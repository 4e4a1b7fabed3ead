"""Statements on apps, grants, codes, tokens and devices; each runs inside the caller's connection."""

from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.oauth import OAuthApp, OAuthCode, OAuthDevice, OAuthGrant, OAuthToken

_apps: Final[Any] = OAuthApp.__table__  # type: ignore[attr-defined]
_grants: Final[Any] = OAuthGrant.__table__  # type: ignore[attr-defined]
_codes: Final[Any] = OAuthCode.__table__  # type: ignore[attr-defined]
_tokens: Final[Any] = OAuthToken.__table__  # type: ignore[attr-defined]
_devices: Final[Any] = OAuthDevice.__table__  # type: ignore[attr-defined]


async def add_app(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A new app."""
    await connection.execute(insert(_apps), row)


async def app_of(connection: AsyncConnection, client_id: str) -> Row[Any] | None:
    """An app that was not removed."""
    alive = (_apps.c.client_id == client_id) & _apps.c.removed_at.is_(None)
    return (await connection.execute(select(_apps).where(alive))).one_or_none()


async def apps_of(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Apps an account registered and did not remove, newest first."""
    mine = (_apps.c.chain_id == chain_id) & (_apps.c.account == account) & _apps.c.removed_at.is_(None)
    order = (_apps.c.created_at.desc(), _apps.c.client_id)
    return list((await connection.execute(select(_apps).where(mine).order_by(*order))).all())


async def remove_app(
    connection: AsyncConnection, chain_id: ChainId, account: Address, client_id: str, now: int
) -> int:
    """Remove an app of an account and end every grant it has; returns how many apps that were."""
    mine = (_apps.c.client_id == client_id) & (_apps.c.chain_id == chain_id) & (_apps.c.account == account)
    alive = mine & _apps.c.removed_at.is_(None)
    count = int((await connection.execute(update(_apps).where(alive).values(removed_at=now))).rowcount)
    if count:
        given = (_grants.c.client_id == client_id) & _grants.c.revoked_at.is_(None)
        await connection.execute(update(_grants).where(given).values(revoked_at=now))
    return count


async def add_grant(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """What a wallet approved."""
    await connection.execute(insert(_grants), row)


async def grants_of(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Everything an account ever approved, newest first, with the app's name."""
    mine = (_grants.c.chain_id == chain_id) & (_grants.c.account == account)
    joined = _grants.join(_apps, _apps.c.client_id == _grants.c.client_id)
    columns = select(_grants, _apps.c.name.label("client_name")).select_from(joined)
    order = (_grants.c.created_at.desc(), _grants.c.grant_id)
    return list((await connection.execute(columns.where(mine).order_by(*order))).all())


async def live_grants(connection: AsyncConnection, chain_id: ChainId, account: Address, now: int) -> int:
    """How many grants of an account are alive."""
    mine = (_grants.c.chain_id == chain_id) & (_grants.c.account == account)
    alive = mine & _grants.c.revoked_at.is_(None) & (_grants.c.expires_at > now)
    return int(
        (await connection.execute(select(func.count()).select_from(_grants).where(alive))).scalar_one()
    )


async def revoke_grants(
    connection: AsyncConnection, chain_id: ChainId, account: Address, grant_id: str | None, now: int
) -> int:
    """End one grant of an account, or all where none is named; returns how many were alive."""
    mine = (_grants.c.chain_id == chain_id) & (_grants.c.account == account) & _grants.c.revoked_at.is_(None)
    if grant_id is not None:
        mine &= _grants.c.grant_id == grant_id
    return int((await connection.execute(update(_grants).where(mine).values(revoked_at=now))).rowcount)


async def end_grant(connection: AsyncConnection, grant_id: str, now: int) -> None:
    """End a grant, and with it every token of it."""
    alive = (_grants.c.grant_id == grant_id) & _grants.c.revoked_at.is_(None)
    await connection.execute(update(_grants).where(alive).values(revoked_at=now))


async def add_code(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A new authorization code."""
    await connection.execute(insert(_codes), row)


async def code_by_hash(connection: AsyncConnection, code_hash: bytes) -> Row[Any] | None:
    """A code with its grant (`app`: whose it is); locked where the database can."""
    return await _with_grant(connection, _codes, _codes.c.code_hash == code_hash)


async def use_code(connection: AsyncConnection, code_hash: bytes, now: int) -> None:
    """Let a code be spent."""
    await connection.execute(update(_codes).where(_codes.c.code_hash == code_hash).values(used_at=now))


async def add_token(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A new access or refresh token."""
    await connection.execute(insert(_tokens), row)


async def token_by_hash(connection: AsyncConnection, token_hash: bytes) -> Row[Any] | None:
    """A token with its grant; locked where the database can."""
    return await _with_grant(connection, _tokens, _tokens.c.token_hash == token_hash)


async def find_token(connection: AsyncConnection, token_hash: bytes) -> Row[Any] | None:
    """The same for a look-up that changes nothing."""
    return await _with_grant(connection, _tokens, _tokens.c.token_hash == token_hash, lock=False)


async def use_token(connection: AsyncConnection, token_hash: bytes, now: int) -> None:
    """End a token."""
    await connection.execute(update(_tokens).where(_tokens.c.token_hash == token_hash).values(used_at=now))


async def add_device(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A device that waits."""
    await connection.execute(insert(_devices), row)


async def device_by_hash(connection: AsyncConnection, device_hash: bytes) -> Row[Any] | None:
    """A device by its own code; locked where the database can."""
    one = select(_devices).where(_devices.c.device_hash == device_hash).with_for_update()
    return (await connection.execute(one)).one_or_none()


async def waiting_device(
    connection: AsyncConnection, user_hash: bytes, now: int, *, lock: bool
) -> Row[Any] | None:
    """The device whose code is on a screen and undecided."""
    open_ = _devices.c.grant_id.is_(None) & _devices.c.denied_at.is_(None) & (_devices.c.expires_at > now)
    one = select(_devices).where((_devices.c.user_hash == user_hash) & open_)
    return (await connection.execute(one.with_for_update() if lock else one)).one_or_none()


async def set_device(connection: AsyncConnection, device_hash: bytes, **values: Any) -> None:
    """Write what became of a device's request."""
    await connection.execute(update(_devices).where(_devices.c.device_hash == device_hash).values(**values))


async def grant_of(connection: AsyncConnection, grant_id: str) -> Row[Any] | None:
    """A grant by its id."""
    return (await connection.execute(select(_grants).where(_grants.c.grant_id == grant_id))).one_or_none()


async def forget(connection: AsyncConnection, before: int) -> int:
    """Delete codes, tokens and devices that were over before a time; returns how many."""
    gone = 0
    for table in (_codes, _tokens, _devices):
        gone += int((await connection.execute(delete(table).where(table.c.expires_at < before))).rowcount)
    return gone


async def _with_grant(
    connection: AsyncConnection, table: Any, which: Any, *, lock: bool = True
) -> Row[Any] | None:
    joined = table.join(_grants, _grants.c.grant_id == table.c.grant_id)
    granted = (
        _grants.c.client_id,
        _grants.c.chain_id,
        _grants.c.account,
        _grants.c.scopes.label("granted"),
        _grants.c.services,
        _grants.c.daily_cap,
        _grants.c.revoked_at,
        _grants.c.expires_at.label("grant_ends"),
    )
    statement: Any = select(table, *granted).select_from(joined).where(which)
    if lock:
        statement = statement.with_for_update(of=table)
    found: Row[Any] | None = (await connection.execute(statement)).one_or_none()
    return found
