"""Rows of one step, in memory: loaded in bulk, folded event by event, written once at the end.

A step first lets the projections run over a ``Gatherer``, which only notes the keys they ask for; the rows of
those keys are loaded; then the projections run over the ``RowBook``. So a projection is one plain function,
and a row is read once and written once however many events of the step touch it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from backend.chain.events import Header
from backend.core.errors import ChainError
from indexer.shapes import FACTS, PINNED, PROJECTED, Key, Model, Row


class Rows(Protocol):
    """What a projection sees."""

    block: Header
    """The block of the event at hand."""

    def edit(self, table: Model, *key: Any) -> Row:
        """The row to change; made with defaults where there is none."""
        ...

    def find(self, table: Model, *key: Any) -> Row | None:
        """The row to read, or None."""
        ...

    def all(self, table: Model) -> list[Row]:
        """Every row of a pinned table, by key."""
        ...

    def add(self, table: Model, key: Key, **values: Any) -> None:
        """Append a fact."""
        ...


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """What a row was before a block first changed it; `old` is None where the block made it."""

    block_number: int
    table: Model
    key: Key
    old: Row | None


class Gatherer:
    """Notes which rows the events need; what is written to it is thrown away."""

    def __init__(self, chain_id: int, block: Header) -> None:
        self.block = block
        self.needed: dict[Model, dict[Key, Row]] = {table: {} for table in PROJECTED}
        self.whole: set[Model] = set()
        """Pinned tables that were asked for whole."""
        self._chain_id = chain_id

    def edit(self, table: Model, *key: Any) -> Row:
        """A blank row; its key is noted."""
        rows = self.needed[table]
        if (row := rows.get(key)) is None:
            row = rows[key] = PROJECTED[table].fresh(self._chain_id, key)
        return row

    def find(self, table: Model, *key: Any) -> Row | None:
        """A blank row; its key is noted."""
        return self.edit(table, *key)

    def all(self, table: Model) -> list[Row]:
        """Blank; the table is loaded whole."""
        self.whole.add(table)
        return []

    def add(self, table: Model, key: Key, **values: Any) -> None:
        """Nothing to load for a fact."""

    def keys(self) -> dict[Model, list[Key]]:
        """The keys to load, pinned tables left out."""
        return {table: list(rows) for table, rows in self.needed.items() if rows and table not in PINNED}


class RowBook:
    """The rows of a step: ``load`` what is stored, ``begin`` each block, then take ``changed``, ``undo``."""

    def __init__(self, chain_id: int, block: Header, complete: bool = False) -> None:
        """With `complete`, a row that was not loaded is known to be absent."""
        self.block = block
        self.complete = complete
        self.undo: list[UndoRecord] = []
        self.facts: dict[Model, list[Row]] = {table: [] for table in FACTS}
        self._chain_id = chain_id
        self._rows: dict[Model, dict[Key, Row | None]] = {table: {} for table in PROJECTED}
        self._dirty: dict[Model, set[Key]] = {table: set() for table in PROJECTED}
        self._open: dict[Model, dict[Key, Row]] = {table: {} for table in PROJECTED}
        """Rows that may be changed without more ado: what they were is noted, or need not be."""
        self._keeps_undo = False

    def load(self, table: Model, rows: Iterable[Row], keys: Iterable[Key] = ()) -> None:
        """Take rows as stored; of `keys`, those without a row are known to be absent."""
        known = self._rows[table]
        shape = PROJECTED[table]
        for row in rows:
            known.setdefault(shape.key_of(row), row)
        for key in keys:
            known.setdefault(key, None)

    def rewind(self, table: Model, key: Key, row: Row | None) -> None:
        """Take a row back to what it was before undone blocks; it is written even if no event touches it."""
        self._rows[table][key] = row
        self._dirty[table].add(key)
        self._open[table].pop(key, None)

    def begin(self, block: Header, keeps_undo: bool) -> None:
        """Start a block; from here the first change of each row is noted for undo, if asked for."""
        self.block = block
        if keeps_undo or self._keeps_undo:
            for rows in self._open.values():
                rows.clear()
        self._keeps_undo = keeps_undo

    def edit(self, table: Model, *key: Any) -> Row:
        """The row to change. Raises ChainError for a row that was not gathered: a projection's bug."""
        row = self._open[table].get(key)
        return self._opened(table, key) if row is None else row

    def _opened(self, table: Model, key: Key) -> Row:
        row = self._rows[table].get(key)
        if row is None and not self.complete and key not in self._rows[table]:
            name = PROJECTED[table].name
            raise ChainError(f"{name} {key} was not loaded: its key hangs on a row")
        if self._keeps_undo:
            self.undo.append(UndoRecord(self.block.number, table, key, dict(row) if row else None))
        if row is None:
            row = self._rows[table][key] = PROJECTED[table].fresh(self._chain_id, key)
        self._dirty[table].add(key)
        self._open[table][key] = row
        return row

    def find(self, table: Model, *key: Any) -> Row | None:
        """The row to read, or None."""
        return self._rows[table].get(key)

    def all(self, table: Model) -> list[Row]:
        """Every row of a pinned table, by key."""
        return [row for _, row in sorted(self._rows[table].items()) if row is not None]

    def add(self, table: Model, key: Key, **values: Any) -> None:
        """Append a fact."""
        self.facts[table].append({**FACTS[table].fresh(self._chain_id, key), **values})

    def forget_added(self) -> None:
        """Let go of facts and undo records, which are written."""
        self.undo = []
        self.facts = {table: [] for table in FACTS}

    @property
    def held(self) -> int:
        """How many rows are in memory, facts left out."""
        return sum(len(rows) for rows in self._rows.values())

    def changed(self) -> Mapping[Model, list[Row]]:
        """Rows to insert or update, by key: who locks several tabs at once locks them in this order."""
        return {
            table: [row for key in sorted(keys) if (row := self._rows[table][key]) is not None]
            for table, keys in self._dirty.items()
            if keys
        }

    def removed(self) -> Mapping[Model, list[Key]]:
        """Keys of rows to delete: made by undone blocks and by nothing since."""
        return {
            table: [key for key in keys if self._rows[table][key] is None]
            for table, keys in self._dirty.items()
            if keys
        }
