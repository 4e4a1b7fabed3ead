"""`emporion provider publish`: documents, registration, bond, plans, upstream and one paid test call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from backend.chain.bindings import Contracts
from backend.chain.bindings.structs import PlanTerms, Upstream
from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.cli.manifest import Manifest, PlanPart, UpstreamPart, base_units
from backend.cli.trading import Trader
from backend.core.deployment import DeployedCurrency, Deployment
from backend.core.errors import InsufficientFunds, SettingsError, Unprocessable
from backend.core.units import (
    ZERO_HASH,
    Address,
    BaseUnits,
    Hash32,
    Measure,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceKind,
    to_address,
)

EMP_DECIMALS: Final = 18
INDEX_SECONDS: Final = 30.0
"""How long a registration may take to reach the gateway's index."""
_PAUSE: Final = 0.1
_MEASURES: Final = {
    "tokens": Measure.TOKENS,
    "kib": Measure.KIB,
    "rows": Measure.ROWS,
    "seconds": Measure.SECONDS,
}


@dataclass(frozen=True, slots=True)
class Published:
    """A service on sale: its plans by name, and where people find it."""

    service_id: ServiceId
    model: str
    plans: dict[str, PlanId]
    page: str
    gas_used: int
    content_hash: Hash32 = field(default=ZERO_HASH)


class Publisher:
    """Publishes for one wallet, signed in at one gateway."""

    def __init__(
        self, contracts: Contracts, gateway: GatewayClient, trader: Trader, say: Callable[[str], None]
    ) -> None:
        self._contracts = contracts
        self._gateway = gateway
        self._trader = trader
        self._say = say
        self._gas = 0

    async def publish(self, manifest: Manifest) -> Published:
        """All of it, checked before the first transaction. Raises Unprocessable, ChainError."""
        deployment = self._contracts.deployment
        bond = base_units(manifest.service.bond, EMP_DECIMALS)
        prices = [_price(deployment, plan) for plan in manifest.plan]
        await self._require_bond(bond)
        facts = await self._gateway.ask("GET", "/v1/deployment")
        content_hash, uri = await self._gateway.put_document(self._document(manifest))
        self._say(f"metadata stored at {uri}")
        service_id = await self._register(manifest, _meter_of(facts), uri, content_hash, bond)
        self._say(f"registered as service {service_id}")
        await self._bind(service_id, manifest.upstream)
        plans = {}
        for plan, (currency, price) in zip(manifest.plan, prices, strict=True):
            plans[plan.name] = await self._create_plan(service_id, plan, currency, price)
            self._say(f"plan {plan.name}: {plans[plan.name]}")
        return Published(
            service_id=service_id,
            model=f"{deployment.chain_id}/{service_id}",
            plans=plans,
            page=f"{self._gateway.base_url}/v1/services/{service_id}",
            gas_used=self._gas,
            content_hash=content_hash,
        )

    def _document(self, manifest: Manifest) -> dict[str, Any]:
        service = manifest.service
        document: dict[str, Any] = {
            "emporion": "service/1",
            "name": service.name,
            "slug": service.slug,
            "summary": service.description[:280],
            "description": service.description,
            "tags": service.tags,
            "gateway": self._gateway.base_url,
        }
        if service.kind == "model":
            operations = ["chat", "completions", "embeddings"]
            facts = {"context": service.context_length, "deterministic": service.deterministic}
            document["model"] = {"operations": operations, **facts}
        return document

    async def _require_bond(self, bond: int) -> None:
        least = await self._contracts.registry.min_bond()
        held = await self._contracts.emp.balance(self._trader.address)
        if bond < least:
            raise Unprocessable(
                f"the bond is below the minimum of {least // 10**18} EMP; raise `bond` in [service]"
            )
        if held < bond:
            raise InsufficientFunds(
                f"the bond is {bond} base units of EMP, the wallet has {held}; get EMP or lower `bond`"
            )

    async def _register(
        self, manifest: Manifest, meter: Address, uri: str, content_hash: Hash32, bond: int
    ) -> ServiceId:
        registry = self._contracts.registry
        approval = self._contracts.emp.approve(registry.address, bond)
        self._gas += (await self._trader.send(approval)).gas_used
        kind = ServiceKind[manifest.service.kind.upper()]
        upstreams = [
            Upstream(ServiceId(int(name)), bps) for name, bps in sorted(manifest.service.upstreams.items())
        ]
        call = registry.register(kind, uri, content_hash, meter=meter, upstreams=upstreams, bond=bond)
        receipt = await self._trader.send(call)
        self._gas += receipt.gas_used
        return ServiceId(int(self._contracts.event(receipt, "ServiceRegistered")["serviceId"]))

    async def _bind(self, service_id: ServiceId, upstream: UpstreamPart) -> None:
        wanted: dict[str, Any] = {"kind": upstream.kind}
        if upstream.kind != "embedded":
            wanted |= {"url": upstream.url, "model": upstream.model}
        if upstream.secret_file is not None:
            wanted["secret"] = upstream.secret_file.expanduser().read_text(encoding="utf-8").strip()
        await self._once_indexed(f"/v1/provider/services/{service_id}/upstream", {"upstreams": [wanted]})

    async def _once_indexed(self, path: str, wanted: dict[str, Any]) -> None:
        """PUT what needs the registration: the gateway knows it as soon as its block is indexed."""
        for _ in range(int(INDEX_SECONDS / _PAUSE)):
            try:
                await self._gateway.ask("PUT", path, wanted)
                return
            except GatewayRefused as error:
                if error.answer_status != 404:
                    raise
            await asyncio.sleep(_PAUSE)
        await self._gateway.ask("PUT", path, wanted)

    async def _create_plan(
        self, service_id: ServiceId, plan: PlanPart, currency: DeployedCurrency, price: BaseUnits
    ) -> PlanId:
        limits_hash = ZERO_HASH
        if plan.limits:
            limits_hash, _ = await self._gateway.put_document({"emporion": "limits/1", **plan.limits})
        terms = _terms(plan, currency, price, limits_hash)
        receipt = await self._trader.send(self._contracts.access.create_plan(service_id, terms))
        self._gas += receipt.gas_used
        return PlanId(int(self._contracts.event(receipt, "PlanCreated")["planId"]))


