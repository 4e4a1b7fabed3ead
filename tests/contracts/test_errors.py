"""Every error of the contracts is provoked by a test.

the library of errors
└── each of its errors is expected by name in a test of the contracts
settings nobody should be deployed with
└── they should revert
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.sources import ROOT
from tests.contracts.protocol import DAY, Protocol
from tests.contracts.stage import ZERO

ERRORS = re.findall(r"^ *error (\w+)", (ROOT / "src/libraries/Errors.sol").read_text("utf-8"), re.MULTILINE)
TESTS = Path(__file__).resolve().parent
YEAR = 365 * DAY


class TestLibrary:
    def test_each_is_expected_somewhere(self) -> None:
        text = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
        assert len(ERRORS) > 100
        assert [name for name in ERRORS if f'"{name}"' not in text] == []


class TestDeployments:
    @pytest.mark.parametrize("durations", [(0, YEAR), (YEAR, YEAR), (YEAR, DAY)])
    def test_of_a_vault_without_a_range(self, p: Protocol, durations: tuple[int, int]) -> None:
        with p.stage.reverts("StakingVault_BadDurations", *durations):
            p.stage.deploy("StakingVault", ZERO, ZERO, ZERO, (*durations, DAY))

    @pytest.mark.parametrize("duration", [0, 2**20])
    def test_of_a_vault_with_streams_of_no_length(self, p: Protocol, duration: int) -> None:
        with p.stage.reverts("StakingVault_BadStreamDuration", duration, 2**20 - 1):
            p.stage.deploy("StakingVault", ZERO, ZERO, ZERO, (DAY, YEAR, duration))

    def test_of_a_governor_that_an_empty_vault_decides_for(self, p: Protocol) -> None:
        with p.stage.reverts("EmporionGovernor_ZeroMinQuorum"):
            p.stage.deploy("EmporionGovernor", p.vault.address, ZERO, (DAY, DAY, 1, 400, 0))
