"""An indexer in a process of its own: `python -m tests.indexer.child RPC_URL RECORD HOME DATABASE_URL`.

`born` makes them, and others that make all rows again, from a process that has loaded everything already, so
that hundreds can be killed.
"""

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from backend.chain.client import NodeClient
from backend.chain.transport import HttpTransport
from backend.core.deployment import read_deployment
from backend.core.logs import configure_logs
from backend.core.settings import load_settings
from backend.db.stores import open_chain_store
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from indexer.loop import IndexerOptions, run_indexer
from indexer.reindex import reindex

Work = Callable[..., Coroutine[Any, Any, None]]
_FORKING: Final = multiprocessing.get_context("forkserver")


async def main(rpc_url: str, record: str, home: str, database_url: str) -> None:
    configure_logs("info", "json")
    deployment = read_deployment(Path(record))
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    options = IndexerOptions(poll_interval_ms=20, finality_depth=20, step_blocks=10)
    async with HttpClient(LOOPBACK_ONLY) as http:
        client = NodeClient(HttpTransport(http), rpc_url)
        await run_indexer(store, client, deployment, asyncio.Event(), options)


async def rebuild(_rpc_url: str, record: str, home: str, database_url: str) -> None:
    store = await open_chain_store(load_settings(home=home, database_url=database_url, devnet=True))
    await reindex(store, read_deployment(Path(record)), lambda: time.time_ns() // 1_000_000)
    await store.close()


def _live(work: Work, arguments: Sequence[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # those that fail to reach a node say so
    asyncio.run(work(*arguments))


def born(arguments: Sequence[str], work: Work = main) -> BaseProcess:
    """A process that begins its life as an indexer now, or with other work."""
    _FORKING.set_forkserver_preload([__name__])
    process = _FORKING.Process(target=_live, args=(work, arguments), daemon=True)
    process.start()
    return process


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
