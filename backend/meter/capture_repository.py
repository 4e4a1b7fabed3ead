"""The statements of a capture, spelled out per database; every served request waits for them.

A receipt names the one before it, so PostgreSQL takes two round trips: the tab is read under its lock, the
receipt is signed, and the rows are written. A batch takes the same two for all of its captures, and those of
one tab share their statements.
"""

# ruff: noqa: S608 (names are our own, values are always bound)

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import orjson

from backend.core.units import Hash32, MicroCredits
from backend.db.hot_work import Shared, SqliteConnection
from backend.db.session import Row, Statement
from backend.db.tables.meter import Usage
from backend.meter.hold_repository import (
    KEY,
    LOWER,
    LOWER_SQLITE,
    OWN_POSTGRESQL,
    SAME_TAB,
    TAB_KEY,
    OpenTab,
    insert_sqlite,
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
_COLUMNS: Final = ", ".join(_USAGE)
_ADD_USAGE_SQLITE: Final = f"INSERT INTO gateway.usage ({_COLUMNS}) VALUES ({', '.join(['?'] * len(_USAGE))})"
_TEXTS: Final = frozenset({"request_id", "key_id", "route", "outcome", "engine", "fault"})
_BYTES: Final = tuple(name for name, kind in Usage.model_fields.items() if kind.annotation is bytes)


def _type_of(name: str) -> str:
    """How a column's value is spelled in the rows that PostgreSQL reads from JSON."""
    if name in _TEXTS or name in _BYTES:
        return "text"
    return "bool" if name == "estimated" else "int8"


_SPELLED: Final = ", ".join(f"decode(r.{name}, 'hex')" if name in _BYTES else f"r.{name}" for name in _USAGE)
_ADD_USAGE_POSTGRESQL: Final = (
    f"INSERT INTO gateway.usage ({_COLUMNS}) SELECT {_SPELLED} "
    f"FROM json_to_recordset(%s::json) AS r({', '.join(f'{name} {_type_of(name)}' for name in _USAGE)})"
)
_MOVE: Final = (
    "UPDATE gateway.meter_tabs SET spent = %s, held = held - %s, sequence = %s, last_receipt = %s "
    f"WHERE {KEY}"
)
_MOVE_SQLITE: Final = on_sqlite(_MOVE)
_CAPTURE_POSTGRESQL: Final = f"WITH added AS ({_ADD_USAGE_POSTGRESQL}) {_MOVE}"
_MIRROR_COLUMNS: Final = ", ".join(f"coalesce(t.{name}, 0)" for name in _MIRRORED)
_TAKE_SQLITE: Final = on_sqlite(
    "DELETE FROM gateway.holds WHERE request_id IN (SELECT value FROM json_each(%s)) "
    f"AND {KEY} RETURNING request_id, amount"
)
_READ_SQLITE: Final = on_sqlite(
    f"SELECT m.spent, m.held, m.sequence, m.last_receipt, {_MIRROR_COLUMNS}, (SELECT "
    "json_group_array(request_id) FROM gateway.usage WHERE request_id IN (SELECT value FROM json_each(%s))) "
    f"FROM gateway.meter_tabs AS m LEFT JOIN chain.tabs AS t ON {TAB_KEY} "
    "WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s"
)
_ASKED: Final = "request_id = ANY(ARRAY(SELECT json_array_elements_text(%s::json)))"
_READ_POSTGRESQL: Final = (
    f"WITH {OWN_POSTGRESQL}, gone AS (DELETE FROM gateway.holds AS h USING own WHERE h.{_ASKED} "
    f"AND {SAME_TAB} RETURNING h.request_id, h.amount) "
    f"SELECT m.spent, m.held, m.sequence, m.last_receipt, {_MIRROR_COLUMNS}, "
    f"(SELECT json_agg(request_id)::text FROM gateway.usage WHERE {_ASKED}), "
    "(SELECT json_object_agg(request_id, amount)::text FROM gone) "
    f"FROM own AS m LEFT JOIN chain.tabs AS t ON {TAB_KEY}"
)


class Capture:
    """Write a usage row and move its tab on; the hold ends with it."""

    def __init__(self, served: Served, issue: Issue) -> None:
        self.lock_order = order_of(served.tab)
        self.served = served
        self.issue = issue
        self.key = key_of(served.tab)
        self.join_key = (Capture, *self.key)

    @staticmethod
    def joined(works: "list[Capture]") -> "Captures":
        """Those of one tab as one."""
        return Captures(works)

    def on_sqlite(self, connection: SqliteConnection) -> Captured | CaptureState:
        """In SQLite a missing row is opened on the way."""
        return Captures([self]).on_sqlite(connection)[0]

    def reading(self) -> Statement:
        """Lock the tab, take the hold."""
        return Captures([self]).reading()

    def writing(self, rows: list[Row], shared: Shared) -> tuple[Statement | None, Captured | CaptureState]:
        """The row and the tab's new end."""
        statement, found = Captures([self]).writing(rows, shared)
        return statement, found[0]


class Captures:
    """Captures of one tab, each receipt on top of the one before; the tab is read and moved once."""

    def __init__(self, works: list[Capture]) -> None:
        self.lock_order = works[0].lock_order
        self._works = works
        self._key = works[0].key
        self._ids = orjson.dumps([work.served.request_id for work in works]).decode()

    def on_sqlite(self, connection: SqliteConnection) -> list[Captured | CaptureState]:
        """In SQLite a missing row is opened on the way."""
        row = connection.execute(_READ_SQLITE, (self._ids, *self._key)).fetchone()
        if row is None:
            OpenTab(self._works[0].served.tab).on_sqlite(connection)
            row = connection.execute(_READ_SQLITE, (self._ids, *self._key)).fetchone()
        holds = dict(connection.execute(_TAKE_SQLITE, (self._ids, *self._key)).fetchall())
        chain = _Chain.of(row)
        found = [chain.capture(work, holds) for work in self._works]
        if rows := [_row_of(one) for one in found if isinstance(one, Captured)]:
            insert_sqlite(connection, _ADD_USAGE_SQLITE, rows)
            connection.execute(_MOVE_SQLITE, (*chain.end(), *self._key))
        elif chain.released:
            connection.execute(LOWER_SQLITE, (chain.released, *self._key))
        return found

    def reading(self) -> Statement:
        """Lock the tab, take the holds."""
        return _READ_POSTGRESQL, (*self._key, self._ids, self._ids)

    def writing(
        self, rows: list[Row], _shared: Shared
    ) -> tuple[Statement | None, list[Captured | CaptureState]]:
        """The rows and the tab's new end."""
        if not rows:
            return None, [CaptureState.UNOPENED] * len(self._works)
        *tab, gone = rows[0]
        holds = orjson.loads(gone) if gone else {}
        chain = _Chain.of(tuple(tab))
        found = [chain.capture(work, holds) for work in self._works]
        added = [_spelled(one.values) for one in found if isinstance(one, Captured)]
        if not added:
            return (LOWER, (chain.released, *self._key)), found
        return (_CAPTURE_POSTGRESQL, (orjson.dumps(added).decode(), *chain.end(), *self._key)), found


@dataclass(slots=True)
class _Chain:
    """A tab under its lock as captures move it on, one after the other."""

    spent: int
    held: int
    sequence: int
    last_receipt: Hash32
    mirror: TabState
    captured: set[str]
    released: int = 0

    @classmethod
    def of(cls, row: Row) -> "_Chain":
        spent, held, sequence, last_receipt, *mirror, captured = row
        earlier = set(orjson.loads(captured)) if captured else set()
        return cls(spent, held, sequence, Hash32(bytes(last_receipt)), TabState(*mirror), earlier)

    def capture(self, work: Capture, holds: dict[str, int]) -> Captured | CaptureState:
        """Issue the next receipt, or find that the request has one; its hold is taken either way."""
        request_id = work.served.request_id
        hold = holds.pop(request_id, None)
        captured = None if request_id in self.captured else work.issue(work.served, self._now(hold))
        self.held -= hold or 0
        self.released += hold or 0
        if captured is None:
            return CaptureState.EARLIER
        self.captured.add(request_id)
        values = captured.values
        self.spent, self.sequence = values["cumulative"], values["sequence"]
        self.last_receipt = values["receipt_digest"]
        return captured

    def end(self) -> tuple[Any, ...]:
        """What the tab's row becomes."""
        return self.spent, self.released, self.sequence, self.last_receipt

    def _now(self, hold: int | None) -> TabNow:
        return TabNow(self.spent, self.held, self.sequence, self.last_receipt, self.mirror, hold)


def _spelled(values: dict[str, Any]) -> dict[str, Any]:
    """A row as PostgreSQL reads it: one parameter for any number of rows, where binding each column costs
    more than all the rest.
    """
    return {**values, **{name: values[name].hex() for name in _BYTES}}


def _row_of(captured: Captured) -> tuple[Any, ...]:
    return tuple(map(captured.values.__getitem__, _USAGE))
