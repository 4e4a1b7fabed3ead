"""Projections again from the stored raw logs, without a node."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

from backend.chain.events import DecodedEvent, Header, RawLog
from backend.core.errors import DatabaseError
from indexer.folding import LIVE, Placed, Target, fold_events, fold_into, write_added, write_book
from indexer.ranges import Range, StepSize, next_range
from indexer.rows import RowBook
from indexer.statements import Found, Statements

BATCH: Final = 10_000
"""Raw logs in memory at once, unless one block holds more."""
MOST_BLOCKS: Final = 2_000
"""Blocks looked through at once, where they hold few logs."""
HELD: Final = 20_000
"""Rows that stay in memory until the end, so that each is written once."""
_TOPIC: Final = 32
_ALL: Final = 2**62

Decode = Callable[[RawLog], DecodedEvent | None]
KeepsUndo = Callable[[int], bool]
NOWHERE: Final = Header(-1, b"", b"", 0)


class StoredEvents:
    """The events in a chain's raw logs, in order, whole blocks at a time.

    Asked for by ranges of blocks: "the next of all that are left" may be planned as a sort of all that are
    left, and then every batch costs as much as the rest of the chain.
    """

    def __init__(self, chain_id: int, first: int, last: int, decode: Decode) -> None:
        self.number = first - 1
        """The block up to which they were given."""
        self._chain_id, self._last, self._decode = chain_id, last, decode
        self._size = StepSize(MOST_BLOCKS)

    @classmethod
    def of(cls, db: Statements, chain_id: int, decode: Decode) -> Self:
        """All that a chain has."""
        found = db.run(f"SELECT start_block, number FROM chain.chains WHERE chain_id = {db.mark}", chain_id)
        start_block, number = found[0]
        return cls(chain_id, start_block, number, decode)

    def batches(self, db: Statements) -> Iterator[list[Placed]]:
        """One batch after the other."""
        while (batch := self.batch(db)) is not None:
            yield batch

    def batch(self, db: Statements) -> list[Placed] | None:
        """The events of the next blocks, maybe none of them; None at the end."""
        wanted = next_range(self.number, self._last, self._size.blocks)
        if wanted is None:
            return None
        rows = self._rows(db, wanted, BATCH)
        if len(rows) == BATCH:
            wanted, rows = self._whole_blocks(db, wanted.first, rows)
        headers = self._headers(db, wanted)
        self._size.learn(wanted.width, len(rows))
        self.number = wanted.last
        placed = ((self._decode(log), block) for log, block in _read_logs(rows, headers))
        return [(event, block) for event, block in placed if event is not None]

    def _whole_blocks(self, db: Statements, first: int, rows: Found) -> tuple[Range, Found]:
        """What the rows hold in full: all but their last block, or that one alone, however full."""
        cut = rows[-1][0]
        before = [row for row in rows if row[0] < cut]
        if before:
            return Range(first, cut - 1), before
        return Range(first, cut), self._rows(db, Range(cut, cut), _ALL)

    def _rows(self, db: Statements, wanted: Range, most: int) -> Found:
        return db.run(
            "SELECT block_number, block_hash, tx_hash, tx_index, log_index, address, topics, data "
            f"FROM chain.logs WHERE chain_id = {db.mark} AND block_number BETWEEN {db.mark} AND {db.mark} "
            f"ORDER BY block_number, log_index LIMIT {most}",
            self._chain_id,
            wanted.first,
            wanted.last,
        )

    def _headers(self, db: Statements, wanted: Range) -> Mapping[int, Header]:
        found = db.run(
            "SELECT number, hash, parent_hash, timestamp FROM chain.blocks "
            f"WHERE chain_id = {db.mark} AND number BETWEEN {db.mark} AND {db.mark}",
            self._chain_id,
            wanted.first,
            wanted.last,
        )
        return {row[0]: Header(*row) for row in found}


class Rebuilding:
    """Rows made again, event by event: in memory while they are few, else as a step makes them."""

    def __init__(self, chain_id: int, keeps_undo: KeepsUndo, target: Target = LIVE) -> None:
        """`target` holds no row of the chain yet."""
        self._chain_id, self._keeps_undo, self._target = chain_id, keeps_undo, target
        self._book = RowBook(chain_id, NOWHERE, complete=True)

    def fold(self, db: Statements, events: list[Placed]) -> None:
        """Take the next events."""
        if self._book.complete:
            fold_into(self._book, events, self._keeps_undo)
            write_added(db, self._chain_id, self._book, self._target)
        else:
            fold_events(db, self._chain_id, events, self._book, self._keeps_undo, self._target)
        if not self._book.complete or self._book.held > HELD:
            self.finish(db)

    def finish(self, db: Statements) -> None:
        """Write what is only in memory; from here on rows are looked up."""
        write_book(db, self._chain_id, self._book, self._target)
        self._book = RowBook(self._chain_id, NOWHERE)


def rebuild(db: Statements, chain_id: int, decode: Decode) -> None:
    """Make every projection again from the logs that are left."""
    for shape in LIVE.shapes:
        db.change(f"DELETE FROM chain.{shape.name} WHERE chain_id = {db.mark}", chain_id)
    rebuilding = Rebuilding(chain_id, lambda _: False)
    for events in StoredEvents.of(db, chain_id, decode).batches(db):
        rebuilding.fold(db, events)
    rebuilding.finish(db)


def replayed_book(db: Statements, chain_id: int, decode: Decode) -> RowBook:
    """All projections of a chain, folded in memory."""
    book = RowBook(chain_id, NOWHERE, complete=True)
    for events in StoredEvents.of(db, chain_id, decode).batches(db):
        fold_into(book, events, lambda _: False)
    return book


def _read_logs(rows: Found, headers: Mapping[int, Header]) -> Iterator[tuple[RawLog, Header]]:
    for number, block_hash, tx_hash, tx_index, log_index, address, topics, data in rows:
        words = tuple([topics[start : start + _TOPIC] for start in range(0, len(topics), _TOPIC)])
        if (block := headers.get(number)) is None:
            raise DatabaseError(
                f"the store lacks block {number}, whose logs it has; remove the chain store and index again"
            )
        yield RawLog(number, block_hash, tx_hash, tx_index, log_index, address, words, data), block