def _terms(plan: PlanPart, currency: DeployedCurrency, price: BaseUnits, limits_hash: Hash32) -> PlanTerms:
    return PlanTerms(
        kind=PlanKind[plan.kind.upper()],
        unit_price=price,
        currency=currency.index,
        transferable=plan.transferable,
        refundable=plan.refundable,
        measure=_MEASURES[plan.measure],
        royalty_bps=plan.royalty_bps,
        period=plan.period_seconds,
        supply_cap=plan.supply_cap,
        account_cap=plan.account_cap,
        limits_hash=limits_hash,
        per_request=plan.rates.request,
        per_unit_in=plan.rates.unit_in,
        per_unit_out=plan.rates.unit_out,
    )


def _price(deployment: Deployment, plan: PlanPart) -> tuple[DeployedCurrency, BaseUnits]:
    """The plan's currency and its price in base units. Raises Unprocessable."""
    for line in deployment.currencies:
        if line.symbol.lower() == plan.currency.lower():
            return line, base_units(plan.price, line.decimals)
    known = ", ".join(line.symbol for line in deployment.currencies)
    raise Unprocessable(f"plan {plan.name}: {plan.currency} is no currency here; choose one of {known}")


def _meter_of(facts: dict[str, Any]) -> Address:
    """The gateway's meter key. Raises SettingsError when the gateway has none."""
    meter = facts.get("meter")
    if not meter:
        raise SettingsError("the gateway names no meter key; it cannot settle usage")
    return to_address(str(meter))
