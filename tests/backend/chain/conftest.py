"""A node in a process of its own, with all contracts deployed; each test has its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.cli.devnet.network import Devnet


@pytest.fixture
async def devnet(tmp_path: Path) -> AsyncIterator[Devnet]:
    """Mines every transaction at once."""
    async with Devnet.start(tmp_path, port=0) as devnet, devnet.controls.instant_mining():
        yield devnet
