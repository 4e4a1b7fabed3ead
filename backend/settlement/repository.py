"""Statements of the settlement: they run inside the caller's transaction."""

from typing import Any, Final

from sqlalchemy import and_, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import MICRO, Address, ChainId, PlanId, Units, UnixTime, plan_service
from backend.db.tables import chain as mirror
from backend.db.tables.meter import MeterTab, StoredVoucher, Usage
from backend.db.tables.settlement import Lease, SettlementBatch, SettlementLine
from backend.meter.pricing import UNITS_CEILING, TabState
from backend.meter.schemas import TabKey
from backend.settlement.batch import LeavingTab, OpenTab

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
FAILED: Final = ("skipped", "abandoned")


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


def _ours(meter: Address, now: int) -> Any:
    """Services this meter may settle: its own, and those that replaced it a short while ago."""
    until = _services.c.previous_meter_until
    return or_(_services.c.meter == meter, and_(_services.c.previous_meter == meter, until > now))


def _service_of(rows: Any) -> Any:
    """The join of rows with their plan's service."""
    same_plan = and_(_plans.c.chain_id == rows.c.chain_id, _plans.c.plan_id == rows.c.plan_id)
    same_service = and_(
        _services.c.chain_id == _plans.c.chain_id, _services.c.service_id == _plans.c.service_id
    )
    return same_plan, same_service


def _busy(rows: Any) -> Any:
    """Whether an open batch has a line of the tab."""
    lines = select(_lines.c.payer).join(_batches, _batches.c.id == _lines.c.batch_id)
    return lines.where(_batches.c.status.in_(OPEN), _same_tab(_lines, rows)).correlate(rows).exists()


def _failed(what: Any) -> Any:
    """Of the tab's lines for credits still unsettled that failed."""
    lines = select(what).join(_batches, _batches.c.id == _lines.c.batch_id)
    failed = lines.where(_same_tab(_lines, _own), _lines.c.outcome.in_(FAILED))
    return failed.where(_lines.c.cumulative_units > _tabs.c.settled).correlate(_own, _tabs).scalar_subquery()


async def open_tabs(
    connection: AsyncConnection, chain_id: ChainId, meter: Address, now: int
) -> list[OpenTab]:
    """Tabs with served and unsettled credits, of services whose meter is ours, that no open batch has."""
    same_plan, same_service = _service_of(_own)
    joined = _own.join(_tabs, _same_tab(_own, _tabs)).join(_plans, same_plan).join(_services, same_service)
    joined = joined.outerjoin(_vouchers, _same_tab(_own, _vouchers))
    statement = select(
        _own,
        *_mirrored(),
        _tabs.c.vouchers.label("demands"),
        _vouchers.c.cumulative_units.label("vouched"),
        _oldest_unsettled().label("oldest"),
        _failed(func.count()).label("failures"),
        _failed(func.max(_batches.c.ended_at)).label("failed_at"),
    )
    statement = statement.select_from(joined).where(
        _own.c.chain_id == chain_id,
        _ours(meter, now),
        _tabs.c.settled < UNITS_CEILING,
        (_own.c.spent + (MICRO - 1)) // MICRO > _tabs.c.settled,
        ~_busy(_own),
    )
    rows = (await connection.execute(statement)).all()
    return [_open_tab(row) for row in rows]


_MIRRORED: Final = ("balance", "settled", "withdraw_at", "daily_limit", "spent", "day")


def _mirrored() -> list[Any]:
    return [_tabs.c[name].label(f"tab_{name}") for name in _MIRRORED]


def _state_of(row: Any) -> TabState:
    return TabState(*(getattr(row, f"tab_{name}") for name in _MIRRORED))


def _key_of(row: Any) -> TabKey:
    return TabKey(ChainId(row.chain_id), PlanId(row.plan_id), Address(bytes(row.payer)))


def _covered() -> Any:
    """Newest receipt of the tab that a settled line covers."""
    newest = select(func.max(_lines.c.to_sequence)).where(
        _same_tab(_lines, _own), _lines.c.outcome == "settled", _lines.c.cumulative_units <= _tabs.c.settled
    )
    return func.coalesce(newest.correlate(_own, _tabs).scalar_subquery(), 0)


def _oldest_unsettled() -> Any:
    """When the tab's first receipt after those was signed."""
    first = select(_usage.c.issued_at).where(_same_tab(_usage, _own), _usage.c.sequence > _covered())
    return first.order_by(_usage.c.sequence).limit(1).correlate(_own, _tabs).scalar_subquery()


