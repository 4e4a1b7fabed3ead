"""Our indexer in a process of its own, as `emporion index` and `emporion reindex` run it."""

import asyncio
import sys
import time
from pathlib import Path

import uvloop

from backend.chain.client import NodeClient
from backend.chain.heads import SocketHeads
from backend.chain.transport import HttpTransport
from backend.core.deployment import Deployment, read_deployment
from backend.core.logs import configure_logs
from backend.core.settings import load_settings
from backend.db.session import Store
from backend.db.stores import open_chain_store
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from indexer.loop import IndexerOptions, run_indexer
from indexer.reindex import reindex


async def main(command: str, rpc_url: str, ws_url: str, home: str, database_url: str) -> None:
    """Follow the chain until killed, polling every 100 ms without a WebSocket URL; or make all rows again."""
    configure_logs("warning")
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    record = read_deployment(Path(home) / "deployment.json")
    if command == "reindex":
        await reindex(store, record, lambda: time.time_ns() // 1_000_000)
        await store.close()
    else:
        await _follow(store, record, rpc_url, ws_url)


async def _follow(store: Store, record: Deployment, rpc_url: str, ws_url: str) -> None:
    options = IndexerOptions(poll_interval_ms=100, receipts=False)
    async with HttpClient(LOOPBACK_ONLY) as http:
        feed = SocketHeads(http, ws_url) if ws_url else None
        client = NodeClient(HttpTransport(http), rpc_url)
        await run_indexer(store, client, record, asyncio.Event(), options, feed)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
