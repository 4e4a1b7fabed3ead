"""Statements of the settlement: they run inside the caller's transaction."""

from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import MICRO, Address, ChainId, PlanId, UnixTime
from backend.db.tables import chain as mirror
from backend.db.tables.meter import MeterTab, StoredVoucher, Usage
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.pricing import UNITS_CEILING, TabState
from backend.meter.schemas import TabKey
from backend.settlement.batch import OpenTab

_own: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_vouchers: Final[Any] = StoredVoucher.__table__  # type: ignore[attr-defined]
_batches: Final[Any] = SettlementBatch.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]
_tabs: Final[Any] = mirror.Tab.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = mirror.Plan.__table__  # type: ignore[attr-defined]
_services: Final[Any] = mirror.Service.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = mirror.Outbox.__table__  # type: ignore[attr-defined]
_chains: Final[Any] = mirror.Chain.__table__  # type: ignore[attr-defined]
_pools: Final[Any] = mirror.FeePool.__table__  # type: ignore[attr-defined]
_streams: Final[Any] = mirror.RewardStream.__table__  # type: ignore[attr-defined]
_vaults: Final[Any] = mirror.Vault.__table__  # type: ignore[attr-defined]

OPEN: Final = ("prepared", "sent")


def _same_tab(left: Any, right: Any) -> Any:
    same_plan = (left.c.chain_id == right.c.chain_id) & (left.c.plan_id == right.c.plan_id)
    return same_plan & (left.c.payer == right.c.payer)


async def chains(connection: AsyncConnection) -> list[Any]:
    """Chains the store follows: (chain_id, timestamp of the head)."""
    return list((await connection.execute(select(_chains.c.chain_id, _chains.c.timestamp))).all())


async def fees_and_streams(
    connection: AsyncConnection,
) -> tuple[list[Any], dict[tuple[int, int], Any], dict[int, Any]]:
    """Fee pools, reward streams by (chain, currency), and vaults by chain."""
    pools = list((await connection.execute(select(_pools))).all())
    streams = (await connection.execute(select(_streams))).all()
    vaults = (await connection.execute(select(_vaults))).all()
    return (
        pools,
        {(row.chain_id, row.currency): row for row in streams},
        {row.chain_id: row for row in vaults},
    )


async def open_tabs(
    connection: AsyncConnection, chain_id: ChainId, meter: Address, now: int
) -> list[OpenTab]:
    """Tabs with served and unsettled credits, of services whose meter is ours, that no open batch has."""
    busy = select(_lines.c.payer).join(_batches, _batches.c.id == _lines.c.batch_id)
    busy = busy.where(_batches.c.status.in_(OPEN), _same_tab(_lines, _own)).correlate(_own)
    ours = or_(
        _services.c.meter == meter,
        and_(_services.c.previous_meter == meter, _services.c.previous_meter_until > now),
    )
    joined = _own.join(_tabs, _same_tab(_own, _tabs))
    joined = joined.join(
        _plans, and_(_plans.c.chain_id == _own.c.chain_id, _plans.c.plan_id == _own.c.plan_id)
    )
    same_service = and_(
        _services.c.chain_id == _plans.c.chain_id, _services.c.service_id == _plans.c.service_id
    )
    statement = select(_own, *(_tabs.c[name].label(f"tab_{name}") for name in _MIRRORED))
    statement = statement.select_from(joined.join(_services, same_service)).where(
        _own.c.chain_id == chain_id,
        ours,
        _tabs.c.settled < UNITS_CEILING,
        _own.c.spent > _tabs.c.settled * MICRO,
        ~busy.exists(),
    )
    rows = (await connection.execute(statement)).all()
    return [await _with_age(connection, row) for row in rows]


_MIRRORED: Final = ("balance", "settled", "withdraw_at", "daily_limit", "spent", "day")


async def _with_age(connection: AsyncConnection, row: Any) -> OpenTab:
    key = TabKey(ChainId(row.chain_id), PlanId(row.plan_id), Address(bytes(row.payer)))
    unsettled = (_usage.c.plan_id == key.plan_id) & (_usage.c.payer == key.payer)
    oldest = select(func.min(_usage.c.issued_at)).where(
        _usage.c.chain_id == key.chain_id, unsettled, _usage.c.cumulative > row.tab_settled * MICRO
    )
    since = (await connection.execute(oldest)).scalar_one_or_none()
    state = TabState(*(getattr(row, f"tab_{name}") for name in _MIRRORED))
    return OpenTab(key, row.spent, row.held, row.sequence, UnixTime(since or 0), state)


