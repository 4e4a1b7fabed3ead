"""ERC-165: every contract answers for its own interface, and for ERC-165 itself."""

from __future__ import annotations

from functools import reduce

import pytest

from contracts.artifacts import load
from tests.contracts.stage import ZERO, Stage

DAY = 86_400
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "StakingVault": (ZERO, ZERO, ZERO, (7 * DAY, 365 * DAY, 7 * DAY)),
    "TokenMarket": (ZERO, ZERO),
    "DisputeCourt": (ZERO,) * 6 + ((1, 5 * DAY, DAY, 14 * DAY, 30 * DAY, 400, 1),),
    "ServiceReviews": (ZERO, ZERO),
    "EmporionDistributor": (ZERO, ZERO, b"\0" * 32, 0, 0, []),
}


def interface_id(name: str) -> bytes:
    """XOR of the selectors of an interface without parents (ERC-165)."""
    selectors = (int(selector, 16) for selector in load(name).functions)
    return reduce(lambda left, right: left ^ right, selectors).to_bytes(4, "big")


class TestSupportsInterface:
    @pytest.mark.parametrize("name", ARGUMENTS)
    def test_own_interface(self, name: str) -> None:
        contract = Stage().deploy(name, *ARGUMENTS[name])
        answers = [
            contract.functions.supportsInterface(identifier).call()
            for identifier in (interface_id(f"I{name}"), bytes.fromhex("01ffc9a7"), b"\xff" * 4)
        ]
        assert answers == [True, True, False]
