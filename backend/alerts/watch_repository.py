"""What detectors look at: rows of one account, of either store; each runs on the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.accounts import ApiKey, ApiKeyNetwork, ApiKeySecret, AuditEntry
from backend.db.tables.chain import (
    Access,
    Heartbeat,
    Outbox,
    Plan,
    Purchase,
    Service,
    Share,
    ShareAccount,
    ShareRevenue,
    Tab,
)
from backend.db.tables.meter import MeterTab, Usage, UsageEvent

_tabs: Final[Any] = Tab.__table__  # type: ignore[attr-defined]
_meter: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_access: Final[Any] = Access.__table__  # type: ignore[attr-defined]
_keys: Final[Any] = ApiKey.__table__  # type: ignore[attr-defined]
_networks: Final[Any] = ApiKeyNetwork.__table__  # type: ignore[attr-defined]
_secrets: Final[Any] = ApiKeySecret.__table__  # type: ignore[attr-defined]
_audit: Final[Any] = AuditEntry.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_events: Final[Any] = UsageEvent.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_purchases: Final[Any] = Purchase.__table__  # type: ignore[attr-defined]
_shares: Final[Any] = Share.__table__  # type: ignore[attr-defined]
_owed: Final[Any] = ShareAccount.__table__  # type: ignore[attr-defined]
_revenue: Final[Any] = ShareRevenue.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_heartbeats: Final[Any] = Heartbeat.__table__  # type: ignore[attr-defined]

_MICRO: Final = 1_000_000


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


async def tabs(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Tabs an account ever paid into, with what the meter counted (micro-credits)."""
    same = and_(
        _meter.c.chain_id == _tabs.c.chain_id,
        _meter.c.plan_id == _tabs.c.plan_id,
        _meter.c.payer == _tabs.c.payer,
    )
    columns = (
        _tabs.c.plan_id,
        _tabs.c.balance,
        _tabs.c.settled,
        func.coalesce(_meter.c.spent, 0).label("spent"),
    )
    mine = and_(_tabs.c.chain_id == chain_id, _tabs.c.payer == account)
    return await _all(connection, select(*columns).select_from(_tabs.outerjoin(_meter, same)).where(mine))


async def ending(
    connection: AsyncConnection, chain_id: ChainId, account: Address, now: int, until: int
) -> list[Row[Any]]:
    """Access that ends between two times."""
    mine = and_(_access.c.chain_id == chain_id, _access.c.account == account)
    soon = and_(mine, _access.c.access_until > now, _access.c.access_until <= until)
    return await _all(connection, select(_access.c.plan_id, _access.c.access_until).where(soon))


async def new_networks(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int
) -> list[Row[Any]]:
    """Networks a key was first used from since a time, the very first network of each key aside."""
    earlier = _networks.alias("earlier")
    before = (
        select(earlier.c.key_id)
        .where(
            and_(earlier.c.key_id == _networks.c.key_id, earlier.c.first_seen_at < _networks.c.first_seen_at)
        )
        .exists()
    )
    joined = _networks.join(_keys, _keys.c.key_id == _networks.c.key_id)
    mine = and_(_keys.c.chain_id == chain_id, _keys.c.account == account)
    columns = (_networks.c.key_id, _networks.c.network, _networks.c.first_seen_at, _keys.c.name)
    new = and_(mine, _networks.c.first_seen_at >= since, before)
    return await _all(connection, select(*columns).select_from(joined).where(new))


async def networks(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int
) -> list[Row[Any]]:
    """Networks that live keys of an account were first used from since a time, by key and time."""
    joined = _networks.join(_keys, _keys.c.key_id == _networks.c.key_id)
    mine = and_(_keys.c.chain_id == chain_id, _keys.c.account == account, _keys.c.revoked_at.is_(None))
    columns = (_networks.c.key_id, _networks.c.network, _networks.c.first_seen_at, _keys.c.name)
    wanted = select(*columns).select_from(joined).where(and_(mine, _networks.c.first_seen_at >= since))
    return await _all(connection, wanted.order_by(_networks.c.key_id, _networks.c.first_seen_at))


async def ending_keys(
    connection: AsyncConnection, chain_id: ChainId, account: Address, now: int, until: int
) -> list[Row[Any]]:
    """Keys that stop working between two times."""
    mine = and_(_keys.c.chain_id == chain_id, _keys.c.account == account, _keys.c.revoked_at.is_(None))
    soon = and_(mine, _keys.c.ends_at > now, _keys.c.ends_at <= until)
    return await _all(connection, select(_keys.c.key_id, _keys.c.name, _keys.c.ends_at).where(soon))


async def old_secrets(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int, now: int
) -> list[Row[Any]]:
    """Keys whose rotation still overlaps, and whose old secret was used since a time."""
    mine = and_(_keys.c.chain_id == chain_id, _keys.c.account == account, _keys.c.revoked_at.is_(None))
    used = (
        select(_audit.c.id)
        .where(_audit.c.chain_id == chain_id, _audit.c.account == account, _audit.c.at >= since)
        .where(_audit.c.action == "key.old-secret-used", _audit.c.subject == _keys.c.key_id)
        .exists()
    )
    joined = _keys.join(_secrets, _secrets.c.key_id == _keys.c.key_id)
    columns = (_keys.c.key_id, _keys.c.name, _secrets.c.valid_until)
    old = and_(mine, used, _secrets.c.valid_until > now, _secrets.c.version < _keys.c.version)
    return await _all(connection, select(*columns).select_from(joined).where(old))


