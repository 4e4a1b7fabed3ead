"""refusal

given the data of an error of the ABI: its name, and its values by name
given another contract's error, a string, no data, or values cut short: None
"""

import pytest
from eth_abi.abi import encode

from backend.client.refusals import refusal
from backend.core.units import hex_of, keccak
from contracts import artifacts

ABI = artifacts.load("AccessToken").abi
TOO_LOW = keccak(b"AccessToken_ScoreTooLow(uint256,uint256)")[:4]


class TestRefusal:
    def test_names_the_error_and_its_values(self) -> None:
        data = hex_of(TOO_LOW + encode(["uint256", "uint256"], [3, 50]))
        told = refusal(ABI, data)
        assert told is not None
        assert told.startswith("AccessToken_ScoreTooLow(")
        assert ": 3, " in told
        assert told.endswith(": 50)")

    @pytest.mark.parametrize("data", [None, "", "0x", "0x08c379a0", hex_of(TOO_LOW + bytes(31)), 7])
    def test_names_nothing_else(self, data: object) -> None:
        assert refusal(ABI, data) is None
