"""What a step says to its database: a handful of bulk statements, in SQLite's words and in PostgreSQL's.

Both are synchronous: SQLite's run on the connection's own thread in one visit, PostgreSQL's inside
SQLAlchemy's ``run_sync``. So a step is one plain function for both.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain as flat
from typing import Any, Final, Protocol, TypeVar

import psycopg
from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary, Numeric, String, text
from sqlalchemy.dialects.postgresql import dialect as postgres_dialect
from sqlalchemy.util import await_only

from backend.db.session import Statement, Store
from indexer.copying import copy_bytes
from indexer.shapes import Key, Row, Shape, table_of
from indexer.spelling import copied_values, postgres_arrays, row_of, sqlite_values

T = TypeVar("T")
Values = tuple[Any, ...]
"""A row in the order of its table's columns."""
Found = list[Values]
Answer = Callable[[], T]
"""Gives what was asked for, once it is wanted."""
SCHEMA: Final = "chain"
FEW: Final = 100
"""Rows that go as arrays in the same round trip as others; COPY pays above."""
_SQLITE_KEYS: Final = 8_000
"""Keys in one look-up: SQLite binds at most 32,766 values a statement."""


class Statements(Protocol):
    """One write transaction."""

    mark: str
    """How a parameter is written."""

    def run(self, sql: str, *values: Any) -> Found:
        """One statement; its rows."""
        ...

    def change(self, sql: str, *values: Any) -> int:
        """One statement; how many rows it changed."""
        ...

    def do(self, sql: str, *values: Any) -> None:
        """One statement whose outcome nobody looks at; it may be sent together with others."""
        ...

    def ask(self, sql: str, *values: Any) -> Answer[Found]:
        """One statement whose rows are looked at later; it may be sent together with others."""
        ...

    def select(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> Answer[list[Row]]:
        """The rows of these keys that exist; asked as `ask` does."""
        ...

    def select_all(self, shape: Shape, chain_id: int) -> Answer[list[Row]]:
        """Every row of the chain; asked as `ask` does."""
        ...

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert; a row that exists is an error, and must be seen."""
        ...

    def append(self, shape: Shape, rows: Sequence[Values]) -> None:
        """Insert rows of a table without 256-bit integers, given in the order of its columns."""
        ...

    def upsert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert or update by key."""
        ...

    def delete(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> None:
        """Delete by key."""
        ...


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _name(shape: Shape) -> str:
    return f'{SCHEMA}."{shape.name}"'


def _copying(shape: Shape) -> str:
    return f"COPY {_name(shape)} ({_quoted(shape.columns)}) FROM STDIN"


def _on_conflict(shape: Shape) -> str:
    keys, values = _quoted(shape.key_columns), shape.value_columns
    settings = ", ".join(f'"{name}" = excluded."{name}"' for name in values)
    return f"ON CONFLICT ({keys}) DO " + (f"UPDATE SET {settings}" if values else "NOTHING")


def _all_of(shape: Shape, mark: str) -> str:
    return f"SELECT {_quoted(shape.columns)} FROM {_name(shape)} WHERE chain_id = {mark}"


def _as_rows(shape: Shape, answer: Answer[Found]) -> Answer[list[Row]]:
    return lambda: [row_of(shape, row) for row in answer()]


class SqliteStatements:
    """SQLite, on its own thread."""

    mark = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Any) -> Found:
        """One statement; its rows."""
        return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, *values: Any) -> int:
        """One statement; how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def do(self, sql: str, *values: Any) -> None:
        """One statement."""
        self._connection.execute(sql, values)

    def ask(self, sql: str, *values: Any) -> Answer[Found]:
        """One statement; its rows."""
        found = self.run(sql, *values)
        return lambda: found

    def select(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> Answer[list[Row]]:
        """The rows of these keys that exist."""
        found: list[Row] = []
        for start in range(0, len(keys), _SQLITE_KEYS):
            part = keys[start : start + _SQLITE_KEYS]
            places = ", ".join([f"({', '.join('?' * len(shape.key))})"] * len(part))
            # A one-column key takes plain IN; several take SQLite's row values.
            names = _quoted(shape.key)
            wanted = f"({names}) IN (VALUES {places})"
            sql = f"SELECT {_quoted(shape.columns)} FROM {_name(shape)} WHERE chain_id = ? AND {wanted}"
            values = (chain_id, *flat.from_iterable(part))
            found += [row_of(shape, row) for row in self._connection.execute(sql, values)]
        return lambda: found

    def select_all(self, shape: Shape, chain_id: int) -> Answer[list[Row]]:
        """Every row of the chain."""
        return _as_rows(shape, self.ask(_all_of(shape, self.mark), chain_id))

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert; a row that exists is an error."""
        self._many(shape, rows, "")

    def upsert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert or update by key."""
        self._many(shape, rows, _on_conflict(shape))

    def delete(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> None:
        """Delete by key."""
        wanted = " AND ".join(f'"{name}" = ?' for name in shape.key_columns)
        self._connection.executemany(
            f"DELETE FROM {_name(shape)} WHERE {wanted}", [(chain_id, *key) for key in keys]
        )

    def append(self, shape: Shape, rows: Sequence[Values]) -> None:
        """Insert rows given in the order of the columns."""
        self._connection.executemany(self._insertion(shape), rows)

    def _many(self, shape: Shape, rows: Sequence[Row], conflict: str) -> None:
        sql = f"{self._insertion(shape)} {conflict}"
        self._connection.executemany(sql, sqlite_values(shape, rows, shape.columns))

    def _insertion(self, shape: Shape) -> str:
        places = ", ".join("?" * len(shape.columns))
        return f"INSERT INTO {_name(shape)} ({_quoted(shape.columns)}) VALUES ({places})"


_DIALECT: Final = postgres_dialect()  # type: ignore[no-untyped-call]
_ARRAYS: Final[tuple[tuple[type[Any], str], ...]] = (
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (LargeBinary, "bytea"),
    (Numeric, "numeric"),
    (JSON, "json"),
    (String, "text"),
)


@cache
def _array_types(shape: Shape) -> dict[str, str]:
    """The element type of each column's array."""
    types = {}
    for column in table_of(shape.model).columns:
        kind = column.type.dialect_impl(_DIALECT)
        kind = getattr(kind, "impl", kind)
        types[column.name] = next(name for base, name in _ARRAYS if isinstance(kind, base))
    return types


