"""Events into a database: load the rows they touch, fold, write each row once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Self

from backend.chain.events import DecodedEvent, Header
from backend.db.tables.chain import Undo
from indexer.journal import undo_rows
from indexer.projections.registry import fold
from indexer.rows import Gatherer, RowBook
from indexer.shapes import FACTS, PINNED, PROJECTED, RAW, Key, Model, Row, Shape
from indexer.statements import Answer, Statements

Placed = tuple[DecodedEvent, Header]
"""An event and its block."""
Asked = tuple[Model, Answer[list[Row]], list[Key]]
"""A table, the rows of it that were asked for, and their keys; those without a row are known to be absent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows are kept: the tables readers see, or others of the same shapes under a prefix."""

    projected: Mapping[Model, Shape]
    facts: Mapping[Model, Shape]
    undo: Shape

    @classmethod
    def of(cls, prefix: str) -> Self:
        """Tables whose names begin so."""

        def named(shapes: Mapping[Model, Shape]) -> dict[Model, Shape]:
            return {model: replace(shape, name=prefix + shape.name) for model, shape in shapes.items()}

        return cls(named(PROJECTED), named(FACTS), named(RAW)[Undo])

    @property
    def shapes(self) -> list[Shape]:
        """All of them, the journal last."""
        return [*self.projected.values(), *self.facts.values(), self.undo]


LIVE: Final = Target.of("")


def fold_events(
    db: Statements,
    chain_id: int,
    events: Sequence[Placed],
    book: RowBook,
    keeps_undo: Callable[[int], bool],
    target: Target = LIVE,
) -> None:
    """Load the rows the events touch and fold the events into them, block by block."""
    load_rows(book, ask_rows(db, chain_id, events, target))
    fold_into(book, events, keeps_undo)


def fold_into(book: RowBook, events: Iterable[Placed], keeps_undo: Callable[[int], bool]) -> None:
    """Fold events into rows that are there already, block by block."""
    for number, group in groupby(events, key=lambda placed: placed[1].number):
        placed = list(group)
        book.begin(placed[0][1], keeps_undo(number))
        for event, _ in placed:
            fold(event, book)


def load_rows(book: RowBook, asked: Iterable[Asked]) -> None:
    """Bring rows into the book; those it has already stay as they are."""
    for table, answer, keys in asked:
        book.load(table, answer(), keys)


def ask_rows(db: Statements, chain_id: int, events: Sequence[Placed], target: Target = LIVE) -> list[Asked]:
    """Ask for every row the events touch."""
    if not events:
        return []
    gatherer = Gatherer(chain_id, events[0][1])
    for event, block in events:
        gatherer.block = block
        fold(event, gatherer)
    whole = [table for table in PINNED if gatherer.needed[table] or table in gatherer.whole]
    shapes = target.projected
    return [
        *[(table, db.select_all(shapes[table], chain_id), list(gatherer.needed[table])) for table in whole],
        *[(table, db.select(shapes[table], chain_id, keys), keys) for table, keys in gatherer.keys().items()],
    ]


def write_book(db: Statements, chain_id: int, book: RowBook, target: Target = LIVE) -> dict[str, int]:
    """Write what the book holds, with its journal; rows written by table."""
    written = {}
    for table, rows in book.changed().items():
        db.upsert(target.projected[table], rows)
        written[PROJECTED[table].name] = len(rows)
    for table, keys in book.removed().items():
        db.delete(target.projected[table], chain_id, keys)
    return written | write_added(db, chain_id, book, target)


def write_added(db: Statements, chain_id: int, book: RowBook, target: Target = LIVE) -> dict[str, int]:
    """Write what the book only adds, facts and its journal, and forget it there; facts written by table."""
    written = {}
    for table, rows in book.facts.items():
        db.insert(target.facts[table], rows)
        written[FACTS[table].name] = len(rows)
    db.insert(target.undo, undo_rows(chain_id, book.undo))
    book.forget_added()
    return written
