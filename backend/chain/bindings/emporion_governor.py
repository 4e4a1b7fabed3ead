"""`EmporionGovernor`: proposals of stakers to the timelock that owns every parameter.

The contract keeps no proposal's calls, only their hash: they are read from the events.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from backend.chain.client import NodeClient
from backend.chain.contract import Contract, Transaction, read_all
from backend.chain.events import RawLog, contract_decoders
from backend.core.errors import NodeError
from backend.core.units import Address, keccak

_NARROWEST: Final = 500
"""Blocks of a range that a node must be able to answer."""


class Support(IntEnum):
    """A vote, as `GovernorCountingSimple` numbers it."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


class ProposalState(IntEnum):
    """How a proposal stands, as `IGovernor` numbers it."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


@dataclass(frozen=True, slots=True)
class Proposal:
    """Calls to decide on, with the words of who made it. Times are unix."""

    number: int
    proposer: Address
    targets: tuple[Address, ...]
    calls: tuple[bytes, ...]
    description: str
    vote_start: int
    vote_end: int

    @property
    def body(self) -> tuple[list[Address], list[int], list[bytes]]:
        """Targets, wei and call data: what the contract hashes, with the description."""
        return list(self.targets), [0] * len(self.targets), list(self.calls)


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a proposal, its votes (scores), and when it may be executed; 0 while not queued."""

    state: ProposalState
    against: int
    support: int
    abstain: int
    eta: int


class EmporionGovernor(Contract):
    """OpenZeppelin's Governor over the vault's votes. The transactions revert as `IGovernor` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "EmporionGovernor", address)

    def propose(self, target: Address, call: bytes, description: str) -> Transaction:
        """Propose one call; the caller's score must reach the threshold."""
        return self.transaction("propose", [target], [0], [call], description)

    def vote(self, number: int, support: Support, reason: str = "") -> Transaction:
        """Vote with the score the caller had when voting began."""
        return self.transaction("castVoteWithReason", number, int(support), reason)

    def queue(self, proposal: Proposal) -> Transaction:
        """Hand a proposal that won to the timelock; anybody may."""
        return self.transaction("queue", *proposal.body, keccak(proposal.description.encode()))

    def execute(self, proposal: Proposal) -> Transaction:
        """Carry out what waited in the timelock long enough; anybody may."""
        return self.transaction("execute", *proposal.body, keccak(proposal.description.encode()))

    async def threshold(self) -> int:
        """Score it takes to propose."""
        return int(await self.read("proposalThreshold"))

    async def standing(self, number: int) -> Standing:
        """How a proposal stands now."""
        names = ("state", "proposalVotes", "proposalEta")
        state, votes, eta = await read_all(self._client, [self.view(name, number) for name in names])
        against, support, abstain = (int(part) for part in votes)
        return Standing(ProposalState(int(state)), against, support, abstain, int(eta))

    async def proposals(self, first_block: int) -> list[Proposal]:
        """Every proposal since a block, oldest first. Raises NodeError, NodeUnreachable."""
        decoders = contract_decoders(self.name)
        logs = await self._logs(first_block, await self._client.block_number())
        events = (decoders[log.topics[0]].decode(log) for log in logs if log.topics[0] in decoders)
        return [_proposal(event.args) for event in events if event.name == "ProposalCreated"]

    async def _logs(self, first: int, last: int) -> list[RawLog]:
        """All its logs of a range, asked for in halves where the node refuses the whole."""
        try:
            return await self._client.logs([self.address], first, last)
        except NodeError:
            if last - first < _NARROWEST:
                raise
        middle = (first + last) // 2
        return [*await self._logs(first, middle), *await self._logs(middle + 1, last)]


def _proposal(args: Any) -> Proposal:
    targets: Iterable[Any] = args["targets"]
    return Proposal(
        number=int(args["proposalId"]),
        proposer=Address(args["proposer"]),
        targets=tuple(Address(target) for target in targets),
        calls=tuple(bytes(call) for call in args["calldatas"]),
        description=str(args["description"]),
        vote_start=int(args["voteStart"]),
        vote_end=int(args["voteEnd"]),
    )
