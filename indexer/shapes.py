"""The tables a step writes, as the writer sees them: columns, key, a fresh row.

A key is the primary key without the chain id, which is the same for every row of a step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pydantic_core import PydanticUndefined
from sqlalchemy import Column, Table
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from backend.db.tables import chain
from backend.db.types import AddressType, HashType, Uint256

Row = dict[str, Any]
"""A row by column: ints, booleans, text, raw bytes."""
Key = tuple[Any, ...]
Model = type[SQLModel]

_ZEROS: Final[Mapping[type[Any], Any]] = {int: 0, bool: False, bytes: b"", str: "", object: "{}"}
_SIZED: Final[Mapping[type[Any], bytes]] = {AddressType: bytes(20), HashType: bytes(32)}


@dataclass(frozen=True, eq=False)
class Shape:
    """One table: its name without the schema, its columns in order, its key without the chain id."""

    model: Model
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    wide: frozenset[str]
    """Columns of 256-bit integers."""
    flags: frozenset[str]
    """Columns of booleans."""
    texts: frozenset[str]
    """Columns of text (JSON included)."""
    raw: frozenset[str]
    """Columns of bytes."""
    blank: Mapping[str, Any]
    """A row with every default."""

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The whole primary key."""
        return ("chain_id", *self.key) if "chain_id" in self.columns else self.key

    @cached_property
    def value_columns(self) -> tuple[str, ...]:
        """What an update changes."""
        return tuple(name for name in self.columns if name not in self.key_columns)

    def fresh(self, chain_id: int, key: Key) -> Row:
        """A row of this key with every other column at its default."""
        row = dict(self.blank)
        row["chain_id"] = chain_id
        row.update(zip(self.key, key, strict=True))
        return row

    def key_of(self, row: Mapping[str, Any]) -> Key:
        """The key of a row."""
        return tuple(row[name] for name in self.key)


def table_of(model: Model) -> Table:
    """The SQLAlchemy table of a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _zero(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    return _SIZED.get(type(column.type), _ZEROS[_kind(column)])


def _kind(column: Column[Any]) -> type[Any]:
    """What a value of the column is in this program; `object` for a document."""
    if isinstance(column.type, Uint256):
        return int
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return plain.python_type


def _default(model: Model, column: Column[Any]) -> Any:
    default = model.model_fields[column.name].default
    return _zero(column) if default is PydanticUndefined else default


def shape_of(model: Model) -> Shape:
    """Read a model's shape from its table."""
    table = table_of(model)
    columns = list(table.columns)

    def named(*kinds: type[Any]) -> frozenset[str]:
        return frozenset(column.name for column in columns if _kind(column) in kinds)

    return Shape(
        model=model,
        name=table.name,
        columns=tuple(column.name for column in columns),
        key=tuple(column.name for column in table.primary_key.columns if column.name != "chain_id"),
        wide=frozenset(column.name for column in columns if isinstance(column.type, Uint256)),
        flags=named(bool),
        texts=named(str, object),
        raw=named(bytes),
        blank={column.name: _default(model, column) for column in columns},
    )


def _shapes(models: Sequence[Model]) -> dict[Model, Shape]:
    return {model: shape_of(model) for model in models}


PROJECTED: Final = _shapes(
    [
        chain.Currency,
        chain.Service,
        chain.Upstream,
        chain.Plan,
        chain.Holding,
        chain.Access,
        chain.Tab,
        chain.Share,
        chain.ShareRevenue,
        chain.ShareAccount,
        chain.FeePool,
        chain.Position,
        chain.Vault,
        chain.Staker,
        chain.RewardStream,
        chain.StakerReward,
        chain.Listing,
        chain.TokenBalance,
    ]
)
"""State: one row a thing, changed by events, undone from the journal."""

FACTS: Final = _shapes([chain.Purchase, chain.Settlement])
"""What happened: one row an event, keyed by (block, log index), undone by deleting the blocks."""

RAW: Final = _shapes([chain.Block, chain.Log, chain.Undo, chain.Outbox])
"""What a step keeps beside projections."""

SHAPES: Final = {**PROJECTED, **FACTS, **RAW}
BY_NAME: Final = {shape.name: shape for shape in SHAPES.values()}

PINNED: Final[tuple[Model, ...]] = (chain.Currency, chain.Vault, chain.RewardStream)
"""A handful of rows that many events touch: always loaded whole."""
