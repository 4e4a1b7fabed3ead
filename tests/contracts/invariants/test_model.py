"""The model and the real bytecode go through the same random play; after every transaction outcome, events,
money and every view agree, and the numbered laws hold.

Play
├── notices a model that is off by the least: in money, units, time or a rule
├── from a small economy, any of sixty things any of five actors, the court, governance or guardian may do
└── the error of a refused transaction is the model's, by name
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.contracts.invariants.campaign import played
from tests.contracts.invariants.world import ACTORS, Mismatch, World
from tests.model.acts import ACTS
from tests.model.play import STEPS, Call, Dice, Scene
from tests.model.protocol import Model

pytestmark = pytest.mark.hypothesis  # so that the deep profile finds it
T = TypeVar("T")
METERED: Final = 1 << 20 | 2 << 4 | 4 | 2
"""The plan whose credits the opening buys and deposits."""
SMALL: Final = settings.default is None or settings.default.max_examples < 1_000
EXAMPLES, LENGTH = (12, 40) if SMALL else (300, 120)


class Drawn:
    """Chance that Hypothesis draws, and shrinks."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw

    def one(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))


@cache
def world() -> World:
    """One deployment for all examples: each goes back to its start."""
    return World()


class Play(RuleBasedStateMachine):
    """Anybody does anything. One rule an action: those that follow are added below."""

    def __init__(self) -> None:
        super().__init__()
        self.world = world()
        self.world.begin()

    @rule(seconds=st.sampled_from(STEPS))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)

    def act(self, action: Callable[[Scene], Call], data: st.DataObject) -> None:
        self.world.step(action(Scene(self.world.model, ACTORS, Drawn(data))))


def _rule_of(action: Callable[[Scene], Call]) -> Any:
    def act(self: Play, data: st.DataObject) -> None:
        self.act(action, data)

    act.__name__ = action.__name__
    return rule(data=st.data())(act)


for _action in dict.fromkeys(ACTS):
    setattr(Play, _action.__name__, _rule_of(_action))


class TestPlay:
    def test_bytecode_does_what_the_model_says(self) -> None:
        run_state_machine_as_test(Play, settings=settings(max_examples=EXAMPLES, stateful_step_count=LENGTH))

    @pytest.mark.parametrize("seed", range(4 if SMALL else 200))
    def test_holds_for_seeded_plays(self, seed: int) -> None:
        met = played(world(), Dice(seed), 100)
        assert sum(met.values()) == 100


class TestNotices:
    """What the comparison is worth: a model that differs from the bytecode in one thing is found out."""

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda m: m.state.money.update({(m.site.currencies[0], m.access.address): 1}),
            lambda m: m.state.units.update({("AccessToken", METERED, ACTORS[2]): 19}),
            lambda m: setattr(m.state.access.plans[METERED], "open", False),
            lambda m: setattr(m.state.escrow.tabs[METERED, ACTORS[2]], "settled", 1),
            lambda m: setattr(m.state.shares.accounts[ACTORS[0], 1, 0], "owed", 1),
            lambda m: setattr(m.state.vault.positions[ACTORS[3], 0], "end", 1),
            lambda m: setattr(m.state.vault.rewards[ACTORS[3], 0], "owed", 10**6),
            lambda m: setattr(m.state.listings[1], "units", 2),
        ],
    )
    def test_a_state_that_differs(self, spoil: Callable[[Model], None]) -> None:
        world().begin()
        spoil(world().model)
        with pytest.raises(Mismatch):
            world().compare()

    def test_an_error_of_another_name(self) -> None:
        world().begin()
        world().model.state.registry.services[1].status = 1
        with pytest.raises(Mismatch, match="ServiceNotSelling"):
            world().step(Call("AccessToken", "buy", ACTORS[2], (METERED, 1, ACTORS[2], 10**9, 2**40, 0)))


class TestVariety:
    def test_most_of_a_play_succeeds(self) -> None:
        met: Counter[tuple[str, str | None]] = Counter()
        for seed in range(1_000, 1_003):
            met += played(world(), Dice(seed), 100)
        good = sum(count for (_, error), count in met.items() if error is None)
        assert good > sum(met.values()) // 3, f"{good} of {sum(met.values())} succeeded"
