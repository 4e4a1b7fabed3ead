"""State rebuilt from events alone is the state in storage, and is what the model says.

A play's logs folded by the indexer's projections
├── every projected table has an oracle
├── every row is what views and slots of the contracts say
├── every row is what the model says, counters that no contract keeps included
├── no row of the model is missing, and none is too many
└── facts: a purchase for every sale, a settlement for every settled line
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import settings

from backend.db.tables import chain
from indexer.shapes import PROJECTED, Key, Model, Row
from tests.contracts.invariants.campaign import played
from tests.contracts.invariants.projection import folded, unlike_storage
from tests.contracts.invariants.world import World
from tests.model.play import Dice
from tests.model.rows import TABLES, unlike_model

pytestmark = pytest.mark.hypothesis  # so that the deep profile finds it
SEEDS = 5 if settings.default is None or settings.default.max_examples < 1_000 else 200


@cache
def world() -> World:
    return World()


@pytest.fixture(scope="module", params=range(SEEDS))
def rows(request: pytest.FixtureRequest) -> Mapping[Model, Mapping[Key, Row]]:
    played(world(), Dice(50_000 + request.param), 120)
    return folded(world())


class TestOracle:
    def test_knows_every_projected_table(self) -> None:
        assert set(TABLES) == set(PROJECTED)


class TestRows:
    def test_are_what_storage_says(self, rows: Mapping[Model, Mapping[Key, Row]]) -> None:
        assert not list(unlike_storage(world(), rows))

    def test_are_what_the_model_says(self, rows: Mapping[Model, Mapping[Key, Row]]) -> None:
        assert not list(unlike_model(world().model, rows))

    def test_a_planted_difference_is_found(self, rows: Mapping[Model, Mapping[Key, Row]]) -> None:
        for table in PROJECTED:
            for row in list(rows[table].values())[:1]:
                column = PROJECTED[table].value_columns[0]
                kept, row[column] = row[column], b"planted"
                assert any(column in found for found in unlike_model(world().model, rows)), table
                row[column] = kept
        row = next(iter(rows[chain.Tab].values()))
        row["balance"] += 1
        assert any("balance is" in found for found in unlike_storage(world(), rows))
        row["balance"] -= 1


class TestFacts:
    def test_are_one_a_sale_and_one_a_settled_line(self, rows: Mapping[Model, Mapping[Key, Row]]) -> None:
        events = [event for log, _ in world().machine.logs if (event := world().reader.decode(log))]
        names = [event.name for event in events]
        assert len(rows[chain.Purchase]) == names.count("Bought")
        assert len(rows[chain.Settlement]) == names.count("Settled")
        bought = [event for event in events if event.name == "Bought"]
        paid = sum(event.args["cost"] for event in bought)
        assert paid == sum(row["cost"] for row in rows[chain.Purchase].values())
