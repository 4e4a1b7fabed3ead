"""`ServiceRegistry`: registration, bonds, status."""

from collections.abc import Sequence
from typing import Any

from backend.chain.bindings.structs import Service, Upstream
from backend.chain.client import BlockTag, NodeClient
from backend.chain.contract import Contract, Transaction
from backend.core.units import ZERO_ADDRESS, Address, Hash32, ServiceKind, ServiceStatus


class ServiceRegistry(Contract):
    """ERC-721 of services. The transactions revert as `IServiceRegistry` says."""

    def __init__(self, client: NodeClient, address: Address) -> None:
        super().__init__(client, "ServiceRegistry", address)

    def register(
        self,
        kind: ServiceKind,
        uri: str,
        content_hash: Hash32,
        *,
        meter: bytes = ZERO_ADDRESS,
        upstreams: Sequence[Upstream] = (),
        bond: int = 0,
    ) -> Transaction:
        """Register a service; `bond` EMP base units need an allowance."""
        parts = [upstream.abi() for upstream in upstreams]
        return self.transaction("register", kind, meter, uri, content_hash, parts, bond)

    def set_status(self, service_id: int, status: ServiceStatus) -> Transaction:
        """Set the status; Retired is final."""
        return self.transaction("setStatus", service_id, status)

    def set_meter(self, service_id: int, meter: bytes) -> Transaction:
        """Replace the meter key."""
        return self.transaction("setMeter", service_id, meter)

    def set_metadata(self, service_id: int, uri: str, content_hash: Hash32) -> Transaction:
        """Replace the metadata document."""
        return self.transaction("setMetadata", service_id, uri, content_hash)

    def bond(self, service_id: int, amount: int) -> Transaction:
        """Add EMP to the bond."""
        return self.transaction("bond", service_id, amount)

    def request_unbond(self, service_id: int, amount: int) -> Transaction:
        """Ask for a part of the bond back."""
        return self.transaction("requestUnbond", service_id, amount)

    def unbond(self, service_id: int, to: bytes) -> Transaction:
        """Take the asked part out."""
        return self.transaction("unbond", service_id, to)

    def flag_underbonded(self, service_id: int) -> Transaction:
        """Mark a service whose bond is too small."""
        return self.transaction("flagUnderbonded", service_id)

    def retire(self, service_id: int) -> Transaction:
        """Retire a flagged or silent service."""
        return self.transaction("retire", service_id)

    def challenge(self, service_id: int) -> Transaction:
        """Ask for a sign of life."""
        return self.transaction("challenge", service_id)

    def answer(self, service_id: int) -> Transaction:
        """Answer a challenge."""
        return self.transaction("answer", service_id)

    def transfer(self, sender: bytes, to: bytes, service_id: int) -> Transaction:
        """Hand a service to another account."""
        return self.transaction("transferFrom", sender, to, service_id)

    async def service(self, service_id: int, block: BlockTag = "latest") -> Service:
        """A service in full."""
        values: dict[str, Any] = await self.read("serviceOf", service_id, block=block)
        enums = {"kind": ServiceKind(values["kind"]), "status": ServiceStatus(values["status"])}
        return Service.of({**values, **enums})

    async def owner(self, service_id: int, block: BlockTag = "latest") -> Address:
        """The provider."""
        return Address(await self.read("ownerOf", service_id, block=block))

    async def count(self, block: BlockTag = "latest") -> int:
        """Services registered so far; ids run from 1 to this."""
        return int(await self.read("serviceCount", block=block))

    async def min_bond(self) -> int:
        """EMP base units a service must have bonded to sell."""
        return int(await self.read("minBond"))

    async def unbond_cooldown(self) -> int:
        """Seconds a bond waits after its request and the last sale."""
        return int(await self.read("unbondCooldown"))

    async def is_meter(self, service_id: int, key: bytes) -> bool:
        """Whether a key may settle usage of a service now."""
        return bool(await self.read("isMeter", service_id, key))
