"""`emporion up` and its indexer.

indexing
├── given an indexer that cannot begin: started again, then given up with its status, and `stop` is set
└── given a stop before: the indexer has ended
"""

import asyncio
from pathlib import Path

import pytest

from backend.cli.children import Child
from backend.cli.running import indexing
from backend.core.errors import Unavailable
from backend.core.settings import child_environment, load_settings


class TestIndexing:
    @pytest.mark.timeout(60)
    async def test_is_given_up_in_the_end(self, tmp_path: Path) -> None:
        stop = asyncio.Event()
        with pytest.raises(Unavailable, match="2 times in a row, with status 1"):
            async with indexing(load_settings(home=tmp_path), stop, pauses=(0.0,)):
                await stop.wait()

    @pytest.mark.timeout(60)
    async def test_ends_with_its_block(self, tmp_path: Path) -> None:
        stop = asyncio.Event()
        async with indexing(load_settings(home=tmp_path), stop, pauses=(30.0,)):
            await asyncio.sleep(0.1)


class TestChild:
    @pytest.mark.timeout(60)
    async def test_gives_the_status_and_the_last_words(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        child = await Child.start("index", env=child_environment(load_settings(home=tmp_path)), log=log)
        assert await child.wait() == 1
        assert "run `emporion deploy` first" in child.last_words()
        await child.stop()