def _open_tab(row: Any) -> OpenTab:
    return OpenTab(
        key=_key_of(row),
        spent=row.spent,
        held=row.held,
        sequence=row.sequence,
        oldest_unsettled_at=UnixTime(row.oldest or 0),
        mirror=_state_of(row),
        vouched=Units(row.vouched or 0) if row.demands else None,
        failures=row.failures,
        failed_at=row.failed_at or 0,
    )


async def leaving_tabs(
    connection: AsyncConnection, chain_id: ChainId, meter: Address, now: int
) -> list[LeavingTab]:
    """Tabs whose payers asked to withdraw and wait, at services that no other meter may settle."""
    same_plan, same_service = _service_of(_tabs)
    joined = _tabs.join(_plans, same_plan).join(_services, same_service)
    joined = joined.outerjoin(_own, _same_tab(_own, _tabs))
    statement = select(_tabs.c.chain_id, _tabs.c.plan_id, _tabs.c.payer, _own.c.spent, _own.c.held)
    statement = statement.add_columns(*_mirrored()).select_from(joined)
    statement = statement.where(
        _tabs.c.chain_id == chain_id,
        _tabs.c.withdraw_at > now,
        _tabs.c.balance > 0,
        _services.c.meter == meter,
        or_(_services.c.previous_meter.is_(None), _services.c.previous_meter_until <= now),
        ~_busy(_tabs),
    )
    rows = (await connection.execute(statement)).all()
    return [LeavingTab(_key_of(row), row.spent or 0, row.held or 0, _state_of(row)) for row in rows]


async def newest_event(connection: AsyncConnection) -> int:
    """Id of the newest row of the outbox; 0 where there is none."""
    return int((await connection.execute(select(func.max(_outbox.c.id)))).scalar_one_or_none() or 0)


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


async def oldest_open(connection: AsyncConnection) -> int:
    """When the oldest batch not confirmed yet was prepared, of every chain; 0 where there is none."""
    statement = select(func.coalesce(func.min(_batches.c.created_at), 0)).where(_batches.c.status.in_(OPEN))
    return int((await connection.execute(statement)).scalar_one())


async def lines_of(connection: AsyncConnection, batch_id: str) -> list[Any]:
    """Lines of a batch with the mirror's `settled_now`, and the stored voucher where there is one."""
    joined = _lines.outerjoin(_tabs, _same_tab(_lines, _tabs)).outerjoin(
        _vouchers, _same_tab(_lines, _vouchers)
    )
    statement = select(_lines, _tabs.c.settled.label("settled_now"), _vouchers.c.signature)
    statement = statement.add_columns(_vouchers.c.cumulative_units.label("covered_units"))
    statement = statement.select_from(joined).where(_lines.c.batch_id == batch_id).order_by(_lines.c.payer)
    return list((await connection.execute(statement)).all())


async def skipped_since(
    connection: AsyncConnection, batch: Any, meter: Address
) -> dict[tuple[bytes, int], int]:
    """Lines that mined settlements of ours left out since a batch was prepared, and the contract's reason.

    By (payer, cumulative credits), from the indexed events: under which hash it was mined does not matter.
    """
    retracted = select(_outbox.c.retracts).where(_outbox.c.retracts.is_not(None))
    statement = select(_outbox.c.args).where(
        _outbox.c.service_id == plan_service(batch.plan_id),
        _outbox.c.id > batch.outbox_from,
        _outbox.c.chain_id == batch.chain_id,
        _outbox.c.plan_id == batch.plan_id,
        _outbox.c.event == "SettlementSkipped",
        _outbox.c.retracts.is_(None),
        _outbox.c.id.not_in(retracted),
    )
    found = [dict(args) for args in (await connection.execute(statement)).scalars()]
    return {
        (_bytes_of(args["payer"]), int(args["cumulativeUnits"])): int(args["reason"])
        for args in found
        if _bytes_of(args["meter"]) == meter
    }


def _bytes_of(text: object) -> bytes:
    return bytes.fromhex(str(text).removeprefix("0x"))


async def end_batch(
    connection: AsyncConnection, batch_id: str, status: str, now: int, error: str = ""
) -> None:
    """A batch is done with; lines still pending share its end."""
    await set_batch(connection, batch_id, status=status, ended_at=now, error=error)
    if status != "confirmed":
        pending = (_lines.c.batch_id == batch_id) & (_lines.c.outcome == "pending")
        await connection.execute(update(_lines).where(pending).values(outcome=status, reason=error))


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


async def give_lease_back(connection: AsyncConnection, name: str, holder: str) -> None:
    """End a lease of this holder; another's stays."""
    leases: Any = Lease.__table__  # type: ignore[attr-defined]
    await connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
