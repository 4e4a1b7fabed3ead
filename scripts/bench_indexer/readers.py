"""Outside readers: what somebody with a database connection of his own sees of an indexer's work."""

# ruff: noqa: S608 (names of tables are our own or Ponder's, numbers are whole)

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from backend.chain.events import Header
from backend.cli.devnet.anvil import CHAIN_ID

SCHEMA: Final = "bench"
"""Where Ponder keeps its tables."""
Ask = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """A connection, and the queries that an index answers at once in this indexer's tables."""

    ask: Ask
    newest: str
    above: Callable[[Header], str]
    held: str

    def newest_block(self) -> int:
        """The block of the newest transfer; 0 where there is none yet."""
        found = self.ask(self.newest)
        return int(found[0][0] or 0) if found else 0

    def transfers_above(self, block: Header) -> list[bytes]:
        """Hashes of the transactions of all transfers above a block, in order."""
        return [_bytes(row[0]) for row in self.ask(self.above(block))]

    def balances(self) -> dict[bytes, int]:
        """Units by holder, those with none left out."""
        return {_bytes(account): int(units) for account, units in self.ask(self.held) if int(units)}


def _bytes(value: str | bytes) -> bytes:
    return bytes.fromhex(value[2:]) if isinstance(value, str) else bytes(value)


def our_reader(ask: Ask, schema: str = "") -> Reader:
    """Of our tables; raw logs, balances and the head change in one transaction."""
    logs = f"FROM {schema}logs WHERE chain_id = {CHAIN_ID}"
    return Reader(
        ask,
        newest=f"SELECT block_number {logs} ORDER BY block_number DESC, log_index DESC LIMIT 1",
        above=lambda block: (
            f"SELECT tx_hash {logs} AND block_number > {block.number} ORDER BY block_number, log_index"
        ),
        held=f"SELECT account, units FROM {schema}holdings WHERE chain_id = {CHAIN_ID}",
    )


def ponders_reader(ask: Ask) -> Reader:
    """Of Ponder's tables; an event's id, which alone has an index, begins with time, chain and block."""
    table = f"FROM {SCHEMA}.transfer"

    def above(block: Header) -> str:
        first = f"{block.timestamp:010d}{CHAIN_ID:016d}{block.number + 1:016d}"
        return f"SELECT tx_hash {table} WHERE id > '{first}' ORDER BY id"

    return Reader(
        ask,
        newest=f"SELECT block {table} ORDER BY id DESC LIMIT 1",
        above=above,
        held=f"SELECT account, units FROM {SCHEMA}.balance",
    )


@contextmanager
def postgres(url: str) -> Iterator[Ask]:
    """A connection to PostgreSQL; a table that is not there yet holds nothing."""
    with psycopg.connect(url, autocommit=True) as connection:

        def ask(query: str) -> list[tuple[Any, ...]]:
            with suppress(psycopg.Error):
                return connection.execute(query.encode()).fetchall()
            return []

        yield ask


@contextmanager
def sqlite(path: Path) -> Iterator[Ask]:
    """A connection to an SQLite file; a table that is not there yet holds nothing."""
    with closing(sqlite3.connect(path)) as connection:

        def ask(query: str) -> list[tuple[Any, ...]]:
            with suppress(sqlite3.Error):
                return connection.execute(query).fetchall()
            return []

        yield ask
