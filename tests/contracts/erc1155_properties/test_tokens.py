"""The ERC-1155 properties, on ours and on those of OpenZeppelin and Solady.

every token
├── should tell its interfaces and what moved
├── should move nothing that is not held, approved, or accepted
└── should keep the books over any sequence of batches
"""

from __future__ import annotations

import pytest

from tests.contracts.erc1155_properties.suite import Erc1155Suite, Token
from tests.contracts.protocol import METERED, PASS, Protocol


def holders(p: Protocol) -> tuple[str, str, str]:
    return (p.buyer, p.stranger, p.staker)


class TestAccessToken(Erc1155Suite):
    @pytest.fixture
    def token(self, p: Protocol) -> Token:
        ids = p.create_plan(PASS), p.create_plan(METERED)

        def mint(holder: str, identifier: int, units: int) -> None:
            p.buy(identifier, units, recipient=holder)

        return Token(p.stage, p.access, mint, ids, holders(p))


class TestRevenueShares(Erc1155Suite):
    @pytest.fixture
    def token(self, p: Protocol) -> Token:
        p.register()

        def mint(holder: str, identifier: int, units: int) -> None:
            arguments = (p.provider, holder, identifier, units, b"")
            p.send(p.shares, "safeTransferFrom", *arguments, sender=p.provider)

        return Token(p.stage, p.shares, mint, (1, 2), holders(p))


class PeerSuite(Erc1155Suite):
    name = ""

    @pytest.fixture
    def token(self, p: Protocol) -> Token:
        contract = p.stage.deploy(self.name)

        def mint(holder: str, identifier: int, units: int) -> None:
            p.send(contract, "mint", holder, identifier, units, sender=p.stranger)

        return Token(p.stage, contract, mint, (1, 2), holders(p))


class TestOpenZeppelin(PeerSuite):
    name = "OpenZeppelinTokens"


class TestSolady(PeerSuite):
    name = "SoladyTokens"
