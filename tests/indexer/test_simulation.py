"""Any life of an indexer

given a seed
    whatever blocks, forks, faults, crashes and restarts it draws
        the store should end as one clean pass over the final branch would fill it
        where the chain is the model of the contracts, every row should be what the model says
        every event of that branch should stand in the outbox once, all others be taken back
"""

import os

import pytest

from backend.db.session import Store
from backend.db.tables.chain import Outbox
from indexer.shapes import RAW
from tests.indexer.harness import everything, replayed, rows_of
from tests.indexer.simulation import Simulation

SEEDS = range(int(os.environ.get("EMPORION_TEST_SEEDS", "50")))
ACTS = 15
"""Fewer than in `run.py simulate`, which lives a thousand seeds, all of them on the database it is told."""
LIVES = [(seed, ("sqlite", "postgres")[seed % 2]) for seed in SEEDS]

pytestmark = pytest.mark.integration


class TestSimulation:
    @pytest.mark.parametrize(("seed", "database_url"), LIVES, indirect=["database_url"])
    async def test_ends_as_a_clean_pass(self, store: Store, fresh_store: Store, seed: int) -> None:
        simulation = Simulation(seed, store)
        await simulation.live(ACTS)
        held, expected = await everything(store), await replayed(fresh_store, simulation.chain)
        for table, rows in expected.items():
            assert held[table] == rows, f"seed {seed}: {table} differs"
        assert await simulation.wrong() == [], f"seed {seed}: the model says otherwise"
        await self._outbox_stands(store, simulation, seed)

    async def _outbox_stands(self, store: Store, simulation: Simulation, seed: int) -> None:
        rows = await rows_of(store, RAW[Outbox])
        told = [row for row in rows if row["retracts"] is None]
        back = [row["retracts"] for row in rows if row["retracts"] is not None]
        assert len(back) == len(set(back)), f"seed {seed}: an event was taken back twice"
        standing = [(row["block_hash"], row["log_index"]) for row in told if row["id"] not in set(back)]
        expected = [(b.hash, i) for b in simulation.chain.blocks for i, _ in enumerate(b.logs)]
        assert sorted(standing) == sorted(expected), f"seed {seed}: the outbox differs"
