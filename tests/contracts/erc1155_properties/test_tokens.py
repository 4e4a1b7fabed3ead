"""The property suite on our two tokens and on the two implementations most others stand on.

AccessToken: units are bought; RevenueShares: shares come out of a provider's million.
OpenZeppelin, Solady: minted.
"""

from __future__ import annotations

from eth_abi.abi import encode

from backend.chain.contract import call_data
from backend.core.units import keccak
from contracts.artifacts import load
from tests.contracts.erc1155_properties.suite import Erc1155Properties, Subject
from tests.contracts.invariants.machine import Machine
from tests.contracts.invariants.world import ACTORS, World
from tests.model.records import HOLD
from tests.model.refusal import UINT256_MAX

PROVIDER, BUILDER, BUYER, STAKER, _ = ACTORS


class AccessUnits(Subject):
    """Units of plans whose units move: what is bought for somebody else is theirs."""

    ids = (1 << 20 | 4, 1 << 20 | 2 << 4 | 4 | 2)

    def __init__(self) -> None:
        world = World()
        self.machine, self.token = world.machine, world.contracts["AccessToken"]

    def give(self, to: bytes, token_id: int, amount: int) -> None:
        data = call_data("AccessToken", "buy", token_id, amount, to, UINT256_MAX, UINT256_MAX, HOLD)
        assert self.machine.send(BUYER, self.token, data).error is None


class Shares(Subject):
    """Shares of two services, out of their providers' million."""

    ids = (1, 2)

    def __init__(self) -> None:
        world = World()
        self.machine, self.token = world.machine, world.contracts["RevenueShares"]

    def give(self, to: bytes, token_id: int, amount: int) -> None:
        holder = PROVIDER if token_id == 1 else BUILDER
        data = call_data("RevenueShares", "safeTransferFrom", holder, to, token_id, amount, b"")
        assert self.machine.send(holder, self.token, data).error is None


class Mintable(Subject):
    """A token that anybody mints."""

    ids = (0, 2**256 - 1)
    artifact = ""

    def __init__(self) -> None:
        self.machine = Machine()
        self.token = self.machine.deploy(bytes([0x11]) * 20, self.artifact)

    def give(self, to: bytes, token_id: int, amount: int) -> None:
        data = call_data(self.artifact, "mint", to, token_id, amount)
        assert self.machine.send(to, self.token, data).error is None


class OpenZeppelinTokens(Mintable):
    artifact = "OpenZeppelinTokens"


class SoladyTokens(Subject):
    """As another project brings its token: creation code, and call data of its own making."""

    ids = (0, 2**256 - 1)

    def __init__(self) -> None:
        self.machine = Machine({"TheirToken": load("SoladyTokens").bytecode})
        self.token = self.machine.deploy(bytes([0x11]) * 20, "TheirToken")

    def give(self, to: bytes, token_id: int, amount: int) -> None:
        selector = keccak(b"mint(address,uint256,uint256)")[:4]
        data = selector + encode(["address", "uint256", "uint256"], [to, token_id, amount])
        assert self.machine.send(to, self.token, data).error is None


class TestAccessToken(Erc1155Properties):
    subject_class = AccessUnits


class TestRevenueShares(Erc1155Properties):
    subject_class = Shares


class TestOpenZeppelin(Erc1155Properties):
    subject_class = OpenZeppelinTokens


class TestSolady(Erc1155Properties):
    subject_class = SoladyTokens
