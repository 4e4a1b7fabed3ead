"""Reverts decoded by selector.

revert_of
├── when no ABI knows the selector: said so
├── when the data is cut short: the name without values
├── given a reason string or a panic of Solidity: its words
└── given an error of ours: its name, values by name, and advice
advice_for: every error of ours has one
"""

import pytest
from eth_abi.abi import encode

from backend.chain.advice import advice_for
from backend.chain.reverts import error_entries, revert_of
from backend.core.errors import ContractRevert, TransactionReverted
from backend.core.units import keccak
from contracts.artifacts import load

EXPIRED = keccak(b"AccessToken_Expired(uint256,uint256)")[:4]
OURS = [entry["name"] for entry in load("Errors").abi if entry["type"] == "error"]


class TestRevertOf:
    def test_says_that_it_is_unknown(self) -> None:
        assert "unknown" in revert_of(b"\xde\xad\xbe\xef").message

    def test_names_what_is_cut_short(self) -> None:
        error = revert_of(EXPIRED + b"\0")
        assert isinstance(error, ContractRevert)
        assert (error.name, error.arguments) == ("AccessToken_Expired", {})

    def test_reads_a_reason(self) -> None:
        data = bytes.fromhex("08c379a0") + encode(["string"], ["too late"])
        assert revert_of(data).message.endswith("too late")

    def test_survives_a_reason_that_is_no_text(self) -> None:
        assert "no text" in revert_of(bytes.fromhex("08c379a0") + b"\xff" * 7).message

    @pytest.mark.parametrize(("code", "words"), [(0x11, "overflow"), (0x99, "0x99")])
    def test_reads_a_panic(self, code: int, words: str) -> None:
        error = revert_of(bytes.fromhex("4e487b71") + encode(["uint256"], [code]))
        assert type(error) is TransactionReverted
        assert words in error.message

    def test_names_error_values_and_advice(self) -> None:
        error = revert_of(EXPIRED + encode(["uint256", "uint256"], [5, 9]))
        assert isinstance(error, ContractRevert)
        assert error.arguments == {"deadline": 5, "timestamp": 9}
        assert error.message.endswith("later deadline")

    def test_spells_addresses_for_people(self) -> None:
        selector = keccak(b"AccessToken_NotGuardian(address,address)")[:4]
        error = revert_of(selector + encode(["address", "address"], ["0x" + "11" * 20, "0x" + "22" * 20]))
        assert isinstance(error, ContractRevert)
        assert error.arguments["caller"] == "0x" + "11" * 20


class TestAdviceFor:
    @pytest.mark.parametrize("name", OURS)
    def test_every_error_of_ours_has_one(self, name: str) -> None:
        assert advice_for(name), f"add a line for {name} to backend/chain/advice.py"

    def test_is_empty_for_a_stranger(self) -> None:
        assert advice_for("Nobody_Knows") == ""


class TestErrorEntries:
    def test_holds_every_error_of_ours(self) -> None:
        assert {str(entry["name"]) for entry in error_entries().values()} >= set(OURS)
