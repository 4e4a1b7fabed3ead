"""Writes spelled out per dialect, for paths where a thread switch or round trip each is too much."""

import sqlite3
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol, TypeGuard, TypeVar

from backend.db.session import Row, Statement

T_co = TypeVar("T_co", covariant=True)

SqliteConnection = sqlite3.Connection
"""The driver's own connection, inside a transaction."""

Shared = dict[Any, Any]
"""What the members of one transaction tell each other; new for every transaction."""


class HotWork(Protocol[T_co]):
    """One statement does it all. A member may have ``lock_order`` (see ``lock_order_of``) and ``join_key``
    (see ``united``).
    """

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


class Apart(Enum):
    """A joint work's answer for a member that must be asked alone; nothing of that member was done."""

    APART = "apart"


APART: Final = Apart.APART


@dataclass(frozen=True, slots=True)
class Unit:
    """A work as its transaction sees it, and the places of the members it stands for."""

    work: Any
    places: list[int]

    def tell(self, result: Any, told: list[Any]) -> None:
        """Hand the members their results; a joint work gives a list of them, or one error for all."""
        many = [result] if len(self.places) == 1 else result
        if isinstance(many, Exception):
            many = [many] * len(self.places)
        for place, one in zip(self.places, many, strict=True):
            told[place] = one


def united(works: Sequence[Any]) -> list[Unit]:
    """Works with the same ``join_key`` as one, at the place of the first: their class's ``joined`` makes of
    them a work whose result is the list of theirs.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, work in enumerate(works):
        groups.setdefault(getattr(work, "join_key", place), []).append(place)
    return [Unit(_joint([works[place] for place in places]), places) for places in groups.values()]


def _joint(works: list[Any]) -> Any:
    return works[0] if len(works) == 1 else works[0].joined(works)


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
