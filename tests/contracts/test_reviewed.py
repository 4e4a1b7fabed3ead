"""The reviewed files of contracts: size, storage, functions, events and errors.

the folder
├── it should be what the artifacts say, so that a change shows in a diff
└── it should know every contract that is deployed
every contract
└── it should be below the limit of code sizes
"""

from __future__ import annotations

import json

import pytest

from backend.chain.deploy_plan import COMPLETE, DEVNET_ONLY
from scripts.reviewed import FOLDER, SIZE_LIMIT, deployed, differing


class TestFolder:
    def test_is_what_the_artifacts_say(self) -> None:
        assert differing() == [], "read the difference, then run `python -m scripts.reviewed`"

    def test_knows_every_deployed_contract(self) -> None:
        assert set(COMPLETE) - DEVNET_ONLY <= set(deployed())


@pytest.mark.parametrize("name", deployed())
def test_size(name: str) -> None:
    assert 0 < json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["size"] < SIZE_LIMIT
