"""The mirror in the database: bound to one chain and deployment, moved step by step, read by the loop."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, select
from sqlmodel import col

from backend.chain.events import EventReader, Header, RawLog
from backend.core.deployment import Deployment
from backend.core.errors import DatabaseError, DatabaseMismatch
from backend.core.units import hex_of, keccak
from backend.db.session import Store
from backend.db.tables.chain import Block, Chain, Log
from indexer.shapes import RAW, SHAPES, Row, shape_of
from indexer.source import checked_against
from indexer.statements import Statements, Writer, in_one_write
from indexer.steps import Applied, Head, Readied, Step, apply_step, beat, readied

T = TypeVar("T")
_CHAIN: Final = shape_of(Chain)
_WAY_OUT: Final = (
    "point EMPORION_HOME or EMPORION_DATABASE_URL at a fresh database, or bring the deployment record back "
    "that this one was filled from"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a chain's rows stand; the same again only if nothing of it was written in between."""

    head: Head
    journal_from: int
    """The lowest block whose changes the journal still knows."""
    reorgs: int


class Mirror:
    """One chain in the `chain` store. `write` runs work in a write transaction of its own."""

    def __init__(self, store: Store, deployment: Deployment, write: Writer = in_one_write) -> None:
        self.store = store
        self._write = write
        self.deployment = deployment
        self.chain_id = deployment.chain_id
        self.reader = EventReader.of(deployment)

    @property
    def anchor(self) -> int:
        """Number of the block before the deployment, the first one kept."""
        return self.deployment.start_block - 1

    @property
    def addresses(self) -> list[bytes]:
        """Contracts whose logs are kept."""
        return self.reader.addresses

    async def head(self) -> Head:
        """The stored head. Raises DatabaseError before `bind`."""
        return (await self.standing()).head

    async def standing(self) -> Standing:
        """Where the rows stand. Raises DatabaseError before `bind`."""
        if (row := await self._chain()) is None:
            raise DatabaseError(f"the store is bound to no chain {self.chain_id}; run `emporion index`")
        return Standing(Head(row.number, row.hash), row.journal_from, row.reorgs)

    async def is_bound(self) -> bool:
        """Whether the store follows the chain already."""
        return await self._chain() is not None

    async def bind(self, genesis_hash: bytes, anchor: Header) -> Head:
        """Tie a fresh store to this chain and deployment, from after `anchor` on; check a used one; its head.

        Raises DatabaseMismatch where the store holds another chain or deployment under this id.
        """
        if (row := await self._chain()) is None:
            await self._write(self.store, lambda db: self._insert(db, genesis_hash, anchor))
        else:
            self._require_same(row, genesis_hash)
        return await self.head()

    def _insert(self, db: Statements, genesis_hash: bytes, anchor: Header) -> None:
        if db.run(f"SELECT 1 FROM chain.chains WHERE chain_id = {db.mark}", self.chain_id):
            return
        db.insert(_CHAIN, [self._first_row(genesis_hash, anchor)])
        db.insert(RAW[Block], [{"chain_id": self.chain_id, **_header_row(anchor)}])

    def _first_row(self, genesis_hash: bytes, anchor: Header) -> Row:
        return {
            "chain_id": self.chain_id,
            "genesis_hash": genesis_hash,
            "deployment_hash": deployment_hash(self.deployment),
            "deployment": json.dumps(self.deployment.to_json(), sort_keys=True),
            "start_block": self.deployment.start_block,
            "number": anchor.number,
            "hash": anchor.hash,
            "timestamp": anchor.timestamp,
            "safe_number": anchor.number,
            "finalized_number": anchor.number,
            "journal_from": anchor.number + 1,
            "receipts_number": anchor.number,
            "reorgs": 0,
        }

    def _require_same(self, row: Chain, genesis_hash: bytes) -> None:
        if row.genesis_hash != genesis_hash:
            raise DatabaseMismatch(
                f"the database mirrors chain {self.chain_id} with genesis {hex_of(row.genesis_hash)}, but "
                f"the node's is {hex_of(genesis_hash)}: it was started afresh; {_WAY_OUT}",
                stored=hex_of(row.genesis_hash),
                node=hex_of(genesis_hash),
            )
        if row.deployment_hash != deployment_hash(self.deployment):
            raise DatabaseMismatch(
                f"the database mirrors another deployment on chain {self.chain_id} "
                f"(from block {row.start_block}); {_WAY_OUT}"
            )

    async def _chain(self) -> Chain | None:
        rows = await self._rows(select(Chain).where(col(Chain.chain_id) == self.chain_id))
        return rows[0] if rows else None

    async def block_with_logs(self) -> int | None:
        """A block that has logs of ours for certain: the newest one stored, else the token's deployment."""
        query = select(func.max(col(Log.block_number))).where(col(Log.chain_id) == self.chain_id)
        async with self.store.read() as session:
            stored: int | None = (await session.execute(query)).scalar()
        token = self.deployment.contracts.get("EmporionToken")
        return stored if stored is not None or token is None else token.block

    async def receipts_state(self) -> tuple[int, int]:
        """The block up to which receipts are kept, and the final one."""
        row = await self._chain()
        return (row.receipts_number, row.finalized_number) if row else (0, 0)

    async def write(self, work: Callable[[Statements], T]) -> T:
        """Run work in a write transaction of its own."""
        return await self._write(self.store, work)

    async def look_over(self) -> None:
        """Have PostgreSQL look at how large its tables have become.

        It plans a statement once for all. What it planned while they were empty takes a third longer on full
        ones, for as long as the connection lasts or until autovacuum comes by.
        """
        if self.store.dialect == "postgresql":
            names = ", ".join(f"chain.{shape.name}" for shape in SHAPES.values())
            await self.write(lambda db: db.do(f"ANALYZE {names}"))

    async def hashes(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Stored block hashes."""
        query = select(col(Block.number), col(Block.hash)).where(
            col(Block.chain_id) == self.chain_id, col(Block.number).in_(list(numbers))
        )
        async with self.store.lookup() as connection:
            return {row.number: row.hash for row in await connection.execute(query)}

    def readied(self, headers: Sequence[Header], logs: Sequence[RawLog]) -> Readied:
        """What of a step can be made before it is written. Raises NodeError for logs that are not of it."""
        checked = checked_against(logs, headers, self.reader.contracts)
        return readied(self.chain_id, headers, checked, self.reader.decode)

    async def apply(self, step: Step) -> Applied:
        """Write a step. Raises DatabaseBusy when another indexer moved the head."""
        return await self._write(self.store, lambda db: apply_step(db, step, self.reader.decode))

    async def beat(self, now_ms: int, node_number: int) -> None:
        """Note that a node confirmed the stored head."""
        await self._write(self.store, lambda db: beat(db, self.chain_id, now_ms, node_number))

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async with self.store.read() as session:
            return list((await session.execute(query)).scalars())


def deployment_hash(deployment: Deployment) -> bytes:
    """What tells two deployments apart."""
    return keccak(json.dumps(deployment.to_json(), sort_keys=True).encode())


def _header_row(header: Header) -> Row:
    return {
        "number": header.number,
        "hash": header.hash,
        "parent_hash": header.parent_hash,
        "timestamp": header.timestamp,
    }
