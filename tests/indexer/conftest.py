"""A chain double, a market on it, and stores of both databases that mirror it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from tests.chain_double.chain import ChainDouble
from tests.chain_double.market import Market


@pytest.fixture
def chain(request: pytest.FixtureRequest) -> ChainDouble:
    """A chain of block 0 and the block before the deployment; its seed is the test's name."""
    double = ChainDouble(seed=sum(request.node.name.encode()))
    double.mine()
    return double


@pytest.fixture
def market(chain: ChainDouble) -> Market:
    return Market(chain)


@pytest.fixture
async def store(stores_home: Path, database_url: str) -> AsyncIterator[Store]:
    opened = await open_chain_store(load_settings(home=stores_home, database_url=database_url, devnet=True))
    yield opened
    await opened.close()


@pytest.fixture
async def fresh_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A second, empty store: what a replay of the final branch fills."""
    opened = await open_chain_store(load_settings(home=tmp_path / "replay", devnet=True))
    yield opened
    await opened.close()
