"""The statements of holds, spelled out per database; every paid request waits for them.

A hold is had by one conditional statement: the tab as the indexer mirrors it, less what was served and is not
settled, less what is held, must cover it. In PostgreSQL a joined row may be stale after a wait for a lock, so
the mirrored tab is read `FOR SHARE`; whoever changes a hold locks its tab first.
"""

# ruff: noqa: S608 (names are our own, values are always bound)

from enum import Enum
from typing import Final

import orjson

from backend.core.units import MICRO, ZERO_HASH
from backend.db.hot_work import APART, Apart, SqliteConnection
from backend.db.session import Row, Statement
from backend.meter.pricing import UNITS_CEILING
from backend.meter.schemas import HoldRequest, TabKey

KEY: Final = "chain_id = %s AND plan_id = %s AND payer = %s"
TAB_KEY: Final = "t.chain_id = m.chain_id AND t.plan_id = m.plan_id AND t.payer = m.payer"


def on_sqlite(statement: str) -> str:
    """The same statement with SQLite's mark for a parameter."""
    return statement.replace("%s", "?")


def _covered(least: str, greatest: str) -> str:
    """Whether the tab covers an amount; parameters: day, amount, then chain, plan, payer and amount."""
    settled = f"{least}(t.settled, {UNITS_CEILING})"
    counted = f"{least}(t.balance, {UNITS_CEILING} - {settled})"
    left_today = f"{greatest}(t.daily_limit - CASE WHEN t.day = %s THEN t.spent ELSE 0 END, 0)"
    backed = f"CASE WHEN t.daily_limit = 0 THEN {counted} ELSE {least}({counted}, {left_today}) END"
    spent = f"{greatest}(m.spent, {settled} * {MICRO} - {MICRO - 1})"
    vouched = (
        f"coalesce((SELECT {least}(v.cumulative_units, {UNITS_CEILING}) FROM gateway.vouchers v "
        f"WHERE {KEY}), 0) * {MICRO}"
    )
    return (
        "t.withdraw_at = 0 AND t.balance > 0 "
        f"AND ({backed}) * {MICRO} - ({spent} - {settled} * {MICRO}) - m.held >= %s "
        f"AND (NOT t.vouchers OR {vouched} - {spent} - m.held >= %s)"
    )


_PLACED: Final = "NOT EXISTS (SELECT 1 FROM gateway.holds WHERE request_id = %s)"
_HOLD: Final = "INSERT INTO gateway.holds (request_id, chain_id, plan_id, payer, amount, expires_at)"
_RESERVE_SQLITE: Final = on_sqlite(
    "UPDATE gateway.meter_tabs AS m SET held = m.held + %s FROM chain.tabs AS t "
    f"WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s AND {TAB_KEY} "
    f"AND {_PLACED} AND {_covered('min', 'max')}"
)
_HOLD_SQLITE: Final = on_sqlite(f"{_HOLD} VALUES (%s, %s, %s, %s, %s, %s)")
_OPEN_SQLITE: Final = on_sqlite(
    "INSERT INTO gateway.meter_tabs (chain_id, plan_id, payer, spent, held, sequence, last_receipt) "
    f"SELECT %s, %s, %s, coalesce((SELECT min(settled, {UNITS_CEILING}) * {MICRO} FROM chain.tabs "
    f"WHERE {KEY}), 0), 0, 0, %s WHERE true ON CONFLICT DO NOTHING"
)
_OPEN_POSTGRESQL: Final = (
    "INSERT INTO gateway.meter_tabs (chain_id, plan_id, payer, spent, held, sequence, last_receipt) "
    f"SELECT %s::int8, %s::int8, %s::bytea, coalesce((SELECT least(settled, {UNITS_CEILING}) * {MICRO} "
    f"FROM chain.tabs WHERE {KEY}), 0), 0, 0, %s::bytea ON CONFLICT DO NOTHING RETURNING 1"
)
_MIRRORED_SQLITE: Final = on_sqlite(f"SELECT 1 FROM chain.tabs WHERE {KEY}")
_RESERVE_POSTGRESQL: Final = (
    f"WITH t AS MATERIALIZED (SELECT * FROM chain.tabs WHERE {KEY} FOR SHARE), "
    "moved AS (UPDATE gateway.meter_tabs AS m SET held = m.held + %s FROM t "
    f"WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s AND {_PLACED} "
    f"AND {_covered('least', 'greatest')} RETURNING 1), "
    f"placed AS ({_HOLD} SELECT %s::text, %s::int8, %s::int8, %s::bytea, %s::int8, %s::int8 FROM moved "
    "RETURNING 1) "
    "SELECT EXISTS (SELECT 1 FROM placed) OR EXISTS (SELECT 1 FROM gateway.holds WHERE request_id = %s), "
    f"EXISTS (SELECT 1 FROM t) AND NOT EXISTS (SELECT 1 FROM gateway.meter_tabs WHERE {KEY})"
)

