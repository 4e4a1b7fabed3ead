"""An indexer in a process of its own: `python -m tests.indexer.child RPC_URL RECORD HOME DATABASE_URL`."""

import asyncio
import sys
from pathlib import Path

from backend.chain.client import NodeClient
from backend.chain.transport import HttpTransport
from backend.core.deployment import read_deployment
from backend.core.logs import configure_logs, get_logger
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from indexer.loop import IndexerOptions, run_indexer


async def main(rpc_url: str, record: str, home: str, database_url: str) -> None:
    configure_logs("info", "json")
    deployment = read_deployment(Path(record))
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    get_logger("child").info("child.begins")
    options = IndexerOptions(poll_interval_ms=20, finality_depth=20, step_blocks=40)
    async with HttpClient(LOOPBACK_ONLY) as http:
        client = NodeClient(HttpTransport(http), rpc_url)
        await run_indexer(store, client, deployment, asyncio.Event(), options)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
