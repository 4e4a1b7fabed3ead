"""Writes spelled out per dialect, for paths where a thread switch or round trip each is too much."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard, TypeVar

from backend.db.session import Row, Statement

T_co = TypeVar("T_co", covariant=True)

SqliteConnection = sqlite3.Connection
"""The driver's own connection, inside a transaction."""

Shared = dict[Any, Any]
"""What the members of one transaction tell each other; new for every transaction."""


class HotWork(Protocol[T_co]):
    """One statement does it all. A member may have ``lock_order``, see ``lock_order_of``."""

    def on_sqlite(self, connection: SqliteConnection) -> T_co:
        """Do it all at once, on SQLite's own thread."""
        ...

    def on_postgresql(self) -> Statement:
        """One statement (``%s`` parameters) that does it all; the batch goes out in one round trip."""
        ...

    def from_rows(self, rows: list[Row]) -> T_co:
        """The result, from the rows PostgreSQL returned."""
        ...


class SteppedWork(Protocol[T_co]):
    """What is written follows from what was read: two round trips for the batch, one transaction.

    ``reading`` must lock what ``writing`` builds on. All members read before the first writes: those on the
    same row find in ``shared`` what the ones before them made of it.
    """

    def on_sqlite(self, connection: SqliteConnection) -> T_co:
        """Do it all at once, on SQLite's own thread."""
        ...

    def reading(self) -> Statement:
        """The statement of the first round trip."""
        ...

    def writing(self, rows: list[Row], shared: Shared) -> tuple[Statement | None, T_co]:
        """The statement of the second (or none), and the result."""
        ...


def is_hot(work: object) -> bool:
    """Whether a work is one of these; an instance check of a protocol costs more than the work's queueing."""
    return hasattr(work, "on_sqlite")


def is_stepped(work: object) -> TypeGuard[SteppedWork[Any]]:
    """Whether a work takes two round trips."""
    return hasattr(work, "writing")


def lock_order_of(work: Any) -> bytes:
    """Where a member stands in its PostgreSQL transaction: who locks in one order never waits in a circle."""
    order: bytes = getattr(work, "lock_order", b"")
    return order


def reads_of(members: Sequence[Any]) -> list[Statement]:
    """The statements of the first round trip, in order."""
    return [work.reading() if is_stepped(work) else work.on_postgresql() for work in members]


def writes_of(members: Sequence[Any], answers: list[list[Row]]) -> tuple[list[Statement], list[Any]]:
    """The statements of the second round trip, and every member's result or error.

    An error in ``from_rows`` is its member's alone. Raises what ``writing`` raises.
    """
    shared: Shared = {}
    statements, results = [], []
    for work, rows in zip(members, answers, strict=True):
        if is_stepped(work):
            statement, result = work.writing(rows, shared)
            statements += [statement] if statement is not None else []
        else:
            result = _read(work, rows)
        results.append(result)
    return statements, results


def _read(work: HotWork[Any], rows: list[Row]) -> Any:
    try:
        return work.from_rows(rows)
    except Exception as error:  # noqa: BLE001 - told to its caller alone
        return error
