"""Our indexer in a process of its own, as `emporion index` runs it."""

import asyncio
import sys
from pathlib import Path

from backend.chain.client import NodeClient
from backend.chain.heads import SocketHeads
from backend.chain.transport import HttpTransport
from backend.core.deployment import read_deployment
from backend.core.logs import configure_logs
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from indexer.loop import IndexerOptions, run_indexer


async def main(rpc_url: str, ws_url: str, home: str, database_url: str) -> None:
    """Follow the chain until killed. Without a WebSocket URL the node is polled every 100 ms."""
    configure_logs("warning")
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    options = IndexerOptions(poll_interval_ms=100, receipts=False)
    async with HttpClient(LOOPBACK_ONLY) as http:
        feed = SocketHeads(http, ws_url) if ws_url else None
        client = NodeClient(HttpTransport(http), rpc_url)
        record = read_deployment(Path(home) / "deployment.json")
        await run_indexer(store, client, record, asyncio.Event(), options, feed)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
