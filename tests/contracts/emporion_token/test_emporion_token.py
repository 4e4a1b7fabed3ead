"""EmporionToken

constructor
├── when the supply would not fit 96 bits: it should revert
└── it should mint the whole supply to distributor and treasury
burn
├── when more than the balance: it should revert
└── it should lower the supply for good
permit
├── when it is expired, replayed, or signed for another chain: it should revert
└── it should set the allowance
the interface
└── it should have no function that mints or owns
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3.contract.contract import Contract

from contracts.artifacts import load
from tests.contracts.stage import MAX_UINT256, Stage
from tests.contracts.typed_data import PERMIT, signed

EMP = 10**18
DISTRIBUTOR, TREASURY, SPENDER = 0, 1, 2


@pytest.fixture(scope="module")
def built() -> tuple[Stage, Contract]:
    stage = Stage()
    amounts = (stage.account(DISTRIBUTOR), 7 * EMP, stage.account(TREASURY), 3 * EMP)
    return stage, stage.deploy("EmporionToken", *amounts)


@pytest.fixture
def token(built: tuple[Stage, Contract]) -> Iterator[Contract]:
    stage, contract = built
    point = stage.snapshot()
    yield contract
    stage.revert(point)


@pytest.fixture
def stage(built: tuple[Stage, Contract]) -> Stage:
    return built[0]


class TestConstructor:
    @pytest.mark.parametrize("amounts", [(2**96, 0), (0, 2**96), (2**95, 2**95), (MAX_UINT256, MAX_UINT256)])
    def test_supply_past_96_bits(self, stage: Stage, amounts: tuple[int, int]) -> None:
        account = stage.account(0)
        with stage.reverts("EmporionToken_SupplyTooLarge", *amounts, 2**96 - 1):
            stage.deploy("EmporionToken", account, amounts[0], account, amounts[1])

    def test_everything_is_minted_once(self, stage: Stage, token: Contract) -> None:
        assert token.functions.totalSupply().call() == 10 * EMP
        assert token.functions.balanceOf(stage.account(DISTRIBUTOR)).call() == 7 * EMP
        assert token.functions.balanceOf(stage.account(TREASURY)).call() == 3 * EMP
        facts = [token.functions[name]().call() for name in ("name", "symbol", "decimals")]
        assert facts == ["Emporion", "EMP", 18]


class TestBurn:
    def test_more_than_held(self, stage: Stage, token: Contract) -> None:
        with stage.reverts("ERC20InsufficientBalance"):
            stage.send(token.functions.burn(3 * EMP + 1), stage.account(TREASURY))

    def test_supply_falls(self, stage: Stage, token: Contract) -> None:
        stage.send(token.functions.burn(EMP), stage.account(TREASURY))
        assert token.functions.totalSupply().call() == 9 * EMP


class TestPermit:
    def call(
        self, stage: Stage, token: Contract, deadline: int, chain_id: int | None = None
    ) -> tuple[object, ...]:
        values = (stage.account(TREASURY), stage.account(SPENDER), 5, 0, deadline)
        signature = signed(
            token, "Emporion", "Permit", PERMIT, values, stage.key(TREASURY), chain_id=chain_id
        )  # fmt: skip
        return (*values[:3], deadline, *signature)

    def test_expired(self, stage: Stage, token: Contract) -> None:
        deadline = stage.now - 1
        with stage.reverts("ERC2612ExpiredSignature", deadline):
            stage.send(token.functions.permit(*self.call(stage, token, deadline)), stage.account(SPENDER))

    def test_replayed(self, stage: Stage, token: Contract) -> None:
        arguments = self.call(stage, token, MAX_UINT256)
        stage.send(token.functions.permit(*arguments), stage.account(SPENDER))
        with stage.reverts("ERC2612InvalidSigner"):
            stage.send(token.functions.permit(*arguments), stage.account(SPENDER))

    def test_of_another_chain(self, stage: Stage, token: Contract) -> None:
        arguments = self.call(stage, token, MAX_UINT256, chain_id=1)
        with stage.reverts("ERC2612InvalidSigner"):
            stage.send(token.functions.permit(*arguments), stage.account(SPENDER))

    def test_sets_the_allowance(self, stage: Stage, token: Contract) -> None:
        stage.send(token.functions.permit(*self.call(stage, token, MAX_UINT256)), stage.account(SPENDER))
        allowance = token.functions.allowance(stage.account(TREASURY), stage.account(SPENDER)).call()
        assert (allowance, token.functions.nonces(stage.account(TREASURY)).call()) == (5, 1)


class TestInterface:
    def test_nobody_can_mint(self) -> None:
        functions = {signature.split("(")[0] for signature in load("EmporionToken").functions.values()}
        assert not functions & {"mint", "owner", "grantRole", "transferOwnership", "upgradeToAndCall"}
