"""One step: the only way the mirror changes, all of it in one database transaction.

The stored head must still be the one the step was built on; blocks above the fork are undone exactly; then
headers, raw logs, projections, undo records and outbox rows of the new blocks are written and the head moves.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from backend.chain.events import DecodedEvent, Header, RawLog
from backend.core.errors import DatabaseBusy
from backend.db.tables.chain import Block, Heartbeat, Log, Undo
from indexer.journal import rewind_rows, undo_rows
from indexer.outbox import append, retractions, rows_of
from indexer.projections.registry import fold
from indexer.rows import Gatherer, RowBook
from indexer.shapes import FACTS, PINNED, PROJECTED, RAW, Row, shape_of
from indexer.statements import Statements

REBUILD_BATCH: Final = 5_000
"""Raw logs folded at once when projections are rebuilt."""
_BY_BLOCK: Final = ("blocks", "logs", "undo", *(shape.name for shape in FACTS.values()))
_HEARTBEAT: Final = shape_of(Heartbeat)

Decode = Callable[[RawLog], DecodedEvent | None]


@dataclass(frozen=True, slots=True)
class Head:
    """A block by number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """New blocks on top of `fork`, which is `base` unless blocks are undone; their logs in order."""

    chain_id: int
    base: Head
    fork: Head
    headers: Sequence[Header]
    logs: Sequence[RawLog]
    safe: int
    finalized: int
    anchor: Header | None = None
    """The block before the deployment, where even that one was replaced."""
    confirmed_at_ms: int = 0
    node_number: int = 0
    """When the node answered, and where it stood."""


@dataclass(slots=True)
class Applied:
    """What a step did."""

    events: int = 0
    undone: int = 0
    retracted: int = 0
    rebuilt: bool = False
    changed: dict[str, int] = field(default_factory=dict)


def apply_step(db: Statements, step: Step, decode: Decode) -> Applied:
    """Write a step. Raises DatabaseBusy when the stored head is another than the step's base."""
    journal_from = _claim_head(db, step)
    done = Applied(undone=step.base.number - step.fork.number)
    book = RowBook(step.chain_id, _header_of(step.fork))
    if step.fork != step.base:
        rows = retractions(db, step.chain_id, step.fork.number)
        done.retracted = len(rows)
        append(db, rows)
        done.rebuilt = step.fork.number + 1 < journal_from
        if not done.rebuilt:
            rewind_rows(db, step.chain_id, step.fork.number, book)
        _forget_blocks(db, step)
        if done.rebuilt:
            rebuild(db, step.chain_id, decode)
            journal_from = step.fork.number + 1
    events = [event for log in step.logs if (event := decode(log)) is not None]
    done.events = len(events)
    done.changed = _fold_and_write(db, step, events, book)
    _write_raw(db, step)
    _move_head(db, step, max(journal_from, step.finalized + 1))
    beat(db, step.chain_id, step.confirmed_at_ms, step.node_number)
    return done


def beat(db: Statements, chain_id: int, confirmed_at_ms: int, node_number: int) -> None:
    """Note that a node confirmed the stored head."""
    row = {"chain_id": chain_id, "confirmed_at_ms": confirmed_at_ms, "node_number": node_number}
    db.upsert(_HEARTBEAT, [row])


def _header_of(head: Head) -> Header:
    return Header(head.number, head.hash, b"", 0)


def _claim_head(db: Statements, step: Step) -> int:
    """Take the chain's row for this transaction; the lowest block the journal still knows."""
    mark = db.mark
    taken = db.run(
        f"UPDATE chain.chains SET reorgs = reorgs + {mark} WHERE chain_id = {mark} AND number = {mark} "
        f"AND hash = {mark} RETURNING journal_from",
        int(step.fork != step.base),
        step.chain_id,
        step.base.number,
        step.base.hash,
    )
    if not taken:
        raise DatabaseBusy(
            f"the stored head of chain {step.chain_id} is no longer block {step.base.number}: "
            "another indexer wrote; this step was thrown away"
        )
    return int(taken[0][0])


def _forget_blocks(db: Statements, step: Step) -> None:
    for table in _BY_BLOCK:
        column = "number" if table == "blocks" else "block_number"
        db.change(
            f"DELETE FROM chain.{table} WHERE chain_id = {db.mark} AND {column} > {db.mark}",
            step.chain_id,
            step.fork.number,
        )
    if step.anchor is not None:
        db.upsert(RAW[Block], [_block_row(step.chain_id, step.anchor)])


def fold_events(
    db: Statements,
    chain_id: int,
    events: Sequence[tuple[DecodedEvent, Header]],
    book: RowBook,
    keeps_undo: Callable[[int], bool],
) -> None:
    """Load the rows the events touch and fold the events into them, block by block."""
    load_rows(db, chain_id, events, book)
    for number, group in groupby(events, key=lambda pair: pair[1].number):
        pairs = list(group)
        book.begin(pairs[0][1], keeps_undo(number))
        for event, _ in pairs:
            fold(event, book)


def load_rows(
    db: Statements, chain_id: int, events: Sequence[tuple[DecodedEvent, Header]], book: RowBook
) -> None:
    """Bring every row the events touch into the book, those it has already left alone."""
    if not events:
        return
    gatherer = Gatherer(chain_id, events[0][1])
    for event, block in events:
        gatherer.block = block
        fold(event, gatherer)
    for table in PINNED:
        book.load(table, db.select_all(PROJECTED[table], chain_id))
        book.load(table, [], gatherer.needed[table])
    for table, keys in gatherer.keys().items():
        book.load(table, db.select(PROJECTED[table], chain_id, keys), keys)


