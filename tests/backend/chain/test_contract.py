"""Call data by name.

call_data
├── when the function or the number of values is wrong: refused, naming it
├── when a value does not fit its type: refused
└── given an overloaded function: its full signature chooses
decode_call: the reverse; a strange selector is refused
Contract.read: says when nothing is deployed at the address
structs: every field is one of the ABI's
"""

import pytest

from backend.chain.bindings import structs
from backend.chain.client import NodeClient
from backend.chain.contract import Contract, call_data, decode_call, functions_of
from backend.core.errors import MalformedRequest, NodeError
from tests.backend.chain.fakes import FakeTransport

SIX = "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"


class TestCallData:
    def test_refuses_a_strange_function(self) -> None:
        with pytest.raises(MalformedRequest, match="no function fly"):
            call_data("AccessToken", "fly")

    def test_refuses_a_wrong_number_of_values(self) -> None:
        with pytest.raises(MalformedRequest, match="takes 3 values"):
            call_data("AccessToken", "activate", 1)

    @pytest.mark.parametrize("value", [-1, 2**256, "1", b"", None])
    def test_refuses_a_value_that_does_not_fit(self, value: object) -> None:
        with pytest.raises(MalformedRequest, match="uint256"):
            call_data("AccessToken", "backingOf", value)

    def test_asks_for_the_types_of_an_overloaded_function(self) -> None:
        with pytest.raises(MalformedRequest, match="with its types"):
            call_data("TestDollar", "receiveWithAuthorization")
        data = call_data("TestDollar", SIX, bytes(20), bytes(20), 1, 2, 3, bytes(32), b"")
        assert decode_call("TestDollar", data)[1]["validBefore"] == 3


class TestDecodeCall:
    def test_names_function_and_values(self) -> None:
        data = call_data("AccessToken", "activate", 5, 2, b"\1" * 20)
        assert decode_call("AccessToken", data) == (
            "activate",
            {"planId": 5, "units": 2, "beneficiary": b"\1" * 20},
        )

    def test_refuses_a_strange_selector(self) -> None:
        with pytest.raises(MalformedRequest, match="0xdeadbeef"):
            decode_call("AccessToken", b"\xde\xad\xbe\xef")


class TestRead:
    async def test_says_when_nothing_is_deployed(self) -> None:
        client = NodeClient(FakeTransport({"eth_call": lambda *_: "0x"}), "http://127.0.0.1:1")
        with pytest.raises(NodeError, match="nothing answers at 0x00"):
            await Contract(client, "AccessToken", bytes(20)).read("feeBps")


class TestStructs:
    @pytest.mark.parametrize(
        ("contract", "function", "struct"),
        [
            ("AccessToken", "termsOf", structs.PlanTerms),
            ("ServiceRegistry", "serviceOf", structs.Service),
            ("UsageEscrow", "tabOf", structs.Tab),
            ("StakingVault", "positionOf", structs.Position),
            ("TokenMarket", "listingOf", structs.Listing),
        ],
    )
    def test_have_the_fields_of_the_contracts(
        self, contract: str, function: str, struct: type[structs.PlanTerms]
    ) -> None:
        parts = functions_of(contract)[function]["outputs"][0]["components"]
        zeros = {part["name"]: 0 for part in parts}
        assert struct.of(zeros).abi().keys() == zeros.keys()
