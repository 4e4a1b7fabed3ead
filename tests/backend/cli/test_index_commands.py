"""status --watch

should say where the index stands again and again
    from the second time on with the blocks a second since the time before
"""

import asyncio
import json
from pathlib import Path

import pytest

from backend.cli import index_commands
from backend.core.logs import configure_logs
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from tests.chain_double.chain import ChainDouble
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble
from tests.indexer.harness import catch_up


def documents(text: str) -> list[dict[str, list[dict[str, float]]]]:
    """JSON documents one after another."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


class TestWatch:
    async def test_says_it_again_with_the_pace(
        self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure_logs("error")
        monkeypatch.setattr(index_commands, "WATCH_SECONDS", 0.05)
        settings = load_settings(home=home, devnet=True)
        chain = ChainDouble()
        chain.mine()
        market, node = Market(chain), NodeDouble(chain)
        market.mine_blocks(5)
        store = await open_chain_store(settings)
        await catch_up(store, node)
        watching = asyncio.create_task(index_commands._watched(settings, as_json=True))
        told = documents(capsys.readouterr().out)
        while not any(status["chains"][0].get("blocks_per_second", 0) > 0 for status in told):
            market.mine_blocks(3)
            await catch_up(store, node)
            await asyncio.sleep(0.02)
            told += documents(capsys.readouterr().out)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await store.close()
        assert "blocks_per_second" not in told[0]["chains"][0]
        assert all("blocks_per_second" in status["chains"][0] for status in told[1:])
