"""One step: the only way the mirror changes, all of it in one database transaction.

The stored head must still be the one the step was built on; blocks above the fork are undone exactly; then
headers, raw logs, projections, undo records and outbox rows of the new blocks are written and the head moves.
"""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.chain.events import Header, RawLog
from backend.core.errors import DatabaseBusy, DatabaseError
from backend.db.tables.chain import Block, Heartbeat, Log
from indexer.folding import Placed, ask_rows, fold_into, load_rows, write_book
from indexer.journal import ask_undone, rewind_rows
from indexer.outbox import ask_last_id, ask_untaken, outbox_values, retract, tell
from indexer.replay import Decode, rebuild
from indexer.rows import RowBook
from indexer.shapes import FACTS, RAW, Row, shape_of
from indexer.statements import Answer, Found, Statements, Values

_BY_BLOCK: Final = ("blocks", "logs", "undo", "receipts", *(shape.name for shape in FACTS.values()))
_HEARTBEAT: Final = shape_of(Heartbeat)


@dataclass(frozen=True, slots=True)
class Head:
    """A block by number and hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Readied:
    """What of a step is made before its transaction begins, while another one's waits for the database."""

    events: Sequence[Placed]
    raw: Sequence[Values]
    """Rows of the logs."""
    told: Sequence[Values]
    """Rows of the outbox but for their numbers."""


def readied(chain_id: int, headers: Sequence[Header], logs: Sequence[RawLog], decode: Decode) -> Readied:
    """Decode logs of these blocks, and spell them as they are written. Raises NodeError."""
    blocks = {header.number: header for header in headers}
    events = [(event, blocks[log.block_number]) for log in logs if (event := decode(log)) is not None]
    return Readied(
        events,
        [_log_values(chain_id, log) for log in logs],
        [outbox_values(chain_id, event, block) for event, block in events],
    )


@dataclass(frozen=True, slots=True)
class Step:
    """New blocks on top of `fork`, which is `base` unless blocks are undone, and what their logs say."""

    chain_id: int
    base: Head
    fork: Head
    headers: Sequence[Header]
    readied: Readied
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
    events = step.readied.events
    done = Applied(events=len(events), undone=step.base.number - step.fork.number)
    book = RowBook(step.chain_id, _header_of(step.fork))
    # Asked before any is looked at: where a round trip costs something, these are one.
    claim, last_id = _ask_head(db, step), ask_last_id(db)
    if step.fork == step.base:
        rows = ask_rows(db, step.chain_id, events)
        journal_from, last = _claimed(step, claim), last_id()
    else:
        journal_from, last = _unwind(db, step, decode, book, done, (claim, last_id))
        rows = ask_rows(db, step.chain_id, events)
    load_rows(book, rows)
    fold_into(book, events, lambda number: number > step.finalized)
    done.changed = write_book(db, step.chain_id, book)
    tell(db, step.readied.told, last)
    _write_raw(db, step)
    _move_head(db, step, max(journal_from, step.finalized + 1))
    beat(db, step.chain_id, step.confirmed_at_ms, step.node_number)
    return done


def _unwind(
    db: Statements,
    step: Step,
    decode: Decode,
    book: RowBook,
    done: Applied,
    asked: tuple[Answer[Found], Answer[int]],
) -> tuple[int, int]:
    """Undo the blocks above the fork; the lowest block the journal knows then, and the last outbox row."""
    claim, last_id = asked
    untaken = ask_untaken(db, step.chain_id, step.fork.number)
    undone = ask_undone(db, step.chain_id, step.fork.number)
    journal_from = _claimed(step, claim)
    done.retracted = len(untaken())
    last = retract(db, untaken(), last_id())
    done.rebuilt = step.fork.number + 1 < journal_from
    _forget_blocks(db, step)
    if done.rebuilt:
        rebuild(db, step.chain_id, decode)
        return step.fork.number + 1, last
    rewind_rows(step.chain_id, undone(), book)
    return journal_from, last


