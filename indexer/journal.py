"""The undo journal: what rows were before each block that is not final yet."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Sequence

from indexer.rows import RowBook, UndoRecord
from indexer.shapes import BY_NAME, PROJECTED, Key, Row, Shape
from indexer.spelling import journal_key, journal_row, journal_text
from indexer.statements import Answer, Found, Statements


def undo_rows(chain_id: int, records: Sequence[UndoRecord]) -> list[Row]:
    """Journal rows of a step's records, numbered within their block."""
    rows: list[Row] = []
    block, seq = -1, 0
    for record in records:
        seq = seq + 1 if record.block_number == block else 0
        block = record.block_number
        rows.append(_undo_row(chain_id, seq, record))
    return rows


def _undo_row(chain_id: int, seq: int, record: UndoRecord) -> Row:
    shape = PROJECTED[record.table]
    old = record.old
    return {
        "chain_id": chain_id,
        "block_number": record.block_number,
        "seq": seq,
        "table_name": shape.name,
        "key": journal_text(dict(zip(shape.key, record.key, strict=True))),
        "old": None if old is None else journal_text({name: old[name] for name in shape.value_columns}),
    }


def ask_undone(db: Statements, chain_id: int, above: int) -> Answer[Found]:
    """What the journal knows of blocks above `above`, from the newest change to the oldest."""
    mark = db.mark
    return db.ask(
        f"SELECT table_name, key, old FROM chain.undo WHERE chain_id = {mark} AND block_number > {mark} "
        "ORDER BY block_number DESC, seq DESC",
        chain_id,
        above,
    )


def rewind_rows(chain_id: int, undone: Found, book: RowBook) -> None:
    """Bring every row that undone blocks changed back into the book as it was before them."""
    # From the newest to the oldest: the last one read of a row is what it was before all of them.
    before: dict[tuple[str, str], str | None] = {(name, key): old for name, key, old in undone}
    for (name, key_text), old in before.items():
        shape = BY_NAME[name]
        key = journal_key(shape, key_text)
        book.rewind(shape.model, key, _row_before(shape, chain_id, key, old))


def _row_before(shape: Shape, chain_id: int, key: Key, old: str | None) -> Row | None:
    if old is None:
        return None
    return {"chain_id": chain_id, **dict(zip(shape.key, key, strict=True)), **journal_row(shape, old)}
