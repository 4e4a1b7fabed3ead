"""The whole set under its own government: timelock, governor, court and reviews, at predicted addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.contract.contract import Contract

from backend.chain.deploy_plan import COMPLETE, LIVE, DeploySettings, plan
from backend.core.units import Address, checksum
from tests.contracts.protocol import DAY, EMP, Protocol
from tests.contracts.stage import Stage

DELAY = 8 * DAY
VOTING_DELAY, VOTING_PERIOD = DAY, 5 * DAY
MIN_QUORUM = 1_000_000 * EMP
MIN_DISPUTE_BOND = 50 * EMP
COURT_PERIOD, USE_PERIOD = 5 * DAY, 30 * DAY
GOVERNMENT = ("EmporionTimelock", "EmporionGovernor", "DisputeCourt", "ServiceReviews")
VOTING_STAKE = 500_000 * EMP  # for 365 days: a score of two million
MAX_LOCK = 365 * DAY


@dataclass(frozen=True)
class Governed:
    """The protocol, its government and two voters with a score of two millions each."""

    p: Protocol
    timelock: Contract
    governor: Contract
    court: Contract
    reviews: Contract
    voter: str
    dissenter: str

    @property
    def stage(self) -> Stage:
        return self.p.stage

    def send(self, contract: Contract, function: str, *arguments: Any, sender: str) -> dict[str, Any]:
        return self.p.send(contract, function, *arguments, sender=sender)

    def settle_time(self) -> None:
        """A block, so that what was locked before counts."""
        self.stage.advance(60)

    def propose(self, target: Contract, function: str, *arguments: Any) -> tuple[Any, ...]:
        """Proposes one call; gives what queue and execute ask for."""
        call = ([target.address], [0], [target.encode_abi(function, list(arguments))])
        self.send(self.governor, "propose", *call, "because", sender=self.voter)
        return (*call, Web3.keccak(text="because"))

    def vote(self, call: tuple[Any, ...], support: int = 1, voter: str | None = None) -> None:
        """Votes after the delay."""
        identifier = self.governor.functions.hashProposal(*call).call()
        snapshot = int(self.governor.functions.proposalSnapshot(identifier).call())
        if self.stage.now <= snapshot:
            self.stage.travel(snapshot + 1)
        self.send(self.governor, "castVote", identifier, support, sender=voter or self.voter)

    def decide(self, target: Contract, function: str, *arguments: Any) -> None:
        """Takes a decision all the way."""
        call = self.propose(target, function, *arguments)
        self.vote(call)
        self.stage.advance(VOTING_PERIOD + 1)
        self.send(self.governor, "queue", *call, sender=self.p.stranger)
        self.stage.advance(DELAY + 1)
        self.send(self.governor, "execute", *call, sender=self.p.stranger)


def deploy_governed(stage: Stage) -> Governed:
    """Deploys everything, registers a first service, and gives two voters their scores."""
    accounts = [stage.account(number) for number in range(10)]
    found = deploy_all(stage, accounts)
    protocol = Protocol(
        stage, found["TestDollar"], found["EmporionToken"], found["RevenueShares"], found["ServiceRegistry"],
        found["AccessToken"], found["UsageEscrow"], found["StakingVault"], found["TokenMarket"],
        accounts[0], found["EmporionTimelock"].address, accounts[2], found["DisputeCourt"].address,
        *accounts[4:9],
    )  # fmt: skip
    for account in accounts[4:9]:
        protocol.fund(account)
        protocol.fund(account, protocol.emp, 100_000 * EMP)
        approve = protocol.emp.functions.approve(found["DisputeCourt"].address, 2**256 - 1)
        stage.send(approve, account)
    protocol.register()
    for account in (accounts[1], accounts[3]):
        protocol.fund(account, protocol.emp, VOTING_STAKE)
        protocol.send(protocol.vault, "lock", VOTING_STAKE, MAX_LOCK, sender=account)
    stage.advance(60)
    timelock, governor, court, reviews = (found[name] for name in GOVERNMENT)
    return Governed(protocol, timelock, governor, court, reviews, accounts[1], accounts[3])


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))


def deploy_all(stage: Stage, accounts: list[str]) -> dict[str, Contract]:
    """As production deploys it, but for the supply, which the operator keeps to hand out."""
    operator, guardian = _address(accounts[0]), _address(accounts[2])
    values = {**LIVE, "distributorAmount": 99_000_000 * EMP, "treasuryAmount": 1_000_000 * EMP}
    roles = {"guardian": guardian, "distributor": operator}
    settings = DeploySettings(
        operator=operator, devnet=True, roles=roles, values=values, contracts=COMPLETE
    )  # fmt: skip
    found = {}
    for unit in plan(settings, operator, stage.nonce(accounts[0])):
        contract = stage.create(unit.name, unit.creation, accounts[0])
        assert contract.address == checksum(unit.address), unit.name
        found[unit.name] = contract
    return found
