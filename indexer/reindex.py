"""Reindex: every projection made again from the stored raw logs, without a node, while readers go on.

The rows are built in shadow tables, batch by batch; then one transaction puts them in the place of the old
ones. Readers see the old rows until it commits and the new ones after.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.schema import CreateTable, DropTable

from backend.core.deployment import Deployment
from backend.core.errors import DatabaseBusy
from backend.db.session import Store
from indexer.collector import rare_collections
from indexer.folding import LIVE, Target
from indexer.lease import sole_writer
from indexer.mirror import Mirror, Standing
from indexer.replay import Rebuilding, StoredEvents
from indexer.shapes import table_of
from indexer.statements import Statements, in_one_write
from indexer.steps import Head

PREFIX: Final = "shadow_"
SHADOW: Final = Target.of(PREFIX)
PATIENCE_SECONDS: Final = 5.0
"""How long a running indexer is waited for."""

Progress = Callable[[int, int], None]
"""Told the block reached and the last one."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was made again: up to which block, and rows by table."""

    head: Head
    rows: dict[str, int]


async def reindex(
    store: Store,
    deployment: Deployment,
    now_ms: Callable[[], int],
    progress: Progress | None = None,
) -> Reindexed:
    """Rebuild all projections of a chain. Raises DatabaseBusy where an indexer holds the store."""
    mirror, stop = Mirror(store, deployment), asyncio.Event()
    giving_up = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, stop.set)
    async with sole_writer(store, stop, now_ms) as lost:
        giving_up.cancel()
        if stop.is_set():
            raise DatabaseBusy("an indexer holds the store; stop it, reindex, and start it again")
        start = await mirror.standing()
        await _make_shadows(store)
        with rare_collections():
            await _fill_shadows(store, mirror, start, lost, progress)
        rows = await in_one_write(store, lambda db: _swap(db, mirror.chain_id, start))
        await _drop_shadows(store)
        return Reindexed(start.head, rows)


async def _fill_shadows(
    store: Store, mirror: Mirror, start: Standing, lost: asyncio.Event, progress: Progress | None
) -> None:
    stored = StoredEvents(mirror.chain_id, mirror.anchor + 1, start.head.number, mirror.reader.decode)
    rebuilding = Rebuilding(mirror.chain_id, lambda number: number >= start.journal_from, SHADOW)

    def fold_next(db: Statements) -> bool:
        if (events := stored.batch(db)) is None:
            rebuilding.finish(db)
            return False
        rebuilding.fold(db, events)
        return True

    while True:
        if lost.is_set():
            raise _taken_over()  # what is in the shadows is a part of the rows
        if not await in_one_write(store, fold_next):
            return
        if progress is not None:
            progress(stored.number, start.head.number)


def _taken_over() -> DatabaseBusy:
    return DatabaseBusy("another indexer took the store meanwhile; stop it and reindex again")


def _swap(db: Statements, chain_id: int, start: Standing) -> dict[str, int]:
    # Written, not only read: another indexer's step waits for this row, or this transaction for it.
    # A branch that left and came back is another reorganisation: what was read may be of both.
    mark = db.mark
    held = f"UPDATE chain.chains SET number = number WHERE chain_id = {mark} AND number = {mark}"
    known = (chain_id, start.head.number, start.head.hash, start.reorgs)
    if not db.change(f"{held} AND hash = {mark} AND reorgs = {mark}", *known):
        raise _taken_over()
    rows = {}
    for old, new in zip(LIVE.shapes, SHADOW.shapes, strict=True):
        names = ", ".join(f'"{name}"' for name in old.columns)
        db.change(f"DELETE FROM chain.{old.name} WHERE chain_id = {db.mark}", chain_id)
        rows[old.name] = db.change(
            f"INSERT INTO chain.{old.name} ({names}) SELECT {names} FROM chain.{new.name}"
        )
    return rows


def _shadow_tables() -> list[Table]:
    apart = MetaData()
    tables = [
        table_of(old.model).to_metadata(apart, name=new.name)
        for old, new in zip(LIVE.shapes, SHADOW.shapes, strict=True)
    ]
    for table in tables:
        table.indexes.clear()
    return tables


async def _make_shadows(store: Store) -> None:
    """Empty shadow tables without secondary indexes; those that a crash left behind go first."""

    def make(connection: Connection) -> None:
        for table in _shadow_tables():
            connection.execute(DropTable(table, if_exists=True))
            connection.execute(CreateTable(table))

    async with store.write_connection() as connection:
        await connection.run_sync(make)


async def _drop_shadows(store: Store) -> None:
    def drop(connection: Connection) -> None:
        for table in _shadow_tables():
            connection.execute(DropTable(table, if_exists=True))

    async with store.write_connection() as connection:
        await connection.run_sync(drop)