def beat(db: Statements, chain_id: int, confirmed_at_ms: int, node_number: int) -> None:
    """Note that a node confirmed the stored head."""
    row = {"chain_id": chain_id, "confirmed_at_ms": confirmed_at_ms, "node_number": node_number}
    db.upsert(_HEARTBEAT, [row])


def stored_head(db: Statements, chain_id: int) -> Head:
    """The head of a chain. Raises DatabaseError where the store is bound to none."""
    found = db.run(f"SELECT number, hash FROM chain.chains WHERE chain_id = {db.mark}", chain_id)
    if not found:
        raise DatabaseError(f"the store mirrors no chain {chain_id}; run `emporion index` first")
    return Head(*found[0])


def _header_of(head: Head) -> Header:
    return Header(head.number, head.hash, b"", 0)


def _ask_head(db: Statements, step: Step) -> Answer[Found]:
    """Take the chain's row for this transaction: the lowest block the journal still knows."""
    mark = db.mark
    return db.ask(
        f"UPDATE chain.chains SET reorgs = reorgs + {mark} WHERE chain_id = {mark} AND number = {mark} "
        f"AND hash = {mark} RETURNING journal_from",
        int(step.fork != step.base),
        step.chain_id,
        step.base.number,
        step.base.hash,
    )


def _claimed(step: Step, claim: Answer[Found]) -> int:
    if not (taken := claim()):
        raise DatabaseBusy(
            f"the stored head of chain {step.chain_id} is no longer block {step.base.number}: "
            "another indexer wrote; this step was thrown away"
        )
    return int(taken[0][0])


def _forget_blocks(db: Statements, step: Step) -> None:
    for table in _BY_BLOCK:
        column = "number" if table == "blocks" else "block_number"
        db.do(
            f"DELETE FROM chain.{table} WHERE chain_id = {db.mark} AND {column} > {db.mark}",
            step.chain_id,
            step.fork.number,
        )
    if step.anchor is not None:
        db.upsert(RAW[Block], [_block_row(step.chain_id, step.anchor)])


def _write_raw(db: Statements, step: Step) -> None:
    db.insert(RAW[Block], [_block_row(step.chain_id, header) for header in step.headers])
    db.append(RAW[Log], step.readied.raw)


def _block_row(chain_id: int, header: Header) -> Row:
    return {
        "chain_id": chain_id,
        "number": header.number,
        "hash": header.hash,
        "parent_hash": header.parent_hash,
        "timestamp": header.timestamp,
    }


def _log_values(chain_id: int, log: RawLog) -> Values:
    """A log in the order of its table's columns."""
    return (
        chain_id,
        log.block_number,
        log.log_index,
        log.block_hash,
        log.tx_hash,
        log.tx_index,
        log.address,
        b"".join(log.topics),
        log.data,
    )


def _move_head(db: Statements, step: Step, journal_from: int) -> None:
    mark = db.mark
    new = step.headers[-1] if step.headers else None
    head = Head(new.number, new.hash) if new else step.fork
    db.do(
        f"UPDATE chain.chains SET number = {mark}, hash = {mark}, safe_number = {mark}, "
        f"finalized_number = {mark}, journal_from = {mark}, "
        f"receipts_number = CASE WHEN receipts_number > {mark} THEN {mark} ELSE receipts_number END, "
        f"timestamp = (SELECT timestamp FROM chain.blocks WHERE chain_id = {mark} AND number = {mark}) "
        f"WHERE chain_id = {mark}",
        head.number,
        head.hash,
        min(step.safe, head.number),
        min(step.finalized, head.number),
        journal_from,
        step.fork.number,
        step.fork.number,
        step.chain_id,
        head.number,
        step.chain_id,
    )
    db.do(
        f"DELETE FROM chain.undo WHERE chain_id = {mark} AND block_number < {mark}",
        step.chain_id,
        journal_from,
    )
