"""The seeded devnet that a module's commands run beside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli.devnet.network import Devnet
from backend.cli.wiring import run
from tests.e2e.terminal import Economy, started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here starts the product as people do."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("integration")


@pytest.fixture(scope="module")
def economy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Economy]:
    """A seeded devnet whose transactions are mined at once."""
    found = started(tmp_path_factory.mktemp("economy"), "--port", "0")
    run(mine_at_once(found.home / "devnet"))
    assert found.told_of(), "it said that it was ready before the services had names"
    yield found
    found.stop()


async def mine_at_once(home: Path) -> None:
    async with Devnet.attach(home) as devnet:
        await devnet.controls.mine_at_once()


@pytest.fixture
def second_terminal(economy: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment after `. env`."""
    for name, value in economy.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EMPORION_KEYSTORE_PASSWORD", "for a test")
