"""What a provider does: publish, pause and retire a service, open and close sales, see and take revenue."""

import asyncio
from typing import Any, Final

import orjson

from backend.client.http import GatewayError
from backend.client.models import Service
from backend.client.offering import NewPlan, NewService
from backend.client.party import Party
from backend.core.units import ServiceKind, ServiceStatus, hex_of, keccak

INDEX_TRIES: Final = 120
_PAUSE: Final = 0.25


class Providing(Party):
    """Publish, sell, pause, retire, claim."""

    async def publish(self, new: NewService) -> Service:
        """Store the metadata, register and bond, bind the upstream, create the plans; the service on sale.

        Raises GatewayError where the metadata breaks its schema (before anything is sent),
        InsufficientFunds where the bond is not there, NodeRefused with the contract's reason.
        """
        contracts = await self._deployed()
        await self._signed_in()
        facts = await self._http.get("/v1/deployment", abi="false")
        raw = orjson.dumps(new.document(self._http.base_url), option=orjson.OPT_SORT_KEYS)
        content_hash = keccak(raw)
        path = f"/v1/metadata/{hex_of(content_hash)}"
        await self._http.put(path, raw)
        registry = contracts["ServiceRegistry"]
        await self._allow(contracts["EmporionToken"], registry.address, new.bond)
        kind, parts = int(ServiceKind[new.kind.upper()]), sorted(new.upstreams.items())
        uri = self._http.base_url + path
        receipt = await self._send(
            "ServiceRegistry", "register", kind, facts["meter"], uri, content_hash, parts, new.bond
        )
        service_id = int(registry.event(receipt, "ServiceRegistered")["serviceId"])
        await self.bind(service_id, dict(new.upstream))
        for plan in new.plans:
            await self.create_plan(service_id, plan)
        return await self._listed(service_id, len(new.plans))

    async def bind(self, service_id: int, *upstreams: dict[str, Any]) -> None:
        """Let these upstreams serve a service; they replace the ones before."""
        await self._signed_in()
        path = f"/v1/provider/services/{service_id}/upstream"
        await self._once_indexed(self._http.put, path, {"upstreams": list(upstreams)})

    async def create_plan(self, service_id: int, plan: NewPlan) -> int:
        """Put a plan on sale; its id."""
        access = (await self._deployed())["AccessToken"]
        terms = access.struct("createPlan", "terms", plan.terms())
        receipt = await self._send("AccessToken", "createPlan", service_id, terms)
        return int(access.event(receipt, "PlanCreated")["planId"])

    async def set_sale(self, plan_id: int, *, is_open: bool) -> None:
        """Open or close the sale of a plan."""
        await self._send("AccessToken", "setSaleOpen", plan_id, is_open)

    async def pause(self, service_id: int) -> None:
        """Sell nothing of a service until `resume`; what was sold is served on."""
        await self._send("ServiceRegistry", "setStatus", service_id, int(ServiceStatus.PAUSED))

    async def resume(self, service_id: int) -> None:
        """Sell a paused service again."""
        await self._send("ServiceRegistry", "setStatus", service_id, int(ServiceStatus.ACTIVE))

    async def retire(self, service_id: int) -> None:
        """End a service for good: holders are served until their access ends, or refunded.

        Raises NodeRefused where the wallet does not own it or it is retired already; the same for `pause`
        and `resume`.
        """
        await self._send("ServiceRegistry", "setStatus", service_id, int(ServiceStatus.RETIRED))

    async def revenue(self) -> dict[str, Any]:
        """What the wallet's services earned, by plan, and what went to share holders."""
        await self._signed_in()
        revenue: dict[str, Any] = await self._http.get("/v1/provider/revenue")
        return revenue

    async def claim_revenue(self, service_id: int) -> None:
        """Take what the wallet's shares of a service earned, in every currency."""
        contracts = await self._deployed()
        indices = [int(line["index"]) for line in contracts.currencies]
        await self._send("RevenueShares", "claim", [service_id] * len(indices), indices, self.address)

    async def _listed(self, service_id: int, plans: int) -> Service:
        """The service, once the gateway has seen all its plans."""
        found = Service.of(await self._once_indexed(self._http.get, f"/v1/services/{service_id}"))
        for _ in range(INDEX_TRIES):
            if len(found.plans) >= plans:
                break
            await asyncio.sleep(_PAUSE)
            found = Service.of(await self._http.get(f"/v1/services/{service_id}"))
        return found

    async def _once_indexed(self, ask: Any, path: str, *given: Any) -> Any:
        """A request about what was just mined: a 404 is asked again until it is indexed."""
        for _ in range(INDEX_TRIES):
            try:
                return await ask(path, *given)
            except GatewayError as error:
                if error.answer_status != 404:
                    raise
            await asyncio.sleep(_PAUSE)
        return await ask(path, *given)