@dataclass(slots=True)
class _Kept:
    """A statement to be sent, and what came of it once it was."""

    sql: str
    values: Sequence[Any]
    found: Found | None = None
    changed: int = 0


class PostgresStatements:
    """PostgreSQL through psycopg, rows as one array a column. For use under SQLAlchemy's ``run_sync``.

    What nobody waits for is kept until something is read, and sent in one round trip with it; what is `left`
    at the end, with the commit.
    """

    mark = "%s"

    def __init__(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        self._connection = connection
        self._later: list[_Kept] = []

    def run(self, sql: str, *values: Any) -> Found:
        """One statement; its rows."""
        return self.ask(sql, *values)()

    def change(self, sql: str, *values: Any) -> int:
        """One statement; how many rows it changed."""
        kept = self._keep(sql, values)
        self._flush()
        return kept.changed

    def do(self, sql: str, *values: Any) -> None:
        """One statement, sent later."""
        self._keep(sql, values)

    def ask(self, sql: str, *values: Any) -> Answer[Found]:
        """One statement, sent when the rows of any are wanted; its rows."""
        kept = self._keep(sql, values)

        def answer() -> Found:
            if kept.found is None:
                self._flush()
            return kept.found or []

        return answer

    def left(self) -> list[Statement]:
        """What was kept and not sent; it is somebody else's to send now."""
        later, self._later = self._later, []
        return [(kept.sql, kept.values) for kept in later]

    def _keep(self, sql: str, values: Sequence[Any]) -> _Kept:
        kept = _Kept(sql, values)
        self._later.append(kept)
        return kept

    def _flush(self) -> None:
        later, self._later = self._later, []
        if later:
            await_only(self._send(later))

    async def _send(self, later: Sequence[_Kept]) -> None:
        async with self._connection.pipeline():
            cursors = [await self._connection.execute(k.sql, k.values, prepare=True) for k in later]
        for kept, cursor in zip(later, cursors, strict=True):
            kept.found = await cursor.fetchall() if cursor.description else []
            kept.changed = cursor.rowcount

    def select(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> Answer[list[Row]]:
        """The rows of these keys that exist."""
        names = ", ".join(f't."{name}"' for name in shape.columns)
        sql = f"SELECT {names} FROM {_name(shape)} t {self._matching(shape)}"
        return _as_rows(shape, self.ask(sql, *self._keys(shape, keys), chain_id))

    def select_all(self, shape: Shape, chain_id: int) -> Answer[list[Row]]:
        """Every row of the chain."""
        return _as_rows(shape, self.ask(_all_of(shape, self.mark), chain_id))

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert; a row that exists is an error."""
        if len(rows) > FEW:
            self._flush()
            await_only(self._copy_values(shape, copied_values(shape, rows)))
        else:
            self._many(shape, rows, "")

    def upsert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Insert or update by key."""
        self._many(shape, rows, _on_conflict(shape))

    def delete(self, shape: Shape, chain_id: int, keys: Sequence[Key]) -> None:
        """Delete by key."""
        if not keys:
            return
        if not shape.key:
            self.do(f"DELETE FROM {_name(shape)} WHERE chain_id = %s", chain_id)
            return
        same = " AND ".join(f't."{name}" = k."{name}"' for name in shape.key)
        using = f"DELETE FROM {_name(shape)} t USING {self._unnested(shape, shape.key)} k"
        self.do(f"{using} WHERE {same} AND t.chain_id = %s", *self._keys(shape, keys), chain_id)

    def append(self, shape: Shape, rows: Sequence[Values]) -> None:
        """Insert rows given in the order of the columns."""
        if len(rows) > FEW:
            self._flush()
            await_only(self._copy_bytes(shape, copy_bytes(shape.model, rows)))
        elif rows:
            self.do(self._insertion(shape), *(list(column) for column in zip(*rows, strict=True)))

    async def _copy_bytes(self, shape: Shape, body: bytes) -> None:
        async with (
            self._connection.cursor() as cursor,
            cursor.copy(f"{_copying(shape)} (FORMAT BINARY)") as copy,
        ):
            await copy.write(body)

    async def _copy_values(self, shape: Shape, rows: Sequence[Values]) -> None:
        async with self._connection.cursor() as cursor, cursor.copy(_copying(shape)) as copy:
            for row in rows:
                await copy.write_row(row)

    def _many(self, shape: Shape, rows: Sequence[Row], conflict: str) -> None:
        if rows:
            sql = f"{self._insertion(shape)} {conflict}"
            self.do(sql, *postgres_arrays(shape, rows, shape.columns))

    def _insertion(self, shape: Shape) -> str:
        source = self._unnested(shape, shape.columns)
        return f"INSERT INTO {_name(shape)} ({_quoted(shape.columns)}) SELECT * FROM {source} k"

    def _unnested(self, shape: Shape, columns: Sequence[str]) -> str:
        types = _array_types(shape)
        arrays = ", ".join(f"%b::{types[name]}[]" for name in columns)
        return f"(SELECT * FROM unnest({arrays}) AS u({_quoted(columns)}))"

    def _matching(self, shape: Shape) -> str:
        return f"JOIN {self._unnested(shape, shape.key)} k USING ({_quoted(shape.key)}) WHERE t.chain_id = %s"

    def _keys(self, shape: Shape, keys: Sequence[Key]) -> list[list[Any]]:
        rows = [dict(zip(shape.key, key, strict=True)) for key in keys]
        return postgres_arrays(shape, rows, shape.key)


class Writer(Protocol):
    """What runs work in a write transaction: `in_one_write`, or one that fails on purpose."""

    async def __call__(self, store: Store, work: Callable[[Statements], T]) -> T:
        """Run it: all of it counts, or none."""
        ...


async def in_one_read(store: Store, work: Callable[[Statements], T]) -> T:
    """Run `work` on one snapshot of the store; it must not write."""
    async with store.read_connection() as connection:
        await connection.execute(text("SELECT 1"))  # begins the transaction
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if store.dialect == "sqlite":
            raw = driver._conn
            result: T = await driver._execute(lambda: work(SqliteStatements(raw)))
            return result
        return await connection.run_sync(lambda _: work(PostgresStatements(driver)))


async def in_one_write(store: Store, work: Callable[[Statements], T]) -> T:
    """Run `work` in one write transaction of the store: all of it counts, or none."""
    if store.dialect == "sqlite":
        return await store.write_sqlite(lambda connection: work(SqliteStatements(connection)))
    return await store.write_driver(lambda driver: _worked(PostgresStatements(driver), work))


def _worked(db: PostgresStatements, work: Callable[[Statements], T]) -> tuple[T, list[Statement]]:
    return work(db), db.left()


def one_at_a_time(write: Writer) -> Writer:
    """A writer whose transactions follow one another, so that ids given in one are there for the next."""
    turn = asyncio.Lock()

    async def in_turn(store: Store, work: Callable[[Statements], T]) -> T:
        async with turn:
            return await write(store, work)

    return in_turn
