"""The gateway's store on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_gateway_store


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[Store]:
    opened = await open_gateway_store(load_settings(home=tmp_path, database_url=database_url, devnet=True))
    yield opened
    await opened.close()
