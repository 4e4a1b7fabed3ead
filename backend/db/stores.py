"""Opening the stores: engines, schema brought up to date, reachability told in words."""

from pathlib import Path
from typing import Final

from backend.core.settings import Settings
from backend.db.engines import Synchronous, postgresql_engine, prepare_sqlite_file, sqlite_engine
from backend.db.migrations.upgrade import migrate
from backend.db.session import Store, StoreName

_DURABILITY: Final[dict[StoreName, Synchronous]] = {
    # A lost step is fetched again from the node; a lost usage row would be an answer given away.
    "chain": "NORMAL",
    "gateway": "FULL",
}


async def open_chain_store(settings: Settings) -> Store:
    """The store of the indexer, which alone writes it. Raises DatabaseError and its kind."""
    return await _opened(_build(settings, "chain"))


async def open_gateway_store(settings: Settings) -> Store:
    """The gateway's store, with the ``chain`` schema readable beside it. Raises DatabaseError and its kind.

    A chain store that no indexer has made yet is made empty first, so that readers find its tables.
    """
    chain = await open_chain_store(settings)
    await chain.close()
    return await _opened(_build(settings, "gateway"))


async def _opened(store: Store) -> Store:
    try:
        await migrate(store)
    except BaseException:
        await store.close()
        raise
    return store


def sqlite_path(settings: Settings, name: StoreName) -> Path:
    """Where a store's file lies."""
    return settings.home_path / f"{name}.db"


def _build(settings: Settings, name: StoreName) -> Store:
    if not settings.is_sqlite:
        engine = postgresql_engine(settings.database_url, settings.database_pool)
        return Store(name, "postgresql", reader=engine, writer=engine)
    files: dict[str, Path] = {name: sqlite_path(settings, name)}
    if name == "gateway":
        files["chain"] = sqlite_path(settings, "chain")
    for path in files.values():
        prepare_sqlite_file(path)
    level = _DURABILITY[name]
    return Store(
        name,
        "sqlite",
        reader=sqlite_engine(files, owned=name, synchronous=level, writer=False),
        writer=sqlite_engine(files, owned=name, synchronous=level, writer=True),
    )
