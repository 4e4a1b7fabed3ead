"""State that no table of the indexer has, folded from the same logs: parameters, pauses, votes, approvals.

Together with the projections it is everything that is in storage: `test_state.py` says of each variable which
of the two rebuilds it, or why nobody needs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from backend.chain.abi import decode_values
from backend.chain.contract import call_data, functions_of
from backend.chain.events import DecodedEvent, Header
from backend.chain.storage import bits_of, slot_of
from backend.core.units import keccak
from contracts.artifacts import load
from tests.contracts.invariants.machine import Machine
from tests.model.records import NOBODY, PASS

EXISTS: Final = 1 << 255
UPSTREAM_BITS, LIVE_SHIFT = 56, 224
VARIABLES: Final = {
    "feeBps": "_feeBps", "minBond": "_minBond", "unbondCooldown": "_unbondCooldown",
    "withdrawalDelay": "withdrawalDelay", "votingPeriod": "votingPeriod", "quorumBps": "quorumBps",
}  # fmt: skip
"""Where the parameter of a `ParameterSet` is kept."""


class Place(NamedTuple):
    """A variable, or a part of one: read by a view (`field` of its answer), else from its slot."""

    contract: str
    variable: str
    keys: tuple[int | bytes, ...] = ()
    view: str = ""
    field: int = 0


Args = Mapping[str, Any]
Handler = Callable[["Remainder", Args, int], None]
"""Takes what an event says, and when."""
History = tuple[str, str, tuple[int | bytes, ...]]
"""Contract, variable and keys of a list of (time, value) checkpoints."""


class Remainder:
    """What the events said last of each place."""

    def __init__(self, contracts: Mapping[str, bytes], handlers: Mapping[tuple[str, str], Handler]) -> None:
        self.contracts, self.handlers = contracts, handlers
        self.said: dict[Place, Any] = {}
        self.histories: defaultdict[History, list[tuple[int, int]]] = defaultdict(list)
        self.prices: dict[int, int] = {}
        self.operations: dict[int, int] = {}
        self.tokens: dict[int, bytes] = {}

    def say(self, contract: str, variable: str, value: Any, *keys: int | bytes, view: str = "") -> None:
        """A whole variable, or the only value of a view."""
        self.said[Place(contract, variable, keys, view)] = value

    def part(
        self, contract: str, variable: str, value: Any, field: int, view: str, *keys: int | bytes
    ) -> None:
        """One value of a view that answers with several."""
        self.said[Place(contract, variable, keys, view, field)] = value

    def add(self, contract: str, variable: str, more: int, *keys: int | bytes, view: str = "") -> None:
        """A counter moves."""
        place = Place(contract, variable, keys, view)
        self.said[place] = self.said.get(place, 0) + more

    def push(self, contract: str, variable: str, now: int, value: int, *keys: int | bytes) -> None:
        """A history gets one more line; of several at one time the last counts."""
        history = self.histories[contract, variable, keys]
        if history and history[-1][0] == now:
            history.pop()
        history.append((now, value))

    def fold(self, logs: Iterable[tuple[DecodedEvent, Header]]) -> None:
        """Go through the events in order."""
        for event, header in logs:
            if handler := self.handlers.get((event.contract, event.name)):
                handler(self, event.args, header.timestamp)

    def token_used(self, currency: int) -> None:
        """`RevenueShares` has met a currency, and remembers its token."""
        self.say("RevenueShares", "_tokens", int.from_bytes(self.tokens[currency], "big"), currency)

    def credited(self, service: int, currency: int, amount: int) -> None:
        """A service's link word marks the currencies it ever received."""
        if amount:
            place = Place("RevenueShares", "_links", (service,))
            self.said[place] |= 1 << LIVE_SHIFT + currency

    def unlike(self, machine: Machine) -> Iterator[str]:
        """Places that hold something else."""
        for place, value in self.said.items():
            found = read(machine, self.contracts[place.contract], place)
            if found != value:
                yield f"{place}: {value!r} by the events, {found!r} in storage"
        for (contract, variable, keys), told in self.histories.items():
            kept = checkpoints(machine, self.contracts[contract], slot_of(contract, variable, *keys))
            if kept != told:
                yield f"{contract}.{variable} {keys}: {told} by the events, {kept} in storage"

    def variables(self) -> set[tuple[str, str]]:
        """The variables that events told of, by contract."""
        told = {(place.contract, place.variable) for place in self.said}
        return told | {(contract, variable) for contract, variable, _ in self.histories}


