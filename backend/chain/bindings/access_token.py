"""`AccessToken`: plans, purchases, activation, refunds."""

from typing import Any

from backend.chain.bindings.structs import PlanAccess, PlanAccount, PlanState, PlanTerms, Signature
from backend.chain.bindings.tokens import MultiToken
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Transaction
from backend.core.units import Address, Hash32, Measure, PlanId, PlanKind, Then, pack_plan_id


class AccessToken(MultiToken):
    """ERC-1155 of plans. The transactions revert as `IAccessToken` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "AccessToken", address)

    def create_plan(self, service_id: int, terms: PlanTerms) -> Transaction:
        """Create a plan. Holder of the service only."""
        return self.transaction("createPlan", service_id, terms.abi())

    def set_sale_open(self, plan_id: int, is_open: bool) -> Transaction:
        """Open or close sales. Holder of the service only."""
        return self.transaction("setSaleOpen", plan_id, is_open)

    def buy(
        self, plan_id: int, units: int, recipient: bytes, max_cost: int, deadline: int, then: Then = Then.HOLD
    ) -> Transaction:
        """Buy with an allowance of at least the cost."""
        return self.transaction("buy", plan_id, units, recipient, max_cost, deadline, then)

    def buy_with_permit(
        self,
        plan_id: int,
        units: int,
        recipient: bytes,
        max_cost: int,
        deadline: int,
        then: Then,
        signature: bytes,
    ) -> Transaction:
        """Buy with an ERC-2612 permit over `max_cost` until `deadline`."""
        parts = Signature.of(signature)
        return self.transaction("buyWithPermit", plan_id, units, recipient, max_cost, deadline, then, *parts)

    def buy_with_authorization(
        self,
        payer: bytes,
        plan_id: int,
        units: int,
        recipient: bytes,
        max_cost: int,
        deadline: int,
        then: Then,
        salt: Hash32,
        signature: bytes,
    ) -> Transaction:
        """Buy for `payer` with its EIP-3009 authorization; anybody may relay it."""
        values = (payer, plan_id, units, recipient, max_cost, deadline, then, salt, signature)
        return self.transaction("buyWithAuthorization", *values)

    def activate(self, plan_id: int, units: int, beneficiary: bytes) -> Transaction:
        """Burn Timed units for access."""
        return self.transaction("activate", plan_id, units, beneficiary)

    def consume(self, plan_id: int, units: int) -> Transaction:
        """Burn own Metered units and release their backing."""
        return self.transaction("consume", plan_id, units)

    def refund(self, plan_id: int, units: int, to: bytes) -> Transaction:
        """Burn units for their price."""
        return self.transaction("refund", plan_id, units, to)

    async def terms(self, plan_id: int, block: BlockTag = "latest") -> PlanTerms:
        """The terms of a plan."""
        values: dict[str, Any] = await self.read("termsOf", plan_id, block=block)
        enums = {"kind": PlanKind(values["kind"]), "measure": Measure(values["measure"])}
        return PlanTerms.of({**values, **enums})

    async def plan_state(self, plan_id: int, block: BlockTag = "latest") -> PlanState:
        """Counters of a plan."""
        return PlanState(*await self.read("planState", plan_id, block=block))

    async def account(self, plan_id: int, account: bytes, block: BlockTag = "latest") -> PlanAccount:
        """What an account has in a plan beside its balance."""
        return PlanAccount(*await self.read("accountOf", plan_id, account, block=block))

    async def access(self, plan_id: int, account: bytes, block: BlockTag = "latest") -> PlanAccess:
        """The whole gate on chain."""
        return PlanAccess(*await self.read("accessOf", plan_id, account, block=block))

    async def backing(self, plan_id: int, block: BlockTag = "latest") -> int:
        """Base units that stand behind unconsumed units."""
        return int(await self.read("backingOf", plan_id, block=block))

    async def currencies(self, block: BlockTag = "latest") -> list[tuple[Address, bool]]:
        """The table: token and whether it is open, by index."""
        count = await self.read("currencyCount", block=block)
        return [await self.read("currencyOf", index, block=block) for index in range(count)]

    async def fee_bps(self, block: BlockTag = "latest") -> int:
        """Protocol fee of plans created now."""
        return int(await self.read("feeBps", block=block))

    @staticmethod
    def plan_id(service_id: int, index: int, terms: PlanTerms) -> PlanId:
        """The id that the `index`-th plan of a service has, counting from 0."""
        return pack_plan_id(service_id, index, terms.transferable, terms.kind)
