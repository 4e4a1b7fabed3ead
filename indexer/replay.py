"""Projections again from the stored raw logs, without a node."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Callable, Iterator
from typing import Final

from backend.chain.events import DecodedEvent, Header, RawLog
from indexer.folding import LIVE, Placed, Target, fold_events, fold_into, write_book
from indexer.rows import RowBook
from indexer.statements import Found, Statements

BATCH: Final = 10_000
"""Raw logs folded at once."""
BEGINNING: Final = (-1, -1)
_TOPIC: Final = 32

Place = tuple[int, int]
"""Block number and log index."""
Decode = Callable[[RawLog], DecodedEvent | None]
NOWHERE: Final = Header(-1, b"", b"", 0)


def rebuild(db: Statements, chain_id: int, decode: Decode) -> None:
    """Make every projection again from the logs that are left."""
    for shape in LIVE.shapes:
        db.change(f"DELETE FROM chain.{shape.name} WHERE chain_id = {db.mark}", chain_id)
    place: Place | None = BEGINNING
    while place is not None:
        place = replay_batch(db, chain_id, decode, place, lambda _: False)


def replay_batch(
    db: Statements,
    chain_id: int,
    decode: Decode,
    after: Place,
    keeps_undo: Callable[[int], bool],
    target: Target = LIVE,
) -> Place | None:
    """Fold the next logs into a target; the last one's place, or None when there were none."""
    logs = _stored_logs(db, chain_id, after)
    if not logs:
        return None
    events = _decoded(logs, decode)
    book = RowBook(chain_id, NOWHERE)
    fold_events(db, chain_id, events, book, keeps_undo, target)
    write_book(db, chain_id, book, target)
    return logs[-1][0].block_number, logs[-1][0].log_index


def replayed_book(db: Statements, chain_id: int, decode: Decode) -> RowBook:
    """All projections of a chain, folded in memory."""
    book, place = RowBook(chain_id, NOWHERE, complete=True), BEGINNING
    while logs := _stored_logs(db, chain_id, place):
        fold_into(book, _decoded(logs, decode), lambda _: False)
        place = logs[-1][0].block_number, logs[-1][0].log_index
    return book


def _decoded(logs: list[tuple[RawLog, Header]], decode: Decode) -> list[Placed]:
    return [(event, block) for log, block in logs if (event := decode(log)) is not None]


def _stored_logs(db: Statements, chain_id: int, after: Place) -> list[tuple[RawLog, Header]]:
    mark = db.mark
    rows = db.run(
        "SELECT l.block_number, l.block_hash, l.tx_hash, l.tx_index, l.log_index, l.address, l.topics, "
        "l.data, b.parent_hash, b.timestamp FROM chain.logs l "
        "JOIN chain.blocks b ON b.chain_id = l.chain_id AND b.number = l.block_number "
        f"WHERE l.chain_id = {mark} AND (l.block_number, l.log_index) > ({mark}, {mark}) "
        f"ORDER BY l.block_number, l.log_index LIMIT {BATCH}",
        chain_id,
        *after,
    )
    return list(_read_logs(rows))


def _read_logs(rows: Found) -> Iterator[tuple[RawLog, Header]]:
    block = NOWHERE
    for number, block_hash, tx_hash, tx_index, log_index, address, topics, data, parent, timestamp in rows:
        if number != block.number:
            block = Header(number, block_hash, parent, timestamp)
        words = tuple(topics[start : start + _TOPIC] for start in range(0, len(topics), _TOPIC))
        yield RawLog(number, block_hash, tx_hash, tx_index, log_index, address, words, data), block
