"""Statements of the meter: every one runs inside the caller's transaction.

A hold is had by one conditional statement: the tab as the indexer mirrors it, less what was served and is not
settled, less what is held, must cover it. The words differ between the databases in the scalar minimum and in
the lock: in PostgreSQL a joined row can be stale after a lock wait, so the tab is read `FOR SHARE`.
"""

from typing import Any, Final

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import TextClause

from backend.core.units import MICRO, ZERO_HASH
from backend.db.tables.chain import Tab
from backend.db.tables.meter import Hold, MeterTab, StoredVoucher, Usage
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.pricing import UNITS_CEILING, TabState
from backend.meter.schemas import HoldRequest, TabKey

_tabs: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_holds: Final[Any] = Hold.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_vouchers: Final[Any] = StoredVoucher.__table__  # type: ignore[attr-defined]
_batches: Final[Any] = SettlementBatch.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]
_mirror: Final[Any] = Tab.__table__  # type: ignore[attr-defined]


def _reserve_statement(least: str, greatest: str, lock: str, source: str) -> str:
    backed = (
        f"CASE WHEN t.withdraw_at > 0 THEN 0 WHEN t.daily_limit = 0 THEN {least}(t.balance, {UNITS_CEILING}) "
        f"ELSE {least}({least}(t.balance, {UNITS_CEILING}), {greatest}(t.daily_limit - "
        "CASE WHEN t.day = :today THEN t.spent ELSE 0 END, 0)) END"
    )
    free = f"({backed}) * {MICRO} - (m.spent - {least}(t.settled, {UNITS_CEILING}) * {MICRO}) - m.held"
    vouched = (
        "(SELECT v.cumulative_units FROM gateway.vouchers v "
        "WHERE v.chain_id = :chain_id AND v.plan_id = :plan_id AND v.payer = :payer)"
    )
    covered = (
        f"CASE WHEN t.vouchers THEN COALESCE({vouched}, 0) * {MICRO} - m.spent - m.held ELSE :amount END"
    )
    return (
        f"{source.format(lock=lock)} SET held = m.held + :amount FROM {{tab}} "
        "WHERE m.chain_id = :chain_id AND m.plan_id = :plan_id AND m.payer = :payer "
        "AND t.chain_id = m.chain_id AND t.plan_id = m.plan_id AND t.payer = m.payer "
        f"AND {free} >= :amount AND {covered} >= :amount"
    )


_RESERVE: Final[dict[str, TextClause]] = {
    "sqlite": text(
        _reserve_statement("min", "max", "", "UPDATE gateway.meter_tabs AS m").format(tab="chain.tabs AS t")
    ),
    "postgresql": text(
        _reserve_statement(
            "least",
            "greatest",
            "FOR SHARE",
            "WITH t AS (SELECT * FROM chain.tabs WHERE chain_id = :chain_id AND plan_id = :plan_id "
            "AND payer = :payer {lock}) UPDATE gateway.meter_tabs AS m",
        ).format(tab="t")
    ),
}
_OPEN: Final = text(
    "INSERT INTO gateway.meter_tabs (chain_id, plan_id, payer, spent, held, sequence, last_receipt) "
    "VALUES (:chain_id, :plan_id, :payer, 0, 0, 0, :zero) ON CONFLICT DO NOTHING"
)


def _of(tab: TabKey) -> dict[str, Any]:
    return {"chain_id": tab.chain_id, "plan_id": tab.plan_id, "payer": tab.payer}


def _where(table: Any, tab: TabKey) -> Any:
    return (
        (table.c.chain_id == tab.chain_id) & (table.c.plan_id == tab.plan_id) & (table.c.payer == tab.payer)
    )


async def open_tab(connection: AsyncConnection, tab: TabKey) -> None:
    """Make the meter's row of a tab if it is not there yet."""
    await connection.execute(_OPEN, {**_of(tab), "zero": ZERO_HASH})


async def reserve(connection: AsyncConnection, hold: HoldRequest, today: int, expires_at: int) -> bool:
    """Set the amount aside and write the hold; False, and nothing done, where the tab does not cover it."""
    await open_tab(connection, hold.tab)
    bound = {**_of(hold.tab), "amount": hold.amount, "today": today % 2**16}
    result = await connection.execute(_RESERVE[connection.dialect.name], bound)
    if result.rowcount != 1:
        return False
    row = {**_of(hold.tab), "request_id": hold.request_id, "amount": hold.amount, "expires_at": expires_at}
    await connection.execute(insert(_holds), row)
    return True


async def take_hold(connection: AsyncConnection, request_id: str) -> int | None:
    """Delete a hold and return its amount, None where there is none. `held` is the caller's to lower."""
    statement = delete(_holds).where(_holds.c.request_id == request_id).returning(_holds.c.amount)
    amount: int | None = (await connection.execute(statement)).scalar_one_or_none()
    return amount


async def release(connection: AsyncConnection, tab: TabKey, amount: int) -> None:
    """Lower what a tab holds."""
    lowered = update(_tabs).where(_where(_tabs, tab)).values(held=_tabs.c.held - amount)
    await connection.execute(lowered)


async def renew(connection: AsyncConnection, request_ids: list[str], expires_at: int) -> int:
    """Let holds live until `expires_at`; returns how many were still there."""
    statement = update(_holds).where(_holds.c.request_id.in_(request_ids)).values(expires_at=expires_at)
    return int((await connection.execute(statement)).rowcount)


async def reap(connection: AsyncConnection, now: int) -> list[tuple[TabKey, int]]:
    """Delete expired holds and lower their tabs in the same transaction; returns (tab, amount) of each."""
    columns = (_holds.c.chain_id, _holds.c.plan_id, _holds.c.payer, _holds.c.amount)
    statement = delete(_holds).where(_holds.c.expires_at < now).returning(*columns)
    rows = (await connection.execute(statement)).all()
    reaped = [(TabKey(row.chain_id, row.plan_id, bytes(row.payer)), row.amount) for row in rows]  # type: ignore[arg-type]
    for tab, amount in sorted(reaped, key=lambda entry: (entry[0].plan_id, entry[0].payer)):
        await release(connection, tab, amount)
    return reaped


async def meter_tab(connection: AsyncConnection, tab: TabKey, *, lock: bool = False) -> Any:
    """The meter's row of a tab, or None; locked where asked (SQLite's writers queue anyway)."""
    statement = select(_tabs).where(_where(_tabs, tab))
    if lock and connection.dialect.name == "postgresql":
        statement = statement.with_for_update()
    return (await connection.execute(statement)).one_or_none()


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


async def add_usage(connection: AsyncConnection, row: dict[str, Any], released: int) -> None:
    """Write a usage row and move its tab on; `released` comes off what it holds."""
    await connection.execute(insert(_usage), row)
    tab = TabKey(row["chain_id"], row["plan_id"], row["payer"])
    moved = update(_tabs).where(_where(_tabs, tab))
    values = {"spent": row["cumulative"], "sequence": row["sequence"], "last_receipt": row["receipt_digest"]}
    await connection.execute(moved.values(held=_tabs.c.held - released, **values))


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
            _lines.c.outcome != "skipped",
        )
        .order_by(_batches.c.created_at.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).one_or_none()
