"""A devnet with everything running and one published service, for the tests of a whole module."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backend.cli.demo.market_hops import publish
from backend.cli.demo.world import World, world


@asynccontextmanager
async def published(home: Path) -> AsyncIterator[World]:
    """The demo's world after its second hop."""
    async with world(home, lambda _: None) as cast:
        await publish(cast)
        yield cast
