"""One chain a test run with all contracts on it; every test starts from the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.protocol import Protocol, deploy
from tests.contracts.stage import Stage


@pytest.fixture(scope="session")
def deployed() -> Protocol:
    return deploy(Stage())


@pytest.fixture
def p(deployed: Protocol) -> Iterator[Protocol]:
    point = deployed.stage.snapshot()
    yield deployed
    deployed.stage.revert(point)
