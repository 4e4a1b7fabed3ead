"""`emporion stake` against a running devnet.

list
├── of the wallet and of any address: score, positions, rewards by currency, exact beside money
└── of nobody: says what to do
increase, extend, compound
└── the position grows, its score with it; nothing to compound is said
unlock
└── refused before the end, all of it after
"""

import pytest

from backend.core.units import checksum
from backend.signing.keys import LocalKey
from tests.e2e.terminal import does, funded, refuses
from tests.emporion_command import run_emporion

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.model,
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.usefixtures("second_terminal"),
]

EMP = 10**18


class TestList:
    def test_tells_score_positions_and_rewards(self) -> None:
        told = does("stake", "list", "--key", "second_staker")
        assert [(one["amount"], one["ended"]) for one in told["positions"]][1:] == [("5,000 EMP", False)]
        assert told["positions"][0]["amount_base_units"] == str(20_000 * EMP)
        assert int(told["score_base_units"]) < int(told["score_of_all_base_units"])
        assert int(told["claimable_base_units"]["tUSD"]) > 0
        assert does("stake", "list", told["address"], "--key", "buyer")["positions"] == told["positions"]

    def test_says_how_to_begin(self) -> None:
        nobody = checksum(LocalKey.create().address)
        said = run_emporion("stake", "list", nobody)
        assert (said.status, "emporion stake lock" in said.err) == (0, True)
        assert (
            "no address" in refuses("stake", "list", "0x12").err
            or "0x12" in refuses("stake", "list", "0x12").err
        )


class TestPosition:
    def test_rewards_in_emp_join_it(self) -> None:
        before = does("stake", "list", "--key", "staker")["positions"][0]
        done = does("stake", "compound", "0", "--key", "staker")
        added = int(done["compounded_base_units"])
        assert added > 0
        assert "received" not in done
        assert int(done["amount_base_units"]) == int(before["amount_base_units"]) + added
        assert done["until"] == before["until"]

    def test_grows_is_prolonged_and_comes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        funded(monkeypatch)
        locked = does("stake", "lock", "100", "30d")
        assert (locked["position"], locked["amount"]) == (0, "100 EMP")
        grown = does("stake", "increase", "0", "50.5")
        assert (grown["added"], grown["amount"], grown["until"]) == ("50.5 EMP", "150.5 EMP", locked["until"])
        longer = does("stake", "extend", "0", "90d")
        assert longer["until"] > locked["until"]
        assert int(longer["score_base_units"]) > int(grown["score_base_units"])
        said = run_emporion("stake", "compound", "0")
        assert (said.status, "no EMP to compound yet" in said.err) == (0, True)
        assert "wait until the position has ended" in refuses("stake", "unlock", "0").err
        assert "no such position" in refuses("stake", "unlock", "7").err
        assert "this costs 1,000,000 EMP" in refuses("stake", "increase", "0", "1000000").err
        does("devnet", "advance", "91d")
        assert does("stake", "list")["positions"][0]["ended"]
        assert does("stake", "unlock", "0")["unlocked_base_units"] == str(1505 * 10**17)
        assert does("stake", "list")["positions"] == []
