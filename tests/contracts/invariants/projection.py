"""The indexer's projections folded over a run's logs, beside what contracts and model say of every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from backend.chain.bindings import Contracts
from backend.chain.client import NodeClient
from backend.core.deployment import DeployedContract, Deployment
from backend.core.units import Address, checksum
from indexer.folding import fold_into
from indexer.replay import NOWHERE
from indexer.rows import RowBook
from indexer.shapes import FACTS, PROJECTED, Key, Model, Row
from indexer.storage_views import PROBES, Probe
from tests.contracts.invariants.world import World

CHAIN_ID = 1


def folded(world: World) -> Mapping[Model, Mapping[Key, Row]]:
    """Every row of every table, rebuilt from the logs alone."""
    book = RowBook(CHAIN_ID, NOWHERE, complete=True)
    placed = [(event, header) for log, header in world.machine.logs if (event := world.reader.decode(log))]
    fold_into(book, placed, lambda _: False)
    changed = book.changed()
    shapes = {**PROJECTED, **FACTS}
    rows = {table: list(changed.get(table, [])) for table in PROJECTED} | book.facts
    return {table: {shapes[table].key_of(row): row for row in found} for table, found in rows.items()}


def unlike_storage(world: World, rows: Mapping[Model, Mapping[Key, Row]]) -> Iterator[str]:
    """Columns that are not what views and slots of the contracts say."""
    contracts = opened(world)
    for table, probes in PROBES.items():
        for row in rows[table].values():
            for probe in probes(contracts, row):
                for column, value in probe.read(_answer(world, probe)).items():
                    if row[column] != value:
                        yield f"{PROJECTED[table].name} {row}: {column} is {value} in storage"


def opened(world: World) -> Contracts:
    """The contracts' bindings, without a node: only their questions are used."""
    found = {
        name: DeployedContract(checksum(Address(at)), 1, "", {}, "") for name, at in world.contracts.items()
    }
    return Contracts.of(cast("NodeClient", None), Deployment(CHAIN_ID, "", 0, True, found))


def _answer(world: World, probe: Probe) -> bytes:
    method, parameters = probe.call("latest")
    if method == "eth_call":
        request: Any = parameters[0]
        return world.machine.view(bytes.fromhex(request["to"][2:]), bytes.fromhex(request["data"][2:]))
    address, slot = str(parameters[0]), int(str(parameters[1]), 16)
    return world.machine.storage(bytes.fromhex(address[2:]), slot).to_bytes(32, "big")
