"""Statements of the meter that no request waits for; each runs inside the caller's transaction.

Those of the hot path are in `hold_repository` and `capture_repository`, spelled out per database.
"""

from typing import Any, Final

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, PlanId
from backend.db.tables.chain import Tab
from backend.db.tables.meter import Hold, MeterTab, StoredVoucher, Usage
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.pricing import TabState
from backend.meter.schemas import TabKey

_tabs: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_holds: Final[Any] = Hold.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_vouchers: Final[Any] = StoredVoucher.__table__  # type: ignore[attr-defined]
_batches: Final[Any] = SettlementBatch.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]
_mirror: Final[Any] = Tab.__table__  # type: ignore[attr-defined]


def _of(tab: TabKey) -> dict[str, Any]:
    return {"chain_id": tab.chain_id, "plan_id": tab.plan_id, "payer": tab.payer}


def _key(row: Any) -> TabKey:
    return TabKey(ChainId(row.chain_id), PlanId(row.plan_id), Address(bytes(row.payer)))


def _same_tab(left: Any, right: Any) -> Any:
    same_plan = (left.c.chain_id == right.c.chain_id) & (left.c.plan_id == right.c.plan_id)
    return same_plan & (left.c.payer == right.c.payer)


def _where(table: Any, tab: TabKey) -> Any:
    return (
        (table.c.chain_id == tab.chain_id) & (table.c.plan_id == tab.plan_id) & (table.c.payer == tab.payer)
    )


async def reap(connection: AsyncConnection, now: int) -> list[tuple[TabKey, int]]:
    """Delete expired holds and lower their tabs in the same transaction; returns (tab, amount) of each.

    The tabs are locked first and in order, as everybody locks them.
    """
    expired = select(_holds.c.request_id).where(_same_tab(_holds, _tabs), _holds.c.expires_at < now).exists()
    tabs = select(_tabs.c.plan_id).where(expired).order_by(_tabs.c.chain_id, _tabs.c.plan_id, _tabs.c.payer)
    if connection.dialect.name == "postgresql":
        await connection.execute(tabs.with_for_update())
    columns = (_holds.c.chain_id, _holds.c.plan_id, _holds.c.payer, _holds.c.amount)
    statement = delete(_holds).where(_holds.c.expires_at < now).returning(*columns)
    rows = (await connection.execute(statement)).all()
    reaped = [(_key(row), int(row.amount)) for row in rows]
    for tab in {tab for tab, _ in reaped}:
        lowered = sum(amount for other, amount in reaped if other == tab)
        await connection.execute(update(_tabs).where(_where(_tabs, tab)).values(held=_tabs.c.held - lowered))
    return reaped


async def meter_tab(connection: AsyncConnection, tab: TabKey) -> Any:
    """The meter's row of a tab, or None."""
    return (await connection.execute(select(_tabs).where(_where(_tabs, tab)))).one_or_none()


async def mirrored_tab(connection: AsyncConnection, tab: TabKey) -> TabState | None:
    """The tab as the indexer has it, or None where nothing was ever deposited."""
    row = (await connection.execute(select(_mirror).where(_where(_mirror, tab)))).one_or_none()
    if row is None:
        return None
    return TabState(row.balance, row.settled, row.withdraw_at, row.daily_limit, row.spent, row.day)


async def demands_vouchers(connection: AsyncConnection, tab: TabKey) -> bool:
    """Whether the payer set the tab to need vouchers."""
    found = await connection.execute(select(_mirror.c.vouchers).where(_where(_mirror, tab)))
    return bool(found.scalar_one_or_none())


async def voucher_units(connection: AsyncConnection, tab: TabKey) -> int:
    """Whole credits the largest voucher covers for the life of the tab; 0 without one."""
    found = await connection.execute(select(_vouchers.c.cumulative_units).where(_where(_vouchers, tab)))
    return int(found.scalar_one_or_none() or 0)


_KEEP_VOUCHER: Final = text(
    "INSERT INTO gateway.vouchers AS v (chain_id, plan_id, payer, cumulative_units, signature) "
    "VALUES (:chain_id, :plan_id, :payer, :cumulative_units, :signature) "
    "ON CONFLICT (chain_id, plan_id, payer) DO UPDATE SET cumulative_units = excluded.cumulative_units, "
    "signature = excluded.signature WHERE v.cumulative_units < excluded.cumulative_units"
)


async def keep_voucher(
    connection: AsyncConnection, tab: TabKey, cumulative_units: int, signature: bytes
) -> bool:
    """Keep a voucher if it is larger than the one kept; returns whether it was."""
    bound = {**_of(tab), "cumulative_units": cumulative_units, "signature": signature}
    return (await connection.execute(_KEEP_VOUCHER, bound)).rowcount == 1


async def usage_row(connection: AsyncConnection, request_id: str) -> Any:
    """One usage row, or None."""
    return (await connection.execute(select(_usage).where(_usage.c.request_id == request_id))).one_or_none()


async def usage_between(connection: AsyncConnection, tab: TabKey, after: int, up_to: int) -> list[Any]:
    """Usage rows of a tab with `after` < sequence <= `up_to`, in order."""
    inside = (_usage.c.sequence > after) & (_usage.c.sequence <= up_to)
    statement = select(_usage).where(_where(_usage, tab) & inside).order_by(_usage.c.sequence)
    return list((await connection.execute(statement)).all())


async def line_covering(connection: AsyncConnection, tab: TabKey, sequence: int) -> Any:
    """The newest line whose root covers a receipt, with its batch's transaction; None without one."""
    statement = (
        select(_lines, _batches.c.tx_hash)
        .join(_batches, _batches.c.id == _lines.c.batch_id)
        .where(
            _lines.c.chain_id == tab.chain_id,
            _lines.c.plan_id == tab.plan_id,
            _lines.c.payer == tab.payer,
            _lines.c.from_sequence < sequence,
            _lines.c.to_sequence >= sequence,
            _lines.c.outcome.in_(("pending", "settled")),
        )
        .order_by(_batches.c.created_at.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).one_or_none()
