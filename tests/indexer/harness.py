"""Running the real indexer against a chain double, and looking at what it wrote."""

from typing import Any

from sqlalchemy import text

from backend.chain.client import NodeClient
from backend.db.session import Store
from indexer.loop import IndexerOptions, index_once
from indexer.shapes import FACTS, PROJECTED, RAW, Row, Shape
from indexer.spelling import row_of
from indexer.statements import in_one_write
from tests.chain_double.chain import ChainDouble
from tests.chain_double.emitter import deployment_of
from tests.chain_double.node import NodeDouble

START_BLOCK = 2
OPTIONS = IndexerOptions(finality_depth=64, step_blocks=50)
_HISTORY = {"undo", "outbox"}


async def catch_up(store: Store, node: NodeDouble, options: IndexerOptions = OPTIONS) -> None:
    """Index to the node's head."""
    client = NodeClient(node, "http://double")
    await index_once(store, client, deployment_of(node.chain, START_BLOCK), options)


async def rows_of(store: Store, shape: Shape) -> list[dict[str, Any]]:
    """Every row of a table, by key."""
    names = ", ".join(f'"{name}"' for name in shape.columns)
    order = ", ".join(f'"{name}"' for name in shape.key_columns)
    async with store.read_connection() as connection:
        found = await connection.execute(text(f'SELECT {names} FROM chain."{shape.name}" ORDER BY {order}'))
        return [row_of(shape, tuple(row)) for row in found]


async def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row that depends on the final branch alone: headers, logs, facts and projections."""
    shapes = [*PROJECTED.values(), *FACTS.values(), *RAW.values()]
    return {s.name: await rows_of(store, s) for s in shapes if s.name not in _HISTORY}


async def replayed(store: Store, chain: ChainDouble) -> dict[str, list[dict[str, Any]]]:
    """What an empty store holds after one clean pass over the chain as it is now."""
    await catch_up(store, NodeDouble(chain))
    return await everything(store)


def other(value: Any) -> Any:
    """A value of the same type that is not this one; an address where there was none."""
    if value is None:
        return b"x" * 20
    if isinstance(value, int):
        return not value if isinstance(value, bool) else value + 1
    return value + "x" if isinstance(value, str) else bytes([value[0] ^ 1]) + value[1:]


async def planted(store: Store, shape: Shape, row: Row) -> None:
    await in_one_write(store, lambda db: db.upsert(shape, [row]))


async def corrupted(store: Store, chain_id: int) -> set[tuple[str, str]]:
    """Make one value of each table of a chain wrong; tables and columns."""
    changed = set()
    for shape in [*PROJECTED.values(), *FACTS.values()]:
        rows = [row for row in await rows_of(store, shape) if row["chain_id"] == chain_id]
        for row in rows[-1:]:
            column = shape.value_columns[-1]
            await planted(store, shape, {**row, column: other(row[column])})
            changed.add((shape.name, column))
    return changed
