"""Accounts, rules, channels, alerts and deliveries; each runs on the caller's connection."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.alerts import Alert, AlertAccount, AlertChannel, AlertDelivery, AlertRule

_accounts: Final[Any] = AlertAccount.__table__  # type: ignore[attr-defined]
_rules: Final[Any] = AlertRule.__table__  # type: ignore[attr-defined]
_channels: Final[Any] = AlertChannel.__table__  # type: ignore[attr-defined]
_alerts: Final[Any] = Alert.__table__  # type: ignore[attr-defined]
_deliveries: Final[Any] = AlertDelivery.__table__  # type: ignore[attr-defined]


def _of(table: Any, chain_id: ChainId, account: Address) -> Any:
    return and_(table.c.chain_id == chain_id, table.c.account == account)


def _insert(connection: AsyncConnection, table: Any) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


async def account(connection: AsyncConnection, chain_id: ChainId, address: Address) -> Row[Any] | None:
    """An account's quiet hours; None where it never set alerts up."""
    found = await connection.execute(select(_accounts).where(_of(_accounts, chain_id, address)))
    return found.one_or_none()


async def put_account(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Set quiet hours."""
    changed = {name: row[name] for name in ("quiet_from", "quiet_to", "updated_at")}
    statement = _insert(connection, _accounts).values(row)
    keys = ["chain_id", "account"]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


async def rules(connection: AsyncConnection, chain_id: ChainId, address: Address) -> list[Row[Any]]:
    """The kinds an account wants."""
    return await _all(connection, select(_rules).where(_of(_rules, chain_id, address)))


async def replace_rules(
    connection: AsyncConnection, chain_id: ChainId, address: Address, rows: Sequence[dict[str, Any]]
) -> None:
    """Make these the kinds an account wants."""
    await connection.execute(delete(_rules).where(_of(_rules, chain_id, address)))
    if rows:
        await connection.execute(insert(_rules), list(rows))


async def watches(connection: AsyncConnection, chain_id: ChainId, kind: str) -> list[Row[Any]]:
    """Every rule of a kind."""
    mine = and_(_rules.c.chain_id == chain_id, _rules.c.kind == kind)
    return await _all(connection, select(_rules).where(mine).order_by(_rules.c.account))


async def add_channel(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a new channel."""
    await connection.execute(insert(_channels).values(row))


async def channels(connection: AsyncConnection, chain_id: ChainId, address: Address) -> list[Row[Any]]:
    """Channels of an account that were not removed, oldest first."""
    mine = and_(_of(_channels, chain_id, address), _channels.c.removed_at.is_(None))
    return await _all(
        connection, select(_channels).where(mine).order_by(_channels.c.created_at, _channels.c.id)
    )


async def made_since(connection: AsyncConnection, chain_id: ChainId, address: Address, since: int) -> int:
    """How many channels an account made, removed ones too."""
    mine = and_(_of(_channels, chain_id, address), _channels.c.created_at > since)
    return int(
        (await connection.execute(select(func.count()).select_from(_channels).where(mine))).scalar_one()
    )


async def count_try(connection: AsyncConnection, channel_id: str, limit: int, now: int) -> Row[Any] | None:
    """Take one of a channel's tries at its code; None where there is nothing left to try."""
    open_ = and_(
        _channels.c.id == channel_id,
        _channels.c.tries < limit,
        _channels.c.code_until > now,
        _channels.c.removed_at.is_(None),
    )
    statement = update(_channels).where(open_).values(tries=_channels.c.tries + 1).returning(_channels)
    found: Row[Any] | None = (await connection.execute(statement)).one_or_none()
    return found


async def confirm(connection: AsyncConnection, channel_id: str, now: int) -> None:
    """Note that a channel's code came back."""
    await connection.execute(
        update(_channels).where(_channels.c.id == channel_id).values(confirmed_at=now, code_until=0)
    )


async def all_channels(connection: AsyncConnection) -> list[Row[Any]]:
    """Channels of every account that were not removed."""
    return await _all(connection, select(_channels).where(_channels.c.removed_at.is_(None)))


async def change_channel(connection: AsyncConnection, channel_id: str, values: dict[str, Any]) -> None:
    """Set columns of a channel."""
    await connection.execute(update(_channels).where(_channels.c.id == channel_id).values(**values))


async def remove_channel(connection: AsyncConnection, channel_id: str, now: int) -> None:
    """Stop using a channel, and forget its secrets."""
    gone = {"removed_at": now, "sealed_target": b"", "sealed_secret": b"", "code_until": 0}
    await connection.execute(update(_channels).where(_channels.c.id == channel_id).values(gone))
    await connection.execute(
        update(_deliveries)
        .where(and_(_deliveries.c.channel_id == channel_id, _deliveries.c.state == "waiting"))
        .values(state="given-up", error="removed")
    )


async def add_alert(connection: AsyncConnection, row: dict[str, Any]) -> int | None:
    """Note an alert; its id, or None where its cause was told before."""
    once = _insert(connection, _alerts).values(row).on_conflict_do_nothing().returning(_alerts.c.id)
    found = (await connection.execute(once)).scalar_one_or_none()
    return None if found is None else int(found)


async def told(
    connection: AsyncConnection, chain_id: ChainId, address: Address, causes: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of these (kind, cause) that an account was told already."""
    wanted = sorted({cause for _, cause in causes})
    mine = and_(_of(_alerts, chain_id, address), _alerts.c.cause.in_(wanted))
    rows = await _all(connection, select(_alerts.c.kind, _alerts.c.cause).where(mine))
    return {(row.kind, row.cause) for row in rows}


async def recent(
    connection: AsyncConnection, chain_id: ChainId, address: Address, limit: int
) -> list[Row[Any]]:
    """An account's alerts, newest first."""
    mine = select(_alerts).where(_of(_alerts, chain_id, address))
    return await _all(connection, mine.order_by(_alerts.c.id.desc()).limit(limit))


async def add_deliveries(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Put alerts on their way."""
    if rows:
        await connection.execute(insert(_deliveries), list(rows))


async def due(connection: AsyncConnection, now: int, limit: int) -> list[Row[Any]]:
    """Deliveries whose time has come, with alert, channel and quiet hours."""
    joined = (
        _deliveries.join(_alerts, _alerts.c.id == _deliveries.c.alert_id)
        .join(_channels, _channels.c.id == _deliveries.c.channel_id)
        .outerjoin(
            _accounts,
            and_(_accounts.c.chain_id == _alerts.c.chain_id, _accounts.c.account == _alerts.c.account),
        )
    )
    columns = (
        _deliveries.c.alert_id,
        _deliveries.c.channel_id,
        _deliveries.c.next_at,
        _deliveries.c.attempts,
        _alerts.c.kind,
        _alerts.c.at,
        _alerts.c.text,
        _alerts.c.facts,
        _channels.c.sealed_target,
        _channels.c.sealed_secret,
        _channels.c.scheme,
        _channels.c.shown,
        _accounts.c.quiet_from,
        _accounts.c.quiet_to,
    )
    waiting = and_(
        _deliveries.c.state == "waiting", _deliveries.c.next_at <= now, _channels.c.removed_at.is_(None)
    )
    wanted = select(*columns).select_from(joined).where(waiting)
    return await _all(connection, wanted.order_by(_deliveries.c.next_at).limit(limit))


async def move(
    connection: AsyncConnection, alert_id: int, channel_id: str, seen: int, changed: dict[str, Any]
) -> bool:
    """Change a delivery that nobody else changed since it was seen; whether it did."""
    same = and_(
        _deliveries.c.alert_id == alert_id,
        _deliveries.c.channel_id == channel_id,
        _deliveries.c.state == "waiting",
        _deliveries.c.next_at == seen,
    )
    done = await connection.execute(update(_deliveries).where(same).values(changed))
    return bool(done.rowcount)


async def forget(connection: AsyncConnection, before: int) -> None:
    """Drop alerts and deliveries that ended long ago; causes that old may be told again."""
    old = select(_alerts.c.id).where(_alerts.c.at < before)
    await connection.execute(delete(_deliveries).where(_deliveries.c.alert_id.in_(old)))
    await connection.execute(delete(_alerts).where(_alerts.c.at < before))
