"""Values as each place wants them: the two databases, the undo journal, the outbox."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson

from backend.core.errors import DeploymentMismatch
from indexer.projections.text import storable
from indexer.shapes import Key, Row, Shape

_DIGITS: Final = 78


def sqlite_values(shape: Shape, rows: Sequence[Row], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows as SQLite keeps them: 256-bit integers as 78 digits. Raises DeploymentMismatch for a negative."""
    return _values(shape, rows, columns, _digits)


def copied_values(shape: Shape, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Rows for PostgreSQL's COPY. Raises DeploymentMismatch for a negative 256-bit integer."""
    return _values(shape, rows, shape.columns, _unsigned)


def _values(
    shape: Shape, rows: Sequence[Row], columns: Sequence[str], spelled: Callable[[int], Any]
) -> list[tuple[Any, ...]]:
    wide = [name in shape.wide for name in columns]
    if not any(wide):
        return [tuple([row[name] for name in columns]) for row in rows]
    return [
        tuple([spelled(row[name]) if big else row[name] for name, big in zip(columns, wide, strict=True)])
        for row in rows
    ]


def postgres_arrays(shape: Shape, rows: Sequence[Row], columns: Sequence[str]) -> list[list[Any]]:
    """Rows as one array a column. Raises DeploymentMismatch for a negative 256-bit integer."""
    return [
        [_decimal(row[name]) for row in rows] if name in shape.wide else [row[name] for row in rows]
        for name in columns
    ]


def row_of(shape: Shape, values: Sequence[Any]) -> Row:
    """A stored row in this program's types; `values` in the order of the shape's columns."""
    row = dict(zip(shape.columns, values, strict=True))
    for name in shape.wide:
        row[name] = int(row[name])
    for name in shape.flags:
        row[name] = bool(row[name])
    return row


def _digits(value: int) -> str:
    return f"{_unsigned(value):078d}"


def _decimal(value: int) -> Decimal:
    return Decimal(_unsigned(value))


def _unsigned(value: int) -> int:
    if value < 0:
        raise DeploymentMismatch(
            f"an amount would become {value}: events before the deployment record's start_block are missing; "
            "set it to the block that created the first contract, and start from an empty database"
        )
    return value


def journal_text(row: Mapping[str, Any]) -> str:
    """A row or a part of one for the journal; booleans and small integers stay, the rest becomes text."""
    return orjson.dumps({name: _spelled(value) for name, value in row.items()}).decode()


def _spelled(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def journal_row(shape: Shape, text: str) -> Row:
    """What `journal_text` was given; types by the shape's blank row."""
    found: Row = orjson.loads(text)
    return {name: _read(shape, name, value) for name, value in found.items()}


def _read(shape: Shape, name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool) or name in shape.texts:
        return value
    return bytes.fromhex(value) if name in shape.raw else int(value)


def journal_key(shape: Shape, text: str) -> Key:
    """A key out of the journal."""
    row = journal_row(shape, text)
    return tuple(row[name] for name in shape.key)


def outbox_json(args: Mapping[str, Any]) -> str:
    """An event's values for readers: integers as decimal text, bytes as 0x hexadecimal, flags as they are."""
    return orjson.dumps({name: _TELL[value.__class__](value) for name, value in args.items()}).decode()


def outbox_speller(args: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], str]:
    """What writes `outbox_json` of all events of one kind, given the values of one of them.

    Where these are numbers and bytes alone, in less than half the time: the names are spelled once.
    """
    if not args or not {value.__class__ for value in args.values()} <= {int, bytes}:
        return outbox_json
    before = [
        f'{"," if at else "{"}"{name}":"{"0x" if value.__class__ is bytes else ""}'
        for at, (name, value) in enumerate(args.items())
    ]

    def spelled(args: Mapping[str, Any]) -> str:
        values = [value.hex() if value.__class__ is bytes else str(value) for value in args.values()]
        return '"'.join([a + b for a, b in zip(before, values, strict=True)]) + '"}'

    return spelled


def _hexadecimal(value: bytes) -> str:
    return "0x" + value.hex()


def _told_parts(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _TELL[part.__class__](part) for name, part in value.items()}


def _told_items(value: Sequence[Any]) -> list[Any]:
    return [_TELL[part.__class__](part) for part in value]


_TELL: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    bool: bool,
    int: str,
    bytes: _hexadecimal,
    str: storable,
    dict: _told_parts,
    list: _told_items,
    tuple: _told_items,
}
