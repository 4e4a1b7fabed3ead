"""Ends of counters that nobody reaches by counting: the machine is put just before them.

├── a service's last plan should be made, and the next refused
└── the last service should be registered, and the next refused
"""

from __future__ import annotations

import pytest

from backend.chain.storage import slot_of
from tests.contracts.invariants.machine import text_of
from tests.contracts.invariants.world import ACTORS, World
from tests.model.play import Call

PROVIDER = ACTORS[0]
PLANS, LAST_SERVICE, COUNT_BIT = 2**16, 2**33 - 1, 8 * 27
HASH = b"\x11" * 32
TERMS = (2, True, True, 0, 0, 500, 10**6, 0, 0, 0, 0, 0, 0, HASH, 1, 2, 3)


@pytest.fixture
def world() -> World:
    return World()


def put(world: World, contract: str, slot: int, word: int) -> None:
    world.machine.evm.insert_account_storage(text_of(world.contracts[contract]), slot, word)


def send(world: World, contract: str, function: str, *arguments: object) -> str | None:
    call = Call(contract, function, PROVIDER, arguments)
    return world.machine.send(PROVIDER, world.contracts[contract], world.encoded(call)).error


def test_a_service_has_so_many_plans(world: World) -> None:
    put(world, "AccessToken", slot_of("AccessToken", "_planCounts", 1), PLANS - 1)
    assert send(world, "AccessToken", "createPlan", 1, TERMS) is None
    assert send(world, "AccessToken", "createPlan", 1, TERMS) == "AccessToken_TooManyPlans"


def test_there_are_so_many_services(world: World) -> None:
    slot = slot_of("ServiceRegistry", "_serviceCount")
    others = world.machine.storage(world.contracts["ServiceRegistry"], slot) & (1 << COUNT_BIT) - 1
    put(world, "ServiceRegistry", slot, others | LAST_SERVICE - 1 << COUNT_BIT)
    service: tuple[object, ...] = (0, PROVIDER, "", HASH, [], 0)
    assert send(world, "ServiceRegistry", "register", *service) is None
    assert send(world, "ServiceRegistry", "register", *service) == "ServiceRegistry_TooManyServices"