async def covered_sequence(connection: AsyncConnection, tab: TabKey, settled: int) -> int:
    """Newest receipt that a settled line within `settled` credits covers; 0 where none does."""
    statement = select(func.max(_lines.c.to_sequence)).where(
        _lines.c.chain_id == tab.chain_id,
        _lines.c.plan_id == tab.plan_id,
        _lines.c.payer == tab.payer,
        _lines.c.outcome == "settled",
        _lines.c.cumulative_units <= settled,
    )
    return int((await connection.execute(statement)).scalar_one_or_none() or 0)


async def digests(connection: AsyncConnection, tab: TabKey, after: int, up_to: int) -> list[bytes]:
    """Receipt digests of a tab with `after` < sequence <= `up_to`, in order."""
    statement = (
        select(_usage.c.receipt_digest)
        .where(
            _usage.c.chain_id == tab.chain_id,
            _usage.c.plan_id == tab.plan_id,
            _usage.c.payer == tab.payer,
            _usage.c.sequence > after,
            _usage.c.sequence <= up_to,
        )
        .order_by(_usage.c.sequence)
    )
    return [bytes(value) for value in (await connection.execute(statement)).scalars()]


async def add_batch(connection: AsyncConnection, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """Write a batch and its lines, before anything is sent."""
    await connection.execute(insert(_batches), batch)
    await connection.execute(insert(_lines), lines)


async def open_batches(connection: AsyncConnection, chain_id: ChainId) -> list[Any]:
    """Batches not confirmed yet, oldest first."""
    statement = select(_batches).where(_batches.c.chain_id == chain_id, _batches.c.status.in_(OPEN))
    return list((await connection.execute(statement.order_by(_batches.c.created_at, _batches.c.id))).all())


async def lines_of(connection: AsyncConnection, batch_id: str) -> list[Any]:
    """Lines of a batch with the mirror's `settled_now`, and the stored voucher where there is one."""
    joined = _lines.outerjoin(_tabs, _same_tab(_lines, _tabs)).outerjoin(
        _vouchers, _same_tab(_lines, _vouchers)
    )
    statement = select(_lines, _tabs.c.settled.label("settled_now"), _vouchers.c.signature.label("voucher"))
    statement = statement.select_from(joined).where(_lines.c.batch_id == batch_id).order_by(_lines.c.payer)
    return list((await connection.execute(statement)).all())


async def skipped_in(connection: AsyncConnection, tx_hash: bytes) -> dict[bytes, int]:
    """Payers whose line a mined settlement left out, and the contract's reason, from indexed events."""
    retracted = select(_outbox.c.retracts).where(_outbox.c.retracts.is_not(None))
    statement = select(_outbox.c.args).where(
        _outbox.c.tx_hash == tx_hash,
        _outbox.c.event == "SettlementSkipped",
        _outbox.c.retracts.is_(None),
        _outbox.c.id.not_in(retracted),
    )
    found = (await connection.execute(statement)).scalars()
    return {bytes.fromhex(str(args["payer"]).removeprefix("0x")): int(args["reason"]) for args in found}


async def set_batch(connection: AsyncConnection, batch_id: str, **values: Any) -> None:
    """Change columns of a batch."""
    await connection.execute(update(_batches).where(_batches.c.id == batch_id).values(**values))


async def set_line(
    connection: AsyncConnection, batch_id: str, payer: bytes, outcome: str, reason: str = ""
) -> None:
    """Say how a line ended."""
    line = (_lines.c.batch_id == batch_id) & (_lines.c.payer == payer)
    await connection.execute(update(_lines).where(line).values(outcome=outcome, reason=reason))


_LEAD: Final = text(
    "INSERT INTO gateway.leases AS l (name, holder, expires_at) VALUES (:name, :holder, :until) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at "
    "WHERE l.holder = excluded.holder OR l.expires_at < :now"
)


async def take_lease(connection: AsyncConnection, name: str, holder: str, now: int, until: int) -> bool:
    """Take or renew a lease; False where another holds it."""
    bound = {"name": name, "holder": holder, "now": now, "until": until}
    return (await connection.execute(_LEAD, bound)).rowcount == 1
