"""Statements about deposits that forks took back, and usage voided; each runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, PlanId
from backend.db.tables.chain import Chain, Outbox
from backend.db.tables.meter import MeterTab, TakenDeposit, Usage, UsageEvent
from backend.db.tables.settlement import SettlementBatch, SettlementLine
from backend.meter.schemas import TabKey

PAGE: Final = 500
VOIDED: Final = "voided"
_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_tabs: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_taken: Final[Any] = TakenDeposit.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_events: Final[Any] = UsageEvent.__table__  # type: ignore[attr-defined]
_batches: Final[Any] = SettlementBatch.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]


def tab_of(row: Any) -> TabKey:
    """The tab a row is about."""
    return TabKey(ChainId(row.chain_id), PlanId(row.plan_id), Address(bytes(row.payer)))


def _of(table: Any, tab: TabKey) -> Any:
    same_plan = (table.c.chain_id == tab.chain_id) & (table.c.plan_id == tab.plan_id)
    return same_plan & (table.c.payer == tab.payer)


def _standing(tab: TabKey, event: str) -> Any:
    """Events of a tab that no fork took back."""
    retraction = _outbox.alias("retraction")
    taken = select(retraction.c.id).where(retraction.c.retracts == _outbox.c.id).exists()
    mine = (_outbox.c.chain_id == tab.chain_id) & (_outbox.c.plan_id == tab.plan_id)
    mine &= (_outbox.c.account == tab.payer) & (_outbox.c.event == event)
    return mine & _outbox.c.retracts.is_(None) & ~taken


async def chains(connection: AsyncConnection) -> list[Any]:
    """Chains the store follows: (chain_id, number, finalized_number)."""
    columns = (_chains.c.chain_id, _chains.c.number, _chains.c.finalized_number)
    return list((await connection.execute(select(*columns))).all())


def _known() -> Any:
    """Whether a retraction, or a later one of the same deposit, is followed, or the deposit decided about."""
    same = (_taken.c.chain_id == _outbox.c.chain_id) & (_taken.c.block_hash == _outbox.c.block_hash)
    same &= _taken.c.log_index == _outbox.c.log_index
    later = (_taken.c.outbox_id >= _outbox.c.id) | (_taken.c.decided_at != 0)
    return select(_taken.c.outbox_id).where(same & later).exists()


async def newly_taken(connection: AsyncConnection, chain_id: ChainId) -> list[Any]:
    """Retractions of deposits that are not followed yet, in order.

    An outbox that was made anew counts from one again; then it is read from its beginning.
    """
    newest = select(func.coalesce(func.max(_outbox.c.id), 0))
    seen = select(func.coalesce(func.max(_taken.c.outbox_id), 0)).where(_taken.c.chain_id == chain_id)
    newest_id = int((await connection.execute(newest)).scalar_one())
    seen_id = int((await connection.execute(seen)).scalar_one())
    after = seen_id if seen_id <= newest_id else 0
    mine = (_outbox.c.chain_id == chain_id) & (_outbox.c.event == "Deposited")
    fresh = mine & _outbox.c.retracts.is_not(None) & (_outbox.c.id > after) & ~_known()
    return list((await connection.execute(select(_outbox).where(fresh).order_by(_outbox.c.id))).all())


_FOLLOW: Final = text(
    "INSERT INTO gateway.taken_deposits AS d (chain_id, block_hash, log_index, block_number, tx_hash, "
    "plan_id, payer, units, outbox_id, awaited, decided_at) VALUES (:chain_id, :block_hash, :log_index, "
    ":block_number, :tx_hash, :plan_id, :payer, :units, :outbox_id, :awaited, 0) "
    "ON CONFLICT (chain_id, block_hash, log_index) DO UPDATE SET outbox_id = excluded.outbox_id, "
    "awaited = excluded.awaited WHERE d.decided_at = 0"
)


async def follow(connection: AsyncConnection, row: Any, head: int) -> None:
    """Remember a retraction; the same deposit taken back again waits anew, a decided one stays decided."""
    same = {name: getattr(row, name) for name in ("chain_id", "log_index", "block_number", "plan_id")}
    raw = {"block_hash": row.block_hash, "tx_hash": row.tx_hash, "payer": row.account}
    bound = same | {name: bytes(value) for name, value in raw.items()}
    told = {"units": int(row.args["units"]), "outbox_id": row.id, "awaited": max(head, row.block_number)}
    await connection.execute(_FOLLOW, bound | told)


async def due(connection: AsyncConnection, chain_id: ChainId, final: int) -> list[Any]:
    """Deposits whose retraction is final and that nothing was decided about yet, in order."""
    waiting = (_taken.c.chain_id == chain_id) & (_taken.c.decided_at == 0) & (_taken.c.awaited <= final)
    return list((await connection.execute(select(_taken).where(waiting).order_by(_taken.c.outbox_id))).all())


def _this(deposit: Any) -> Any:
    same = (_taken.c.chain_id == deposit.chain_id) & (_taken.c.block_hash == bytes(deposit.block_hash))
    return same & (_taken.c.log_index == deposit.log_index)


async def lock(connection: AsyncConnection, deposit: Any) -> Any:
    """The meter's row of the deposit's tab, under its lock; None where it never served.

    Raises LookupError where the deposit was decided about meanwhile.
    """
    waiting = select(_taken.c.decided_at).where(_this(deposit)).with_for_update()
    if (await connection.execute(waiting)).scalar_one():
        raise LookupError
    own = select(_tabs).where(_of(_tabs, tab_of(deposit))).with_for_update()
    return (await connection.execute(own)).one_or_none()


async def came_back(connection: AsyncConnection, deposit: Any) -> bool:
    """Whether the same transaction deposits in the branch that won."""
    again = _standing(tab_of(deposit), "Deposited") & (_outbox.c.tx_hash == bytes(deposit.tx_hash))
    return (await connection.execute(select(_outbox.c.id).where(again).limit(1))).first() is not None


async def may_be_settled(connection: AsyncConnection, tab: TabKey, backed: int) -> bool:
    """Whether a settlement for more than `backed` credits in the tab's life may be mined still.

    One the escrow left out in the branch that won has had its turn.
    """
    signed = _of(_lines, tab) & _lines.c.outcome.in_(("pending", "settled"))
    lines = select(_lines.c.cumulative_units, _batches.c.outbox_from).join(
        _batches, _batches.c.id == _lines.c.batch_id
    )
    found = (await connection.execute(lines.where(signed & (_lines.c.cumulative_units > backed)))).all()
    if not found:
        return False
    left_out = select(_outbox.c.id, _outbox.c.args).where(_standing(tab, "SettlementSkipped"))
    skipped = (await connection.execute(left_out)).all()
    return not all(
        any(
            row.id > line.outbox_from and int(row.args["cumulativeUnits"]) == line.cumulative_units
            for row in skipped
        )
        for line in found
    )


def _voided_of(request_id: Any) -> Any:
    """Micro-credits voided of a usage row; NULL where none ever were."""
    total = select(func.sum(_events.c.micro_credits)).where(_events.c.request_id == request_id)
    return total.scalar_subquery()


async def voided(connection: AsyncConnection, request_id: str) -> int | None:
    """Micro-credits of a request that are not asked for any more; None where nothing befell it."""
    found = (await connection.execute(select(_voided_of(request_id)))).scalar_one()
    return None if found is None else int(found)


async def newest_usage(connection: AsyncConnection, tab: TabKey, below: int) -> list[Any]:
    """Usage rows of a tab under a sequence, newest first: (request_id, sequence, charged, voided or None)."""
    voided_so_far = _voided_of(_usage.c.request_id).label("voided")
    columns = (_usage.c.request_id, _usage.c.sequence, _usage.c.charged, voided_so_far)
    mine = _of(_usage, tab) & (_usage.c.sequence < below)
    statement = select(*columns).where(mine).order_by(_usage.c.sequence.desc()).limit(PAGE)
    return list((await connection.execute(statement)).all())


async def void(
    connection: AsyncConnection, deposit: Any, rows: list[tuple[str, int]], reason: str, now: int
) -> None:
    """Write an event for each (request, micro-credits), and lower the tab's `spent` by their sum."""
    names = ("chain_id", "block_hash", "log_index", "block_number", "plan_id", "payer")
    same = {name: getattr(deposit, name) for name in names}
    same |= {"kind": VOIDED, "reason": reason, "created_at": now}
    values = [same | {"request_id": request_id, "micro_credits": amount} for request_id, amount in rows]
    await connection.execute(insert(_events), values)
    lowered = _tabs.c.spent - sum(amount for _, amount in rows)
    await connection.execute(update(_tabs).where(_of(_tabs, tab_of(deposit))).values(spent=lowered))


async def decided(connection: AsyncConnection, deposit: Any, now: int) -> None:
    """Nothing more is to be done about a deposit."""
    await connection.execute(update(_taken).where(_this(deposit)).values(decided_at=now))