_MOST_ROWS: Final = 32
_NONE_PLACED_SQLITE: Final = (
    "NOT EXISTS (SELECT 1 FROM gateway.holds WHERE request_id IN (SELECT value FROM json_each(%s)))"
)
_RESERVE_ALL_SQLITE: Final = on_sqlite(
    "UPDATE gateway.meter_tabs AS m SET held = m.held + %s FROM chain.tabs AS t "
    f"WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s AND {TAB_KEY} "
    f"AND {_NONE_PLACED_SQLITE} AND {_covered('min', 'max')}"
)
_RESERVE_ALL_POSTGRESQL: Final = (
    f"WITH t AS MATERIALIZED (SELECT * FROM chain.tabs WHERE {KEY} FOR SHARE), "
    "r AS MATERIALIZED (SELECT * FROM json_to_recordset(%s::json) AS x(id text, amount int8, expires int8)), "
    "moved AS (UPDATE gateway.meter_tabs AS m SET held = m.held + %s FROM t "
    f"WHERE m.chain_id = %s AND m.plan_id = %s AND m.payer = %s AND {TAB_KEY} "
    "AND NOT EXISTS (SELECT 1 FROM gateway.holds WHERE request_id IN (SELECT id FROM r)) "
    f"AND {_covered('least', 'greatest')} RETURNING 1), "
    f"placed AS ({_HOLD} SELECT r.id, %s::int8, %s::int8, %s::bytea, r.amount, r.expires FROM moved, r) "
    "SELECT EXISTS (SELECT 1 FROM moved)"
)


def key_of(tab: TabKey) -> tuple[int, int, bytes]:
    """A tab as the statements take it."""
    return tab.chain_id, tab.plan_id, tab.payer


def order_of(tab: TabKey) -> bytes:
    """Where a tab stands when several are locked."""
    return tab.chain_id.to_bytes(8, "big") + tab.plan_id.to_bytes(8, "big") + tab.payer


class Reserved(Enum):
    """How asking for a hold ended; `UNOPENED`: the meter has no row of the tab yet, open it and ask again."""

    HELD = "held"
    REFUSED = "refused"
    UNOPENED = "unopened"


class OpenTab:
    """Make the meter's row of a tab if it is not there yet; credits settled before count as spent."""

    def __init__(self, tab: TabKey) -> None:
        self.lock_order = order_of(tab)
        key = key_of(tab)
        self._values = (*key, *key, ZERO_HASH)

    def on_sqlite(self, connection: SqliteConnection) -> bool:
        """Whether it was not there."""
        return connection.execute(_OPEN_SQLITE, self._values).rowcount == 1

    def on_postgresql(self) -> Statement:
        """One statement."""
        return _OPEN_POSTGRESQL, self._values

    def from_rows(self, rows: list[Row]) -> bool:
        """Whether it was not there."""
        return bool(rows)


class ReserveHold:
    """Set the amount aside and write the hold, or do nothing. The same request twice holds once."""

    def __init__(self, hold: HoldRequest, today: int, expires_at: int) -> None:
        key = key_of(hold.tab)
        self.lock_order = order_of(hold.tab)
        self.join_key = (ReserveHold, *key, today)
        self.hold = hold
        self.day = today % 2**16
        self.key = key
        covered = (self.day, hold.amount, *key, hold.amount)
        self._move = (hold.amount, *key, hold.request_id, *covered)
        self.row = (hold.request_id, *key, hold.amount, expires_at)

    @staticmethod
    def joined(works: "list[ReserveHold]") -> "ReserveHolds":
        """Those of one tab and day as one."""
        return ReserveHolds(works)

    def on_sqlite(self, connection: SqliteConnection) -> Reserved:
        """In SQLite a missing row is opened on the way."""
        if connection.execute(_RESERVE_SQLITE, self._move).rowcount != 1:
            if self._placed(connection):
                return Reserved.HELD
            if not (self._open(connection) and connection.execute(_RESERVE_SQLITE, self._move).rowcount):
                return Reserved.REFUSED
        connection.execute(_HOLD_SQLITE, self.row)
        return Reserved.HELD

    def on_postgresql(self) -> Statement:
        """One statement."""
        values = (*self.key, *self._move, *self.row, self.hold.request_id, *self.key)
        return _RESERVE_POSTGRESQL, values

    def from_rows(self, rows: list[Row]) -> Reserved:
        """(held, unopened)."""
        held, unopened = rows[0]
        return Reserved.HELD if held else Reserved.UNOPENED if unopened else Reserved.REFUSED

    def _placed(self, connection: SqliteConnection) -> bool:
        found = connection.execute(
            "SELECT 1 FROM gateway.holds WHERE request_id = ?", (self.hold.request_id,)
        )
        return found.fetchone() is not None

    def _open(self, connection: SqliteConnection) -> bool:
        """Open the row of a tab that was ever deposited to; whether that was needed."""
        mirrored = connection.execute(_MIRRORED_SQLITE, self.key)
        return mirrored.fetchone() is not None and OpenTab(self.hold.tab).on_sqlite(connection)