async def calls(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int
) -> list[Row[Any]]:
    """Requests of an account's keys since a time, oldest first."""
    columns = (
        _usage.c.key_id,
        _usage.c.issued_at,
        (_usage.c.units_in + _usage.c.units_out).label("tokens"),
        _usage.c.outcome,
    )
    mine = and_(_usage.c.chain_id == chain_id, _usage.c.payer == account, _usage.c.issued_at >= since)
    keyed = select(*columns).where(and_(mine, _usage.c.key_id.is_not(None)))
    return await _all(connection, keyed.order_by(_usage.c.issued_at))


async def services(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Services an account owns, or meters."""
    party = or_(_services.c.owner == account, _services.c.meter == account)
    mine = and_(_services.c.chain_id == chain_id, party)
    return await _all(connection, select(_services).where(mine).order_by(_services.c.service_id))


def _owned(chain_id: ChainId, account: Address) -> Any:
    return select(_services.c.service_id).where(
        and_(_services.c.chain_id == chain_id, _services.c.owner == account)
    )


async def sales(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int
) -> list[Row[Any]]:
    """Purchases of an owner's plans since a time."""
    plans = select(_plans.c.plan_id).where(
        and_(_plans.c.chain_id == chain_id, _plans.c.service_id.in_(_owned(chain_id, account)))
    )
    wanted = and_(
        _purchases.c.chain_id == chain_id,
        _purchases.c.plan_id.in_(plans),
        _purchases.c.timestamp >= since,
    )
    return await _all(connection, select(_purchases).where(wanted).order_by(_purchases.c.timestamp))


async def unsettled(
    connection: AsyncConnection, chain_id: ChainId, account: Address, after: int, before: int
) -> list[Row[Any]]:
    """Tabs with a whole credit used but not settled in an owner's plans, by usage between two times.

    What was voided is never settled: a row voided as a whole counts for nothing, one in part for the rest.
    """
    of_each = (_events.c.request_id, func.sum(_events.c.micro_credits).label("micro_credits"))
    void = select(*of_each).group_by(_events.c.request_id).subquery("voided")
    voided = func.coalesce(void.c.micro_credits, 0)
    same = and_(
        _tabs.c.chain_id == _usage.c.chain_id,
        _tabs.c.plan_id == _usage.c.plan_id,
        _tabs.c.payer == _usage.c.payer,
    )
    late = and_(
        _usage.c.chain_id == chain_id,
        _usage.c.service_id.in_(_owned(chain_id, account)),
        _usage.c.issued_at.between(after, before),
        _usage.c.cumulative - voided >= (_tabs.c.settled + 1) * _MICRO,
        or_(void.c.request_id.is_(None), voided < _usage.c.charged),
    )
    columns = (
        _usage.c.plan_id,
        _usage.c.payer,
        _tabs.c.settled,
        func.min(_usage.c.issued_at).label("oldest"),
    )
    grouped = (
        select(*columns)
        .select_from(_usage.join(_tabs, same).outerjoin(void, void.c.request_id == _usage.c.request_id))
        .where(late)
        .group_by(_usage.c.plan_id, _usage.c.payer, _tabs.c.settled)
    )
    return await _all(connection, grouped)


async def earnings(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """What an account's shares are owed, in parts: one row a service and currency ever distributed."""
    held = and_(_shares.c.chain_id == chain_id, _shares.c.account == account)
    same = and_(_revenue.c.chain_id == _shares.c.chain_id, _revenue.c.service_id == _shares.c.service_id)
    touched = and_(
        _owed.c.chain_id == _shares.c.chain_id,
        _owed.c.service_id == _shares.c.service_id,
        _owed.c.account == _shares.c.account,
        _owed.c.currency == _revenue.c.currency,
    )
    columns = (
        _shares.c.service_id,
        _shares.c.units,
        _revenue.c.currency,
        _revenue.c.distributed,
        _owed.c.owed,
        _owed.c.checkpoint,
        _owed.c.claimed,
    )
    joined = _shares.join(_revenue, same).outerjoin(_owed, touched)
    return await _all(connection, select(*columns).select_from(joined).where(held))


async def disputes(
    connection: AsyncConnection, chain_id: ChainId, account: Address, since: int
) -> list[Row[Any]]:
    """Disputes about an owner's services opened since a time, that no reorganisation took back."""
    retraction = _outbox.alias("retraction")
    taken_back = select(retraction.c.id).where(retraction.c.retracts == _outbox.c.id).exists()
    opened = and_(
        _outbox.c.chain_id == chain_id,
        _outbox.c.contract == "DisputeCourt",
        _outbox.c.event == "DisputeOpened",
        _outbox.c.service_id.in_(_owned(chain_id, account)),
        _outbox.c.timestamp >= since,
        _outbox.c.retracts.is_(None),
        ~taken_back,
    )
    columns = (_outbox.c.service_id, _outbox.c.timestamp, _outbox.c.args)
    return await _all(connection, select(*columns).where(opened))


async def confirmed_at(connection: AsyncConnection, chain_id: ChainId) -> int | None:
    """When a node last confirmed the index, unix seconds; None before it ever did."""
    found = await connection.execute(
        select(_heartbeats.c.confirmed_at_ms).where(_heartbeats.c.chain_id == chain_id)
    )
    moment = found.scalar_one_or_none()
    return None if moment is None else int(moment) // 1_000