def read(machine: Machine, address: bytes, place: Place) -> Any:
    """What is there."""
    if not place.view:
        return _stored(machine, address, place)
    answer = machine.view(address, call_data(place.contract, place.view, *place.keys))
    return decode_values(functions_of(place.contract)[place.view]["outputs"], answer)[place.field]


def checkpoints(machine: Machine, address: bytes, slot: int) -> list[tuple[int, int]]:
    """A `Checkpoints.Trace208`: an array of words of 48 bits of time and 208 of value."""
    first = int.from_bytes(keccak(slot.to_bytes(32, "big")), "big")
    words = (machine.storage(address, first + i) for i in range(machine.storage(address, slot)))
    return [(bits_of(word, 0, 48), bits_of(word, 48, 208)) for word in words]


def _stored(machine: Machine, address: bytes, place: Place) -> int:
    word = machine.storage(address, slot_of(place.contract, place.variable, *place.keys))
    entry = next(e for e in load(place.contract).storage if e["label"] == place.variable)
    kind = str(entry["type"])
    width = 256 if place.keys else 8 if kind == "bool" else int(kind.removeprefix("uint"))
    return bits_of(word, int(entry["offset"]) * 8 if not place.keys else 0, width)


def parameter_of(contract: str) -> Handler:
    """The parameters of a contract, by the name of their setter."""

    def handler(book: Remainder, args: Args, now: int) -> None:
        name = args["name"].rstrip(b"\0").decode()
        place = Place(contract, VARIABLES[name])
        if name == "minBond" and place in book.said and args["value"] > book.said[place]:
            book.say(contract, "_minBondRaisedAt", now)
        book.said[place] = args["value"]

    return handler


def _paused(contract: str) -> Handler:
    return lambda book, args, now: book.say(contract, "_pausedUntil", args["until"])


def _operator(contract: str) -> Handler:
    def handler(book: Remainder, args: Args, now: int) -> None:
        owner, operator, approved = list(args.values())
        book.say(contract, "_operatorApprovals", approved, owner, operator, view="isApprovedForAll")

    return handler


def _currency(book: Remainder, args: Args, now: int) -> None:
    book.tokens[args["index"]] = args["token"]
    book.say("AccessToken", "_currencyCount", args["index"] + 1)


def _plan(book: Remainder, args: Args, now: int) -> None:
    book.prices[args["planId"]] = args["terms"]["unitPrice"]
    book.add("AccessToken", "_planCounts", 1, args["serviceId"])


def _paid_use(book: Remainder, plan: int, account: bytes, now: int) -> None:
    if book.prices[plan]:
        book.part("AccessToken", "_planAccounts", now, 1, "accountOf", plan, account)


def _bought(book: Remainder, args: Args, now: int) -> None:
    book.say("ServiceRegistry", "_services", now, args["planId"] >> 20, view="lastSaleOf")
    if args["planId"] & 3 == PASS:
        _paid_use(book, args["planId"], args["payer"], now)


def _activated(book: Remainder, args: Args, now: int) -> None:
    _paid_use(book, args["planId"], args["holder"], now)


def _consumed(book: Remainder, args: Args, now: int) -> None:
    if args["holder"] != book.contracts["UsageEscrow"]:
        _paid_use(book, args["planId"], args["holder"], now)


def _registered(book: Remainder, args: Args, now: int) -> None:
    book.say("ServiceRegistry", "_serviceCount", args["serviceId"])
    links = EXISTS
    for place, upstream in enumerate(args["upstreams"]):
        links |= (upstream["serviceId"] << 16 | upstream["bps"]) << UPSTREAM_BITS * place
    book.say("RevenueShares", "_links", links, args["serviceId"])


def _service_moved(book: Remainder, args: Args, now: int) -> None:
    for owner, more in ((args["from"], -1), (args["to"], 1)):
        if owner != NOBODY:
            book.add("ServiceRegistry", "_balances", more, owner, view="balanceOf")
    # ERC-721: a transfer takes the approval of one token away, and no event says so apart.
    book.say("ServiceRegistry", "_tokenApprovals", 0, args["tokenId"])


