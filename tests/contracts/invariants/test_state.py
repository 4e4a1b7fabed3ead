"""The whole state in storage is what the events say, for every contract with state.

the variables
└── each of each deployed contract is rebuilt by a table of the indexer, by the fold here, or explained
sales and stakes
├── after random play: parameters, pauses, votes with their history, approvals are what the events say
└── every variable that is to be rebuilt was told of somewhere
court, governor, timelock, distributor
├── the same, after random play of everything under its own government, and before any of it
├── nearly every one of their events happened
└── a planted difference is found
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import settings

from backend.chain.deploy_plan import COMPLETE, DEVNET_ONLY
from contracts.artifacts import load
from indexer.shapes import PROJECTED
from tests.contracts.invariants import campaign, republic
from tests.contracts.invariants.government import COURT, GIFTS, GOVERNOR, TIMELOCK
from tests.contracts.invariants.remainder import SALES, Remainder
from tests.contracts.invariants.republic import Republic
from tests.contracts.invariants.world import World
from tests.model.play import Dice

pytestmark = pytest.mark.hypothesis  # so that the deep profile finds it
SEEDS = 5 if settings.default is None or settings.default.max_examples < 1_000 else 200

TABLES = {
    "AccessToken": {
        "_currencies": "Currency", "_balances": "Holding", "_plans": "Plan", "_planAccounts": "Access",
    },
    "ServiceRegistry": {"_owners": "Service", "_services": "Service", "_uris": "Service"},
    "UsageEscrow": {"_tabs": "Tab"},
    "RevenueShares": {
        "_balances": "Share", "fees": "FeePool", "distributed": "ShareRevenue", "_links": "Upstream",
        "_accounts": "ShareAccount",
    },
    "StakingVault": {
        "_totals": "Vault", "_clock": "Vault", "_accounts": "Staker", "_positions": "Position",
        "_rewards": "StakerReward", "_streams": "RewardStream",
    },
    "TokenMarket": {"_listings": "Listing"},
    "EmporionToken": {"_balances": "TokenBalance"},
}  # fmt: skip
"""Variables that `test_events.py` rebuilds, and the table they go to."""
CONSTANT = "set at creation for good: the ABI's `name` and its like"
UNTOLD = "an EIP-712 nonce: the standards count signatures that were used, and have no event for it"
EXPLAINED = {
    ("AccessToken", "_uri"): "always empty: `uri` asks the registry",
    ("RevenueShares", "_uri"): "always empty: `uri` asks the registry",
    ("ServiceRegistry", "_name"): CONSTANT,
    ("ServiceRegistry", "_symbol"): CONSTANT,
    ("EmporionToken", "_name"): CONSTANT,
    ("EmporionToken", "_symbol"): CONSTANT,
    ("EmporionGovernor", "_name"): CONSTANT,
    **{
        (name, label): CONSTANT
        for name in ("EmporionToken", "UsageEscrow", "StakingVault", "EmporionGovernor")
        for label in ("_nameFallback", "_versionFallback")
    },
    ("EmporionToken", "_nonces"): UNTOLD,
    ("StakingVault", "_nonces"): UNTOLD,
    ("EmporionGovernor", "_nonces"): UNTOLD,
    ("EmporionToken", "_allowances"): "ERC-20 tells what is allowed, not what of it a transfer used up",
    ("EmporionGovernor", "_governanceCall"): "a queue that is empty between transactions",
}
"""Variables that nothing rebuilds, and why nobody needs it."""


@cache
def world() -> World:
    return World()


@cache
def state() -> Republic:
    return Republic()


class Told(NamedTuple):
    """Of one play: the variables events told of, what is otherwise in storage, the events, the outcomes."""

    variables: set[tuple[str, str]]
    unlike: list[str]
    events: set[tuple[str, str]]
    met: Counter[tuple[str, str | None]]


@cache
def sales(seed: int) -> Told:
    """The sales side after a play of the model's acts."""
    met = campaign.played(world(), Dice(70_000 + seed), 120)
    decoded = [(world().reader.decode(log), header) for log, header in world().machine.logs]
    book = Remainder(world().contracts, SALES)
    book.fold((event, header) for event, header in decoded if event is not None)
    events = {(event.contract, event.name) for event, _ in decoded if event}
    return Told(book.variables(), list(book.unlike(world().machine)), events, met)


@cache
def government(seed: int) -> Told:
    """Everything after a play of court and government."""
    met = republic.played(state(), Dice(80_000 + seed), 400)
    book = state().rebuilt()
    decoded = [state().reader.decode(log) for log, _ in state().machine.logs]
    events = {(event.contract, event.name) for event in decoded if event}
    return Told(book.variables(), list(book.unlike(state().machine)), events, met)


class TestVariables:
    @pytest.mark.parametrize("name", sorted(set(COMPLETE) - DEVNET_ONLY))
    def test_are_rebuilt_or_explained(self, name: str) -> None:
        told = set().union(*(play(seed).variables for play in (sales, government) for seed in range(SEEDS)))
        rebuilt = {label for contract, label in told if contract == name} | set(TABLES.get(name, {}))
        explained = {label for contract, label in EXPLAINED if contract == name}
        assert rebuilt | explained == {str(entry["label"]) for entry in load(name).storage}
        assert not rebuilt & explained

    def test_go_to_tables_that_are_there(self) -> None:
        named = {table for tables in TABLES.values() for table in tables.values()}
        assert named <= {model.__name__ for model in PROJECTED}


class TestSales:
    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_are_what_events_say(self, seed: int) -> None:
        assert sales(seed).unlike == []


class TestGovernment:
    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_is_what_events_say(self, seed: int) -> None:
        assert government(seed).unlike == []

    def test_is_told_from_the_first_block(self) -> None:
        state().begin()
        book = state().rebuilt()
        told = {label for contract, label in book.variables() if contract == GIFTS}
        assert told == {"airdropLeft", "_vestings", "_released"}
        assert not list(book.unlike(state().machine))

    def test_all_of_it_happened(self) -> None:
        plays = [government(seed) for seed in range(SEEDS)]
        apart = (COURT, GIFTS, GOVERNOR, TIMELOCK, "ServiceReviews")
        wanted = {(name, text.partition("(")[0]) for name in apart for text in load(name).events.values()}
        assert wanted - set().union(*(play.events for play in plays)) == NEVER
        met = sum((play.met for play in plays), Counter[tuple[str, str | None]]())
        assert sum(count for (_, error), count in met.items() if error is None) > met.total() // 4

    def test_a_planted_difference_is_found(self) -> None:
        republic.played(state(), Dice(1), 100)
        book = state().rebuilt()
        assert len(book.said) > 50
        for place, value in book.said.items():
            book.said[place] = "planted"
            assert len(list(book.unlike(state().machine))) == 1
            book.said[place] = value
        history = next(iter(book.histories.values()))
        history.append((1, 1))
        assert len(list(book.unlike(state().machine))) == 1


NEVER = {
    (GOVERNOR, "EIP712DomainChanged"),
    (GOVERNOR, "VoteCastWithParams"),
    (TIMELOCK, "RoleAdminChanged"),
}
"""Events of OpenZeppelin's that nothing here emits."""
