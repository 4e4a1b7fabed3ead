"""Audit: is every projected row what the contracts hold, and what the raw logs say?

Two independent comparisons at one block. Storage: each row's columns against view calls and storage slots.
Replay: every row of every table, facts and counters too, against a fold of the stored raw logs; that finds
what storage cannot show (what was ever paid, claimed, released) and rows that are missing or too many.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from backend.chain.bindings import Contracts
from backend.chain.client import BATCH
from backend.core.deployment import Deployment
from backend.core.errors import NodeError
from backend.db.session import Store
from indexer.mirror import Mirror
from indexer.replay import Decode, replayed_book
from indexer.shapes import FACTS, PROJECTED, Key, Row, Shape
from indexer.statements import Statements, in_one_read
from indexer.steps import Head, stored_head
from indexer.storage_views import PROBES, Probe

Progress = Callable[[int, int], None]
"""Told how many of how many questions are answered."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A column that is not what it should be. `source` says against what: storage, or the raw logs.

    `stored` and `expected` are None where the row itself is missing or too many.
    """

    table: str
    key: Mapping[str, Any]
    column: str
    stored: Any
    expected: Any
    source: str


@dataclass(slots=True)
class AuditReport:
    """What was compared, at which block, and every difference. None is the only pass."""

    head: Head
    rows: dict[str, int] = field(default_factory=dict)
    questions: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class _Snapshot:
    head: Head
    stored: Mapping[Shape, Mapping[Key, Row]]
    replayed: Mapping[Shape, Mapping[Key, Row]]


async def audit(
    store: Store, contracts: Contracts, deployment: Deployment, progress: Progress | None = None
) -> AuditReport:
    """Compare the stored rows with the chain and with the raw logs, at the stored head.

    Raises NodeError when the node no longer has the state of that block, or another block in its place.
    """
    mirror = Mirror(store, deployment)
    snapshot = await in_one_read(store, lambda db: _snapshot(db, mirror.chain_id, mirror.reader.decode))
    report = AuditReport(snapshot.head, {s.name: len(rows) for s, rows in snapshot.stored.items()})
    await _require_head(contracts, snapshot.head)
    await _compare_storage(contracts, snapshot, report, progress)
    await _require_head(contracts, snapshot.head)
    for shape, rows in snapshot.stored.items():
        report.differences += _unlike(shape, rows, snapshot.replayed[shape])
    return report


def _snapshot(db: Statements, chain_id: int, decode: Decode) -> _Snapshot:
    head = stored_head(db, chain_id)
    shapes = {**PROJECTED, **FACTS}
    stored = {s: {s.key_of(row): row for row in db.select_all(s, chain_id)()} for s in shapes.values()}
    book = replayed_book(db, chain_id, decode)
    folded = {PROJECTED[table]: _by_key(PROJECTED[table], rows) for table, rows in book.changed().items()}
    folded |= {FACTS[table]: _by_key(FACTS[table], rows) for table, rows in book.facts.items()}
    return _Snapshot(head, stored, {shape: folded.get(shape, {}) for shape in stored})


def _by_key(shape: Shape, rows: Iterable[Row]) -> dict[Key, Row]:
    return {shape.key_of(row): row for row in rows}


async def _require_head(contracts: Contracts, head: Head) -> None:
    header = await contracts.client.header(head.number)
    if header is None or header.hash != head.hash:
        raise NodeError(
            f"the node has another block {head.number} than the database; let the indexer catch up and audit"
        )


async def _compare_storage(
    contracts: Contracts, snapshot: _Snapshot, report: AuditReport, progress: Progress | None
) -> None:
    questions = [
        (PROJECTED[table], row, probe)
        for table, probes in PROBES.items()
        for row in snapshot.stored[PROJECTED[table]].values()
        for probe in probes(contracts, row)
    ]
    for part in _batches(questions):
        answers = await contracts.client.batch([q[2].call(hex(snapshot.head.number)) for q in part])
        for (shape, row, probe), answer in zip(part, answers, strict=True):
            report.differences += _differing(shape, row, probe, bytes.fromhex(answer[2:]))
        report.questions += len(part)
        if progress is not None:
            progress(report.questions, len(questions))


def _batches(questions: Sequence[tuple[Shape, Row, Probe]]) -> Iterator[list[tuple[Shape, Row, Probe]]]:
    rest = iter(questions)
    while part := list(islice(rest, BATCH)):
        yield part


def _differing(shape: Shape, row: Row, probe: Probe, answer: bytes) -> Iterator[Difference]:
    for column, value in probe.read(answer).items():
        if row[column] != value:
            yield Difference(shape.name, _named(shape, row), column, row[column], value, "storage")


def _unlike(shape: Shape, stored: Mapping[Key, Row], expected: Mapping[Key, Row]) -> Iterator[Difference]:
    for key in stored.keys() | expected.keys():
        mine, other = stored.get(key), expected.get(key)
        if mine is None or other is None:
            row = mine or other or {}
            stored_row, expected_row = mine and "a row", other and "a row"
            yield Difference(shape.name, _named(shape, row), "*", stored_row, expected_row, "logs")
            continue
        for column in shape.columns:
            if mine[column] != other[column]:
                yield Difference(shape.name, _named(shape, mine), column, mine[column], other[column], "logs")


def _named(shape: Shape, row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in shape.key}
