"""Random play from a seed, without Hypothesis: quicker, and the same on every machine."""

from collections import Counter

from tests.contracts.invariants.world import ACTORS, World
from tests.model.acts import ACTS
from tests.model.play import STEPS, Chance, Scene


def played(world: World, chance: Chance, steps: int) -> Counter[tuple[str, str | None]]:
    """Play so many transactions from the world's start; outcomes by function and error. Raises Mismatch."""
    world.begin()
    met: Counter[tuple[str, str | None]] = Counter()
    for _ in range(steps):
        if chance.number(0, 3) == 3:
            world.wait(chance.one(STEPS))
        call = chance.one(ACTS)(Scene(world.model, ACTORS, chance))
        met[f"{call.contract}.{call.function}", world.step(call)] += 1
    return met
