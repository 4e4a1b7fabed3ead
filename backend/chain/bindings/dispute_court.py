"""`DisputeCourt`: claims against the bonds of providers, and the votes on them."""

from collections.abc import Sequence

from backend.chain.bindings.structs import Dispute
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction, read_all
from backend.core.units import Address, Hash32, PlanId


class DisputeCourt(Contract):
    """Judges claims by the scores of stakers. The transactions revert as `IDisputeCourt` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "DisputeCourt", address)

    def open(self, plan: PlanId, amount: int, evidence: Hash32, uri: str) -> Transaction:
        """Claim EMP base units of a provider's bond; the court must be allowed `bond_up` of the caller."""
        return self.transaction("open", plan, amount, evidence, uri)

    def respond(self, dispute_id: int, evidence: Hash32, uri: str) -> Transaction:
        """Answer while it is voted on; provider only."""
        return self.transaction("respond", dispute_id, evidence, uri)

    def vote(self, dispute_id: int, *, uphold: bool) -> Transaction:
        """Vote with the score the caller had a second before the dispute was opened."""
        return self.transaction("vote", dispute_id, uphold)

    def resolve(self, dispute_id: int) -> Transaction:
        """End a dispute after its vote; anybody may."""
        return self.transaction("resolve", dispute_id)

    async def bond_up(self, amount: int) -> int:
        """EMP base units that a claim of so many puts up."""
        return int(await self.read("bondUp", amount))

    async def may_open(self, plan: PlanId, account: Address) -> bool:
        """Whether an account used a paid unit of the plan lately, or holds one."""
        return bool(await self.read("mayOpen", plan, account))

    async def count(self, block: BlockTag = "latest") -> int:
        """Disputes opened so far; ids run from 1."""
        return int(await self.read("disputeCount", block=block))

    async def disputes(self, numbers: Sequence[int], block: BlockTag = "latest") -> list[Dispute]:
        """The disputes of these ids, in order."""
        views = [self.view("disputeOf", number) for number in numbers]
        return [Dispute.of(found) for found in await read_all(self._client, views, block)]
