"""EmporionDistributor

constructor
└── when a vesting has no beneficiary, amount or duration: it should revert
claim
├── when the deadline passed, the leaf was paid, or the proof is wrong: it should revert
├── when an inner node is shown as a leaf: it should revert
├── when the tree promises more than the airdrop has: it should revert, the vestings stay whole
└── it should pay the account, whoever asks
sweep
├── when the deadline is ahead: it should revert
├── given nothing is left: it should move nothing
└── it should send what nobody claimed, and nothing of the vestings, to the treasury
release
├── when there is no such vesting: it should revert
├── given nothing new vested: it should move nothing
└── it should pay what vested, second by second, and all of it at the end
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi.abi import encode
from web3 import Web3
from web3.contract.contract import Contract

from backend.core.units import Address, checksum
from backend.signing.envelope import creation_address
from tests.contracts.stage import MAX_UINT256, ZERO, Stage

DAY, EMP = 86_400, 10**18
AIRDROP, VESTED = 100 * EMP, 365 * EMP
PARTS = [30 * EMP, 20 * EMP, 60 * EMP]  # 10 EMP more than the airdrop has


def leaf(index: int, account: str, amount: int) -> bytes:
    packed = encode(["uint256", "address", "uint256"], [index, account, amount])
    return bytes(Web3.keccak(Web3.keccak(packed)))


def parent(left: bytes, right: bytes) -> bytes:
    return bytes(Web3.keccak(min(left, right) + max(left, right)))


@dataclass(frozen=True)
class DistributorStage:
    """Three leaves: (0, 1) and 2. The vesting runs for 365 days from now."""

    stage: Stage
    distributor: Contract
    emp: Contract
    treasury: str
    beneficiary: str
    claimants: list[str]
    leaves: list[bytes]
    start: int
    deadline: int
    proofs: list[list[bytes]] = field(default_factory=list)

    def send(self, function: str, *arguments: Any) -> dict[str, Any]:
        return self.stage.send(self.distributor.functions[function](*arguments), self.stage.account(9))

    def claim(self, index: int, **changes: Any) -> dict[str, Any]:
        values = {
            "index": index,
            "account": self.claimants[index],
            "amount": PARTS[index],
            "proof": self.proofs[index],
        }
        return self.send("claim", *{**values, **changes}.values())

    def held(self, account: str) -> int:
        return int(self.emp.functions.balanceOf(account).call())


@pytest.fixture(scope="module")
def built() -> DistributorStage:
    stage = Stage()
    treasury, beneficiary, *claimants = (stage.account(number) for number in range(1, 6))
    leaves = [leaf(index, account, PARTS[index]) for index, account in enumerate(claimants)]
    inner = parent(leaves[0], leaves[1])
    proofs = [[leaves[1], leaves[2]], [leaves[0], leaves[2]], [inner]]
    start, deadline = stage.now, stage.now + 90 * DAY
    # EMP comes first, to where the distributor will be.
    nonce = stage.web3.eth.get_transaction_count(stage.account(0))  # type: ignore[arg-type]
    predicted = checksum(creation_address(Address(bytes.fromhex(stage.account(0)[2:])), nonce + 1))
    emp = stage.deploy("EmporionToken", predicted, AIRDROP + VESTED, treasury, 0)
    vesting = (beneficiary, VESTED, start, 365 * DAY)
    root = parent(inner, leaves[2])
    distributor = stage.deploy(
        "EmporionDistributor", emp.address, treasury, root, AIRDROP, deadline, [vesting]
    )  # fmt: skip
    assert distributor.address == predicted
    return DistributorStage(
        stage, distributor, emp, treasury, beneficiary, claimants, leaves, start, deadline, proofs
    )  # fmt: skip


@pytest.fixture
def d(built: DistributorStage) -> Iterator[DistributorStage]:
    point = built.stage.snapshot()
    yield built
    built.stage.revert(point)


class TestConstructor:
    @pytest.mark.parametrize(
        "vesting", [(ZERO, 1, 0, 1), ("0x" + "11" * 20, 0, 0, 1), ("0x" + "11" * 20, 1, 0, 0)]
    )
    def test_an_empty_vesting(self, d: DistributorStage, vesting: tuple[Any, ...]) -> None:
        with d.stage.reverts("EmporionDistributor_BadVesting", 0):
            d.stage.deploy("EmporionDistributor", ZERO, ZERO, b"\0" * 32, 0, 0, [vesting])


class TestClaim:
    def test_after_the_deadline(self, d: DistributorStage) -> None:
        d.stage.travel(d.deadline + 1)
        with d.stage.reverts("EmporionDistributor_DeadlinePassed", d.deadline, d.deadline + 1):
            d.claim(0)

    def test_twice(self, d: DistributorStage) -> None:
        d.claim(0)
        with d.stage.reverts("EmporionDistributor_AlreadyClaimed", 0):
            d.claim(0)

    @pytest.mark.parametrize(
        "change", [{"amount": 31 * EMP}, {"proof": []}, {"index": 1}, {"index": MAX_UINT256}]
    )
    def test_not_in_the_tree(self, d: DistributorStage, change: dict[str, Any]) -> None:
        values = {"index": 0, "account": d.claimants[0], "amount": PARTS[0], "proof": d.proofs[0], **change}
        with d.stage.reverts("EmporionDistributor_InvalidProof"):
            d.send("claim", *values.values())

    def test_for_another_account(self, d: DistributorStage) -> None:
        with d.stage.reverts("EmporionDistributor_InvalidProof"):
            d.claim(0, account=d.treasury)

    def test_more_than_the_airdrop_has(self, d: DistributorStage) -> None:
        d.claim(0)
        d.claim(1)
        with d.stage.reverts("EmporionDistributor_AirdropExhausted", 60 * EMP, 50 * EMP):
            d.claim(2)
        d.stage.advance(366 * DAY)
        d.send("release", 0)
        assert d.held(d.beneficiary) == VESTED

    def test_pays_the_account(self, d: DistributorStage) -> None:
        receipt = d.claim(1)
        assert d.held(d.claimants[1]) == PARTS[1]
        assert d.distributor.functions.isClaimed(1).call() is True
        assert d.stage.events(receipt, d.distributor, "AirdropClaimed") == [
            {
                "index": 1, "account": d.claimants[1], "actor": d.stage.account(9),
                "amount": PARTS[1], "left": AIRDROP - PARTS[1],
            }
        ]  # fmt: skip

    def test_at_the_deadline(self, d: DistributorStage) -> None:
        d.stage.travel(d.deadline)
        d.claim(0)
        assert d.held(d.claimants[0]) == PARTS[0]


class TestSweep:
    def test_before_the_deadline(self, d: DistributorStage) -> None:
        d.stage.travel(d.deadline)
        with d.stage.reverts("EmporionDistributor_DeadlineAhead", d.deadline, d.deadline):
            d.send("sweep")

    def test_leaves_the_vestings(self, d: DistributorStage) -> None:
        d.claim(0)
        d.stage.travel(d.deadline + 1)
        d.send("sweep")
        assert d.held(d.treasury) == AIRDROP - PARTS[0]
        assert d.held(d.distributor.address) == VESTED
        assert d.send("sweep")["logs"] == []


class TestRelease:
    def test_no_such_vesting(self, d: DistributorStage) -> None:
        with d.stage.reverts("EmporionDistributor_UnknownVesting", 1, 1):
            d.send("release", 1)

    def test_by_the_second_and_to_the_end(self, d: DistributorStage) -> None:
        d.stage.travel(d.start + 100 * DAY + 1)
        d.send("release", 0)
        assert d.held(d.beneficiary) == VESTED * (100 * DAY + 1) // (365 * DAY)
        d.stage.travel(d.start + 365 * DAY)
        receipt = d.send("release", 0)
        assert d.stage.events(receipt, d.distributor, "VestingReleased")[0]["released"] == VESTED
        assert d.held(d.beneficiary) == VESTED
        d.stage.advance(365 * DAY)
        assert d.send("release", 0)["logs"] == []

    def test_nothing_before_its_start(self, d: DistributorStage) -> None:
        for moment in (0, d.start - 1, d.start):
            assert d.distributor.functions.vestedDown(0, moment).call() == 0
        assert d.distributor.functions.vestedDown(0, MAX_UINT256).call() == VESTED
