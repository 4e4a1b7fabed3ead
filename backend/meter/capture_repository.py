"""The statements of a capture, spelled out per database; every served request waits for them.

A receipt names the one before it, so PostgreSQL takes two round trips: the tab is read under its lock, the
receipt is signed, and the rows are written. A batch takes the same two for all of its captures.
"""

# ruff: noqa: S608 (names are our own, values are always bound)

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from backend.core.units import Hash32, MicroCredits
from backend.db.hot_work import Shared, SqliteConnection
from backend.db.session import Row, Statement
from backend.db.tables.meter import Usage
from backend.meter.hold_repository import (
    KEY,
    LOWER,
    LOWER_SQLITE,
    OWN_POSTGRESQL,
    TAB_KEY,
    OpenTab,
    key_of,
    on_sqlite,
    order_of,
)
from backend.meter.pricing import TabState
from backend.meter.schemas import Receipt, Served

_MIRRORED: Final = ("balance", "settled", "withdraw_at", "daily_limit", "spent", "day")


@dataclass(frozen=True, slots=True)
class TabNow:
    """A tab under its lock: what the meter counted, what the index says, and what the request held."""

    spent: int
    held: int
    sequence: int
    last_receipt: Hash32
    mirror: TabState
    hold: int | None
    captured: bool
    """Whether the request has its usage row already."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A usage row and the receipt it holds; `lost` micro-credits were asked for and not there."""

    values: dict[str, Any] = field(repr=False)
    receipt: Receipt
    lost: MicroCredits
    had_hold: bool


class CaptureState(Enum):
    """Why nothing was captured."""

    EARLIER = "earlier"
    UNOPENED = "unopened"


Issue = Callable[[Served, TabNow], Captured]
"""Signs a receipt at the tab's end. Runs in the transaction, on whatever thread that has."""

_USAGE: Final = tuple(Usage.model_fields)
_ADD_USAGE: Final = (
    f"INSERT INTO gateway.usage ({', '.join(_USAGE)}) VALUES ({', '.join(['%s'] * len(_USAGE))})"
)
_ADD_USAGE_SQLITE: Final = on_sqlite(_ADD_USAGE)
_MOVE: Final = (
    "UPDATE gateway.meter_tabs SET spent = %s, held = held - %s, sequence = %s, last_receipt = %s "
    f"WHERE {KEY}"
)
_MOVE_SQLITE: Final = on_sqlite(_MOVE)
_CAPTURE_POSTGRESQL: Final = f"WITH added AS ({_ADD_USAGE}) {_MOVE}"
_MIRROR_COLUMNS: Final = ", ".join(f"coalesce(t.{name}, 0)" for name in _MIRRORED)
_IS_CAPTURED: Final = "EXISTS (SELECT 1 FROM gateway.usage WHERE request_id = %s)"
_READ_SQLITE: Final = on_sqlite(
    f"SELECT m.spent, m.held, m.sequence, m.last_receipt, {_MIRROR_COLUMNS}, "
    "(SELECT amount FROM gateway.holds h WHERE h.request_id = %s AND h.chain_id = m.chain_id "
    f"AND h.plan_id = m.plan_id AND h.payer = m.payer), {_IS_CAPTURED} "
    f"FROM gateway.meter_tabs AS m LEFT JOIN chain.tabs AS t ON {TAB_KEY} "
    "WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s"
)
_READ_POSTGRESQL: Final = (
    f"{OWN_POSTGRESQL} SELECT m.spent, m.held, m.sequence, m.last_receipt, {_MIRROR_COLUMNS}, "
    f"(SELECT amount FROM gone), {_IS_CAPTURED} FROM own AS m LEFT JOIN chain.tabs AS t ON {TAB_KEY}"
)


class Capture:
    """Write a usage row and move its tab on; the hold ends with it."""

    def __init__(self, served: Served, issue: Issue) -> None:
        self.lock_order = order_of(served.tab)
        self._served = served
        self._issue = issue
        self._key = key_of(served.tab)

    def on_sqlite(self, connection: SqliteConnection) -> Captured | CaptureState:
        """In SQLite a missing row is opened on the way."""
        request_id = self._served.request_id
        values = (request_id, request_id, *self._key)
        row = connection.execute(_READ_SQLITE, values).fetchone()
        if row is None:
            OpenTab(self._served.tab).on_sqlite(connection)
            row = connection.execute(_READ_SQLITE, values).fetchone()
        now = _tab_now(row)
        if now.hold is not None:
            connection.execute("DELETE FROM gateway.holds WHERE request_id = ?", (request_id,))
        if now.captured:
            connection.execute(LOWER_SQLITE, (now.hold or 0, *self._key))
            return CaptureState.EARLIER
        captured = self._issue(self._served, now)
        connection.execute(_ADD_USAGE_SQLITE, _row_of(captured))
        connection.execute(_MOVE_SQLITE, self._moved(captured, now))
        return captured

    def reading(self) -> Statement:
        """Lock the tab, take the hold."""
        request_id = self._served.request_id
        return _READ_POSTGRESQL, (*self._key, request_id, request_id)

    def writing(self, rows: list[Row], shared: Shared) -> tuple[Statement | None, Captured | CaptureState]:
        """The row and the tab's new end, on top of the captures before it in this transaction."""
        if not rows:
            return None, CaptureState.UNOPENED
        now = _after(shared.get(self._key), _tab_now(rows[0]))
        if now.captured:
            return (LOWER, (now.hold or 0, *self._key)), CaptureState.EARLIER
        captured = self._issue(self._served, now)
        shared[self._key] = _Moved.by(captured, now, shared.get(self._key))
        statement = _CAPTURE_POSTGRESQL, (*_row_of(captured), *self._moved(captured, now))
        return statement, captured

    def _moved(self, captured: Captured, now: TabNow) -> tuple[Any, ...]:
        values = captured.values
        end = (values["cumulative"], now.hold or 0, values["sequence"], values["receipt_digest"])
        return (*end, *self._key)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Where the captures of one transaction left a tab that its readings saw before them."""

    spent: int
    sequence: int
    last_receipt: Hash32
    released: int

    @classmethod
    def by(cls, captured: Captured, now: TabNow, before: "_Moved | None") -> "_Moved":
        values = captured.values
        released = (now.hold or 0) + (before.released if before else 0)
        return cls(values["cumulative"], values["sequence"], values["receipt_digest"], released)


def _after(moved: _Moved | None, read: TabNow) -> TabNow:
    if moved is None:
        return read
    return TabNow(
        moved.spent,
        read.held - moved.released,
        moved.sequence,
        moved.last_receipt,
        read.mirror,
        read.hold,
        read.captured,
    )


def _tab_now(row: Row) -> TabNow:
    spent, held, sequence, last_receipt, *mirror, hold, captured = row
    return TabNow(spent, held, sequence, Hash32(bytes(last_receipt)), TabState(*mirror), hold, bool(captured))


def _row_of(captured: Captured) -> tuple[Any, ...]:
    return tuple(map(captured.values.__getitem__, _USAGE))