class ReserveHolds:
    """Several holds of one tab as one, where it covers their sum: then it covers each in its turn. Where it
    does not, or a hold stands already, each is asked for alone.
    """

    def __init__(self, works: list[ReserveHold]) -> None:
        first = works[0]
        self.lock_order = first.lock_order
        self._works = works
        self._key = first.key
        self._amount = sum(work.hold.amount for work in works)
        self._covered = (first.day, self._amount, *first.key, self._amount)

    def on_sqlite(self, connection: SqliteConnection) -> list[Reserved]:
        """One update, and the rows."""
        ids = orjson.dumps([work.hold.request_id for work in self._works]).decode()
        values = (self._amount, *self._key, ids, *self._covered)
        if connection.execute(_RESERVE_ALL_SQLITE, values).rowcount != 1:
            return [work.on_sqlite(connection) for work in self._works]
        insert_sqlite(connection, _HOLD_SQLITE, [work.row for work in self._works])
        return [Reserved.HELD] * len(self._works)

    def on_postgresql(self) -> Statement:
        """One statement."""
        rows = [{"id": work.row[0], "amount": work.row[4], "expires": work.row[5]} for work in self._works]
        moved = (orjson.dumps(rows).decode(), self._amount, *self._key, *self._covered)
        return _RESERVE_ALL_POSTGRESQL, (*self._key, *moved, *self._key)

    def from_rows(self, rows: list[Row]) -> list[Reserved | Apart]:
        """All held, or each to be asked alone."""
        held: Reserved | Apart = Reserved.HELD if rows[0][0] else APART
        return [held] * len(self._works)


def insert_sqlite(connection: SqliteConnection, statement: str, rows: list[tuple[object, ...]]) -> None:
    """Insert rows by a statement that ends in the values of one: in few steps, since each hands the
    interpreter's lock over twice. Their numbers are powers of two, so that few statements are ever prepared.
    """
    head, mark, one = statement.partition("VALUES ")
    while rows:
        count = min(1 << (len(rows).bit_length() - 1), _MOST_ROWS)
        several = head + mark + ", ".join([one] * count)
        connection.execute(several, [value for row in rows[:count] for value in row])
        rows = rows[count:]


_TAKE_SQLITE: Final = on_sqlite(f"DELETE FROM gateway.holds WHERE request_id = %s AND {KEY} RETURNING amount")
LOWER: Final = f"UPDATE gateway.meter_tabs SET held = held - %s WHERE {KEY}"
LOWER_SQLITE: Final = on_sqlite(LOWER)
OWN_POSTGRESQL: Final = (
    "own AS MATERIALIZED (SELECT chain_id, plan_id, payer, spent, held, sequence, last_receipt "
    f"FROM gateway.meter_tabs WHERE {KEY} FOR UPDATE)"
)
SAME_TAB: Final = "h.chain_id = own.chain_id AND h.plan_id = own.plan_id AND h.payer = own.payer"
_VOID_POSTGRESQL: Final = (
    f"WITH {OWN_POSTGRESQL}, gone AS (DELETE FROM gateway.holds AS h USING own "
    f"WHERE h.request_id = %s AND {SAME_TAB} RETURNING h.amount) "
    "UPDATE gateway.meter_tabs SET held = gateway.meter_tabs.held - gone.amount "
    f"FROM gone WHERE {KEY}"
)


class VoidHold:
    """Delete a hold and free what it held; a hold that is gone already is nothing to free."""

    def __init__(self, hold: HoldRequest) -> None:
        self.lock_order = order_of(hold.tab)
        self._key = key_of(hold.tab)
        self._request_id = hold.request_id

    def on_sqlite(self, connection: SqliteConnection) -> None:
        """Two statements."""
        gone = connection.execute(_TAKE_SQLITE, (self._request_id, *self._key)).fetchone()
        if gone is not None:
            connection.execute(LOWER_SQLITE, (gone[0], *self._key))

    def on_postgresql(self) -> Statement:
        """One statement."""
        return _VOID_POSTGRESQL, (*self._key, self._request_id, *self._key)

    def from_rows(self, rows: list[Row]) -> None:
        """Nothing to tell."""


_RENEW_POSTGRESQL: Final = (
    "WITH renewed AS (UPDATE gateway.holds SET expires_at = %s WHERE request_id = ANY(%s) RETURNING 1) "
    "SELECT count(*) FROM renewed"
)


class RenewHolds:
    """Let holds live until `expires_at`; how many were still there."""

    def __init__(self, request_ids: list[str], expires_at: int) -> None:
        self._request_ids = request_ids
        self._expires_at = expires_at

    def on_sqlite(self, connection: SqliteConnection) -> int:
        """One statement each."""
        update = "UPDATE gateway.holds SET expires_at = ? WHERE request_id = ?"
        values = [(self._expires_at, request_id) for request_id in self._request_ids]
        return connection.executemany(update, values).rowcount if values else 0

    def on_postgresql(self) -> Statement:
        """One statement."""
        return _RENEW_POSTGRESQL, (self._expires_at, self._request_ids)

    def from_rows(self, rows: list[Row]) -> int:
        """The count."""
        return int(rows[0][0])
