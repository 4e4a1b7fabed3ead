"""`ServiceReviews`: ratings by those who paid and used."""

from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import Address, Hash32, PlanId


class ServiceReviews(Contract):
    """Says who may rate a service. The transactions revert as `IServiceReviews` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "ServiceReviews", address)

    def review(self, plan: PlanId, rating: int, content_hash: Hash32) -> Transaction:
        """Rate the service of a plan, 1 to 5; replaces what the caller said before."""
        return self.transaction("review", plan, rating, content_hash)

    async def may_review(self, plan: PlanId, account: Address, block: BlockTag = "latest") -> bool:
        """Whether an account paid for a unit of the plan and used it."""
        return bool(await self.read("mayReview", plan, account, block=block))