def write_rows(db: Statements, chain_id: int, book: RowBook) -> dict[str, int]:
    """Write what the book holds; rows written by table."""
    written = {}
    for table, rows in book.changed().items():
        db.upsert(PROJECTED[table], rows)
        written[PROJECTED[table].name] = len(rows)
    for table, keys in book.removed().items():
        db.delete(PROJECTED[table], chain_id, keys)
    for table, rows in book.facts.items():
        db.insert(FACTS[table], rows)
        written[FACTS[table].name] = len(rows)
    return written


def _fold_and_write(
    db: Statements, step: Step, events: Sequence[DecodedEvent], book: RowBook
) -> dict[str, int]:
    blocks = {header.number: header for header in step.headers}
    pairs = [(event, blocks[event.log.block_number]) for event in events]
    fold_events(db, step.chain_id, pairs, book, lambda number: number > step.finalized)
    written = write_rows(db, step.chain_id, book)
    db.insert(RAW[Undo], undo_rows(step.chain_id, book.undo))
    append(db, rows_of(step.chain_id, pairs))
    return written


def _write_raw(db: Statements, step: Step) -> None:
    db.insert(RAW[Block], [_block_row(step.chain_id, header) for header in step.headers])
    db.insert(RAW[Log], [_log_row(step.chain_id, log) for log in step.logs])


def _block_row(chain_id: int, header: Header) -> Row:
    return {
        "chain_id": chain_id,
        "number": header.number,
        "hash": header.hash,
        "parent_hash": header.parent_hash,
        "timestamp": header.timestamp,
    }


def _log_row(chain_id: int, log: RawLog) -> Row:
    return {
        "chain_id": chain_id,
        "block_number": log.block_number,
        "log_index": log.log_index,
        "block_hash": log.block_hash,
        "tx_hash": log.tx_hash,
        "tx_index": log.tx_index,
        "address": log.address,
        "topics": b"".join(log.topics),
        "data": log.data,
    }


def _move_head(db: Statements, step: Step, journal_from: int) -> None:
    mark = db.mark
    new = step.headers[-1] if step.headers else None
    head = Head(new.number, new.hash) if new else step.fork
    db.change(
        f"UPDATE chain.chains SET number = {mark}, hash = {mark}, safe_number = {mark}, "
        f"finalized_number = {mark}, journal_from = {mark}, timestamp = "
        f"(SELECT timestamp FROM chain.blocks WHERE chain_id = {mark} AND number = {mark}) "
        f"WHERE chain_id = {mark}",
        head.number,
        head.hash,
        min(step.safe, head.number),
        min(step.finalized, head.number),
        journal_from,
        step.chain_id,
        head.number,
        step.chain_id,
    )
    db.change(
        f"DELETE FROM chain.undo WHERE chain_id = {mark} AND block_number < {mark}",
        step.chain_id,
        journal_from,
    )


def rebuild(db: Statements, chain_id: int, decode: Decode) -> None:
    """Make every projection again from the raw logs that are left, without a node."""
    for shape in (*PROJECTED.values(), *FACTS.values()):
        db.change(f"DELETE FROM chain.{shape.name} WHERE chain_id = {db.mark}", chain_id)
    for pairs in stored_events(db, chain_id, decode):
        book = RowBook(chain_id, pairs[0][1])
        fold_events(db, chain_id, pairs, book, lambda _: False)
        write_rows(db, chain_id, book)


def stored_events(
    db: Statements, chain_id: int, decode: Decode
) -> Iterator[list[tuple[DecodedEvent, Header]]]:
    """The stored logs, decoded, a batch at a time."""
    after = (-1, -1)
    while rows := _stored_logs(db, chain_id, after):
        after = (rows[-1][0].block_number, rows[-1][0].log_index)
        pairs = [(event, block) for log, block in rows if (event := decode(log)) is not None]
        if pairs:
            yield pairs


def _stored_logs(db: Statements, chain_id: int, after: tuple[int, int]) -> list[tuple[RawLog, Header]]:
    mark = db.mark
    rows = db.run(
        "SELECT l.block_number, l.block_hash, l.tx_hash, l.tx_index, l.log_index, l.address, l.topics, "
        "l.data, b.parent_hash, b.timestamp FROM chain.logs l "
        "JOIN chain.blocks b ON b.chain_id = l.chain_id AND b.number = l.block_number "
        f"WHERE l.chain_id = {mark} AND (l.block_number, l.log_index) > ({mark}, {mark}) "
        f"ORDER BY l.block_number, l.log_index LIMIT {REBUILD_BATCH}",
        chain_id,
        *after,
    )
    return [_read_log(*row) for row in rows]


def _read_log(
    number: int,
    block_hash: bytes,
    tx_hash: bytes,
    tx_index: int,
    log_index: int,
    address: bytes,
    topics: bytes,
    data: bytes,
    parent: bytes,
    timestamp: int,
) -> tuple[RawLog, Header]:
    words = tuple(topics[start : start + 32] for start in range(0, len(topics), 32))
    log = RawLog(number, block_hash, tx_hash, tx_index, log_index, address, words, data)
    return log, Header(number, block_hash, parent, timestamp)
