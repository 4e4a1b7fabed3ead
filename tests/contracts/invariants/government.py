"""Court, governor, timelock and distributor: what their events say is in storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eth_abi.abi import encode

from backend.core.units import keccak
from tests.contracts.invariants.remainder import SALES, Args, Handler, Place, Remainder, parameter_of

CANCELED, EXECUTED, DONE = 2, 7, 1
COURT, GIFTS, GOVERNOR, TIMELOCK = (
    "DisputeCourt",
    "EmporionDistributor",
    "EmporionGovernor",
    "EmporionTimelock",
)


def _disputed(book: Remainder, args: Args, now: int) -> None:
    same = ("claimant", "votingEnds", "serviceId", "bond", "amount", "quorum")
    record = {name: args[name] for name in same} | {"opened": args["snapshot"] + 1}
    record |= {"outcome": 0, "votesFor": 0, "votesAgainst": 0}
    book.say(COURT, "_disputes", record, args["disputeId"], view="disputeOf")
    book.say(COURT, "disputeCount", args["disputeId"])


def _dispute(book: Remainder, args: Args) -> dict[str, Any]:
    record: dict[str, Any] = book.said[Place(COURT, "_disputes", (args["disputeId"],), "disputeOf")]
    return record


def _judged(book: Remainder, args: Args, now: int) -> None:
    _dispute(book, args).update(votesFor=args["votesFor"], votesAgainst=args["votesAgainst"])
    book.say(COURT, "hasVoted", True, args["disputeId"], args["voter"], view="hasVoted")


def _resolved(book: Remainder, args: Args, now: int) -> None:
    _dispute(book, args)["outcome"] = args["outcome"]


def _airdrop_opened(book: Remainder, args: Args, now: int) -> None:
    book.say(GIFTS, "airdropLeft", args["amount"])


def _airdrop_claimed(book: Remainder, args: Args, now: int) -> None:
    book.say(GIFTS, "airdropLeft", args["left"])
    book.say(GIFTS, "_claimed", True, args["index"], view="isClaimed")


def _airdrop_swept(book: Remainder, args: Args, now: int) -> None:
    book.say(GIFTS, "airdropLeft", 0)


def _vesting_created(book: Remainder, args: Args, now: int) -> None:
    record = {name: args[name] for name in ("beneficiary", "amount", "start", "duration")}
    book.part(GIFTS, "_vestings", record, 0, "vestingOf", args["vestingId"])
    book.part(GIFTS, "_released", 0, 1, "vestingOf", args["vestingId"])


def _vesting_released(book: Remainder, args: Args, now: int) -> None:
    book.part(GIFTS, "_released", args["released"], 1, "vestingOf", args["vestingId"])


def _proposed(book: Remainder, args: Args, now: int) -> None:
    number = args["proposalId"]
    told = {
        "Snapshot": args["voteStart"],
        "Deadline": args["voteEnd"],
        "Proposer": args["proposer"],
        "Eta": 0,
    }
    for name, value in told.items():
        book.say(GOVERNOR, "_proposals", value, number, view=f"proposal{name}")
    for support in range(3):
        book.part(GOVERNOR, "_proposalVotes", 0, support, "proposalVotes", number)
    book.say(GOVERNOR, "_timelockIds", 0, number)
    book.operations[number] = _operation(book, args)


def _operation(book: Remainder, args: Args) -> int:
    """The id a proposal has at the timelock (`hashOperationBatch`, salted with the governor's address)."""
    governor, why = book.contracts[GOVERNOR].ljust(32, b"\0"), keccak(args["description"].encode())
    salt = bytes(left ^ right for left, right in zip(governor, why, strict=True))
    types = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"]
    packed = encode(types, [args["targets"], args["values"], args["calldatas"], bytes(32), salt])
    return int.from_bytes(keccak(packed), "big")


def _voted(book: Remainder, args: Args, now: int) -> None:
    place = Place(GOVERNOR, "_proposalVotes", (args["proposalId"],), "proposalVotes", args["support"])
    book.said[place] += args["weight"]
    book.say(GOVERNOR, "_proposalVotes", True, args["proposalId"], args["voter"], view="hasVoted")


def _queued(book: Remainder, args: Args, now: int) -> None:
    number = args["proposalId"]
    book.say(GOVERNOR, "_proposals", args["etaSeconds"], number, view="proposalEta")
    book.say(GOVERNOR, "_timelockIds", book.operations[number], number)


def _ended(state: int) -> Handler:
    def handler(book: Remainder, args: Args, now: int) -> None:
        book.say(GOVERNOR, "_proposals", state, args["proposalId"], view="state")
        book.say(GOVERNOR, "_timelockIds", 0, args["proposalId"])

    return handler


def _setting(variable: str, argument: str, view: str) -> Handler:
    return lambda book, args, now: book.say(GOVERNOR, variable, args[argument], view=view)


def _quorum(book: Remainder, args: Args, now: int) -> None:
    book.push(GOVERNOR, "_quorumNumeratorHistory", now, args["newQuorumNumerator"])


def _role(holds: bool) -> Handler:
    return lambda book, args, now: book.say(
        TIMELOCK, "_roles", holds, args["role"], args["account"], view="hasRole"
    )


def _scheduled(book: Remainder, args: Args, now: int) -> None:
    book.say(TIMELOCK, "_timestamps", now + args["delay"], args["id"], view="getTimestamp")


def _operation_ended(timestamp: int) -> Handler:
    return lambda book, args, now: book.say(
        TIMELOCK, "_timestamps", timestamp, args["id"], view="getTimestamp"
    )


def _delay(book: Remainder, args: Args, now: int) -> None:
    book.say(TIMELOCK, "_minDelay", args["newDuration"])


EVERYTHING: Final[Mapping[tuple[str, str], Handler]] = {
    **SALES,
    (COURT, "ParameterSet"): parameter_of(COURT),
    (COURT, "DisputeOpened"): _disputed,
    (COURT, "VoteCast"): _judged,
    (COURT, "DisputeResolved"): _resolved,
    (GIFTS, "AirdropOpened"): _airdrop_opened,
    (GIFTS, "AirdropClaimed"): _airdrop_claimed,
    (GIFTS, "AirdropSwept"): _airdrop_swept,
    (GIFTS, "VestingCreated"): _vesting_created,
    (GIFTS, "VestingReleased"): _vesting_released,
    (GOVERNOR, "ProposalCreated"): _proposed,
    (GOVERNOR, "VoteCast"): _voted,
    (GOVERNOR, "ProposalQueued"): _queued,
    (GOVERNOR, "ProposalExecuted"): _ended(EXECUTED),
    (GOVERNOR, "ProposalCanceled"): _ended(CANCELED),
    (GOVERNOR, "VotingDelaySet"): _setting("_votingDelay", "newVotingDelay", "votingDelay"),
    (GOVERNOR, "VotingPeriodSet"): _setting("_votingPeriod", "newVotingPeriod", "votingPeriod"),
    (GOVERNOR, "ProposalThresholdSet"): _setting(
        "_proposalThreshold", "newProposalThreshold", "proposalThreshold"
    ),
    (GOVERNOR, "TimelockChange"): _setting("_timelock", "newTimelock", "timelock"),
    (GOVERNOR, "QuorumNumeratorUpdated"): _quorum,
    (TIMELOCK, "RoleGranted"): _role(True),
    (TIMELOCK, "RoleRevoked"): _role(False),
    (TIMELOCK, "CallScheduled"): _scheduled,
    (TIMELOCK, "Cancelled"): _operation_ended(0),
    (TIMELOCK, "CallExecuted"): _operation_ended(DONE),
    (TIMELOCK, "MinDelayChange"): _delay,
}
"""All events that say what the tables do not, of all contracts."""
