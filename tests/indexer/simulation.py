"""One seeded life of an indexer: blocks, forks, faults of node and database, crashes, restarts.

Whatever happens on the way, at the end the store must equal one clean pass over the final branch. In one life
of four the chain is the model of the contracts, and its state as of the final branch the judge too.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar, cast

from backend.chain.client import NodeClient
from backend.core.errors import DatabaseUnreachable, EmporionError
from backend.db.session import Store
from indexer.advance import Indexer, IndexerOptions
from indexer.mirror import Mirror
from indexer.node_source import NodeSource
from indexer.shapes import PROJECTED
from indexer.statements import Statements, in_one_write
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.faults import FaultTable
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.chain_double.played import PlayedMarket
from tests.indexer.harness import START_BLOCK, rows_of
from tests.model.rows import unlike_model

T = TypeVar("T")
PLAYED_IN = 4
WORDS = [
    (-32005, "query returned more than 10000 results"),
    (-32000, "block range is too wide"),
    (-32602, "Log response size exceeded. this block range should work: [0x2, 0x5]"),
    (429, "Too many requests"),
]


class Simulation:
    """A chain, a node in front of it, and an indexer that starts and stops."""

    def __init__(self, seed: int, store: Store) -> None:
        self.seed = seed
        self.failures: list[EmporionError] = []
        self.random = random.Random(seed)
        self.chain = ChainDouble(seed)
        self.chain.finality_depth = self.random.choice([None, 5, 20, 64])
        self.chain.mine()
        played = seed % PLAYED_IN == 0
        self.market: Market | PlayedMarket = PlayedMarket(self.chain, seed) if played else Market(self.chain)
        self.floor = self.chain.tip.number
        self.node = NodeDouble(self.chain)
        self.options = IndexerOptions(
            finality_depth=self.random.choice([3, 10, 64]), step_blocks=self.random.choice([3, 20, 500])
        )
        self.crash_after: int | None = None
        self._store = store
        self._indexer: Indexer | None = None

    async def wrong(self) -> list[str]:
        """Rows that are not what the model says, where there is one."""
        if not isinstance(self.market, PlayedMarket):
            return []
        found = {
            table: {shape.key_of(row): row for row in await rows_of(self._store, shape)}
            for table, shape in PROJECTED.items()
        }
        return list(unlike_model(self.market.model, found))

    async def live(self, acts: int) -> None:
        """So many random acts, then quiet until the store is at the head."""
        for _ in range(acts):
            self.random.choice(self._acts)()
            await self._attempt()
        self.node.faults, self.node.lag, self.crash_after = FaultTable(), 0, None
        await self._started()
        for _ in range(5):
            if await self._attempt():
                return
        raise AssertionError(f"seed {self.seed}: it does not come to rest: {self.failures[-1]!r}")

    @property
    def _acts(self) -> list[Callable[[], None]]:
        often: list[Callable[[], None]] = [*[self._growth] * 6, *[self._fork] * 4]
        seldom = [self._long_growth, self._fall_back, self._node_fault, self._move_under]
        return [*often, *seldom, self._crash, self._restart, self._lag]

    def _growth(self) -> None:
        self.market.mine_blocks(self.random.randrange(1, 12))

    def _fork(self) -> None:
        depth = min(self.random.choice([1, 1, 2, 3, 8, 30, 90]), self.chain.tip.number - self.floor)
        if depth > 0:
            self.market.fork(depth, self.random.randrange(0, depth + 3))

    def _long_growth(self) -> None:
        self.market.mine_blocks(self.random.randrange(60, 150), most_acts=2)

    def _fall_back(self) -> None:
        self.chain.fall_back(min(self.random.randrange(1, 6), self.chain.tip.number - self.floor))

    def _node_fault(self) -> None:
        table = self.node.faults
        kind = self.random.choice(["drops", "garbage", "partial", "widest", "shuffled", "errors"])
        if kind == "widest":
            table.widest, table.refusal = self.random.randrange(1, 40), self.random.choice(WORDS[:3])
        elif kind == "errors":
            table.errors.append(("eth_getLogs", *self.random.choice(WORDS)))
        else:
            setattr(table, kind, self.random.randrange(1, 3))

    def _move_under(self) -> None:
        """The chain forks or grows between two requests of one step."""
        left = [self.random.randrange(1, 4)]

        def hook(_methods: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                self.node.faults.hooks.remove(hook)
                self.random.choice([self._fork, self._growth])()

        self.node.faults.hooks.append(hook)

    def _crash(self) -> None:
        self.crash_after = self.random.randrange(0, 40)

    def _restart(self) -> None:
        self._indexer = None

    def _lag(self) -> None:
        self.node.lag = self.random.choice([0, 0, 1, 5])

    async def _attempt(self) -> bool:
        """Catch up; False where something failed that may be tried again."""
        try:
            indexer = self._indexer or await self._started()
            await indexer.catch_up()
        except EmporionError as error:
            self.failures.append(error)
            if self.random.random() < 0.3:
                self._restart()
            return False
        return True

    async def _started(self) -> Indexer:
        mirror = Mirror(self._store, deployment_of(self.chain, START_BLOCK), self._write)
        source = NodeSource(
            NodeClient(self.node, "http://double"), mirror.addresses, self.options.finality_depth
        )
        indexer = Indexer(mirror, source, self.options)
        await indexer.begin()
        self._indexer = indexer
        return indexer

    async def _write(self, store: Store, work: Callable[[Statements], T]) -> T:
        if self.crash_after is None:
            return await in_one_write(store, work)
        left, self.crash_after = self.crash_after, None
        return await in_one_write(store, lambda db: work(cast("Statements", Breaking(db, left))))


class Breaking:
    """Statements of a connection that is lost after so many of them."""

    def __init__(self, db: Statements, left: int) -> None:
        self._db = db
        self.left = left
        self.mark = db.mark

    def __getattr__(self, name: str) -> Any:
        self.left -= 1
        if self.left < 0:
            raise DatabaseUnreachable("the simulation lost the database")
        return getattr(self._db, name)