def _service_approved(book: Remainder, args: Args, now: int) -> None:
    approved = int.from_bytes(args["approved"], "big")
    book.say("ServiceRegistry", "_tokenApprovals", approved, args["tokenId"])


def _treasury(book: Remainder, args: Args, now: int) -> None:
    book.say("RevenueShares", "_treasury", args["treasury"], view="treasury")


def _released(book: Remainder, args: Args, now: int) -> None:
    book.credited(args["serviceId"], args["currency"], args["amount"])


def _upstream_paid(book: Remainder, args: Args, now: int) -> None:
    book.credited(args["upstreamId"], args["currency"], args["amount"])


def _distributed(book: Remainder, args: Args, now: int) -> None:
    book.credited(args["serviceId"], args["currency"], args["amount"])
    book.token_used(args["currency"])


def _shares_paid(book: Remainder, args: Args, now: int) -> None:
    book.token_used(args["currency"])


def _score_moved(book: Remainder, args: Args, now: int) -> None:
    book.push("StakingVault", "_totalCheckpoints", now, args["totalScore"])


def _delegated(book: Remainder, args: Args, now: int) -> None:
    book.say("StakingVault", "_delegatee", args["toDelegate"], args["delegator"], view="delegates")


def _votes_moved(book: Remainder, args: Args, now: int) -> None:
    book.push("StakingVault", "_delegateCheckpoints", now, args["newVotes"], args["delegate"])


def _locked(book: Remainder, args: Args, now: int) -> None:
    book.say("StakingVault", "_accounts", args["index"] + 1, args["owner"], view="positionCount")
    _score_moved(book, args, now)


def _streamed(book: Remainder, args: Args, now: int) -> None:
    token = book.tokens[args["currency"]]
    book.say("StakingVault", "_tokens", int.from_bytes(token, "big"), args["currency"])


def _listed(book: Remainder, args: Args, now: int) -> None:
    book.say("TokenMarket", "listingCount", args["listingId"])


def _emp_moved(book: Remainder, args: Args, now: int) -> None:
    minted, burned = args["from"] == NOBODY, args["to"] == NOBODY
    book.add("EmporionToken", "_totalSupply", (minted - burned) * args["value"])


SALES: Final[Mapping[tuple[str, str], Handler]] = {
    ("AccessToken", "ParameterSet"): parameter_of("AccessToken"),
    ("AccessToken", "SalesPaused"): _paused("AccessToken"),
    ("AccessToken", "ApprovalForAll"): _operator("AccessToken"),
    ("AccessToken", "CurrencyAdded"): _currency,
    ("AccessToken", "PlanCreated"): _plan,
    ("AccessToken", "Bought"): _bought,
    ("AccessToken", "Activated"): _activated,
    ("AccessToken", "Consumed"): _consumed,
    ("ServiceRegistry", "ParameterSet"): parameter_of("ServiceRegistry"),
    ("ServiceRegistry", "RegistrationsPaused"): _paused("ServiceRegistry"),
    ("ServiceRegistry", "ApprovalForAll"): _operator("ServiceRegistry"),
    ("ServiceRegistry", "ServiceRegistered"): _registered,
    ("ServiceRegistry", "Transfer"): _service_moved,
    ("ServiceRegistry", "Approval"): _service_approved,
    ("UsageEscrow", "ParameterSet"): parameter_of("UsageEscrow"),
    ("RevenueShares", "ApprovalForAll"): _operator("RevenueShares"),
    ("RevenueShares", "TreasurySet"): _treasury,
    ("RevenueShares", "Released"): _released,
    ("RevenueShares", "UpstreamPaid"): _upstream_paid,
    ("RevenueShares", "Distributed"): _distributed,
    ("RevenueShares", "Claimed"): _shares_paid,
    ("RevenueShares", "FeesFlushed"): _shares_paid,
    ("StakingVault", "DelegateChanged"): _delegated,
    ("StakingVault", "DelegateVotesChanged"): _votes_moved,
    ("StakingVault", "Locked"): _locked,
    ("StakingVault", "Increased"): _score_moved,
    ("StakingVault", "Extended"): _score_moved,
    ("StakingVault", "Expired"): _score_moved,
    ("StakingVault", "RewardsStreamed"): _streamed,
    ("TokenMarket", "Listed"): _listed,
    ("EmporionToken", "Transfer"): _emp_moved,
}
"""Events by contract and name, and what each says of the places here."""
