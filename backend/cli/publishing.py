"""`emporion provider publish`: documents, registration, bond, plans, upstream and one paid test call."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from backend.chain.bindings import Contracts
from backend.chain.bindings.structs import PlanTerms, Upstream
from backend.cli.gateway_client import GatewayClient
from backend.cli.manifest import Manifest, PlanPart, UpstreamPart, base_units
from backend.cli.outcomes import EMP_DECIMALS, named
from backend.cli.output import money
from backend.cli.trading import Trader, how_to_fund
from backend.core.deployment import DeployedCurrency, Deployment
from backend.core.errors import Conflict, InsufficientFunds, SettingsError, Unprocessable
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
    checksum,
    hex_of,
    keccak,
    to_address,
)
from backend.metadata.documents import read_document

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


@dataclass(frozen=True, slots=True)
class _Checked:
    """A manifest with everything that could be wrong about it looked up, before anything is sent."""

    manifest: Manifest
    document: dict[str, Any]
    bond: BaseUnits
    prices: list[tuple[DeployedCurrency, BaseUnits]]
    upstream: dict[str, Any]


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
        """All of it, checked before the first transaction; what an earlier run left undone is gone on with.

        Raises Unprocessable, Conflict (another service has the slug), InsufficientFunds, ChainError.
        """
        checked = self._checked(manifest)
        facts = await self._gateway.ask("GET", "/v1/deployment?abi=false")
        content_hash, uri = await self._gateway.put_document(checked.document)
        begun = await self._begun(manifest, content_hash)
        if begun is None:
            await self._require_bond(checked.bond)
            self._say(f"metadata stored at {uri}")
            service_id = await self._register(checked, _meter_of(facts), uri, content_hash)
            self._say(f"registered as service {service_id}")
        else:
            service_id = ServiceId(int(begun["id"]))
            self._say(f"service {service_id} is registered already; going on with it")
        await self._gateway.put_once_indexed(f"/v1/provider/services/{service_id}/upstream", checked.upstream)
        self._say(f"upstream bound: {manifest.upstream.kind}")
        plans = await self._create_plans(service_id, checked, begun)
        chain_id = self._contracts.deployment.chain_id
        page = f"{self._gateway.base_url}/v1/services/{service_id}"
        model = f"{chain_id}/{service_id}"
        return Published(service_id, model, plans, page, self._gas, content_hash)

    def _checked(self, manifest: Manifest) -> _Checked:
        document = _document(manifest, self._gateway.base_url)
        raw = orjson.dumps(document)
        read_document(raw, keccak(raw))
        return _Checked(
            manifest=manifest,
            document=document,
            bond=base_units(manifest.service.bond, EMP_DECIMALS),
            prices=[_price(self._contracts.deployment, plan) for plan in manifest.plan],
            upstream={"upstreams": [_upstream(manifest.upstream)]},
        )

    async def _begun(self, manifest: Manifest, content_hash: Hash32) -> dict[str, Any] | None:
        """This wallet's service of the same slug. Raises Conflict where it is another one."""
        owner, slug = checksum(self._trader.address), manifest.service.slug
        found = await self._gateway.ask("GET", f"/v1/services?owner={owner}&q={slug}&limit=100")
        for entry in found["services"]:
            if entry["status"] == "retired" or str(entry["slug_model"]).rpartition("/")[2] != slug:
                continue
            if entry["content_hash"] != hex_of(content_hash):
                raise Conflict(
                    f"service {entry['id']} of this wallet has the slug {slug} and other metadata; choose "
                    "another `slug` in [service]"
                )
            return dict(entry)
        return None

    async def _create_plans(
        self, service_id: ServiceId, checked: _Checked, begun: dict[str, Any] | None
    ) -> dict[str, PlanId]:
        """The plans by name; those that an earlier run created are there in the file's order."""
        there = sorted(plan["id"] for plan in begun["plans"]) if begun else []
        plans = {}
        for place, plan in enumerate(checked.manifest.plan):
            if place < len(there):
                plans[plan.name] = PlanId(there[place])
                continue
            plans[plan.name] = await self._create_plan(service_id, plan, *checked.prices[place])
            self._say(f"plan {plan.name}: {plans[plan.name]}")
        return plans

    async def _require_bond(self, bond: int) -> None:
        least = await self._contracts.registry.min_bond()
        held = await self._contracts.emp.balance(self._trader.address)
        if bond < least:
            raise Unprocessable(
                f"the bond of {_emp(bond)} is below the minimum of {_emp(least)}; raise `bond` in [service]"
            )
        if held < bond:
            raise InsufficientFunds(
                f"the bond is {_emp(bond)} (at least {_emp(least)}) and {checksum(self._trader.address)} has "
                f"{_emp(held)}; " + how_to_fund(self._contracts, self._trader.address)
            )

    async def _register(self, checked: _Checked, meter: Address, uri: str, content_hash: Hash32) -> ServiceId:
        registry, service, bond = self._contracts.registry, checked.manifest.service, checked.bond
        approval = self._contracts.emp.approve(registry.address, bond)
        self._gas += (await self._trader.send(approval)).gas_used
        kind = ServiceKind[service.kind.upper()]
        upstreams = [Upstream(ServiceId(int(name)), bps) for name, bps in sorted(service.upstreams.items())]
        call = registry.register(kind, uri, content_hash, meter=meter, upstreams=upstreams, bond=bond)
        receipt = await self._trader.send(call)
        self._gas += receipt.gas_used
        return ServiceId(int(self._contracts.event(receipt, "ServiceRegistered")["serviceId"]))

    async def _create_plan(
        self, service_id: ServiceId, plan: PlanPart, currency: DeployedCurrency, price: BaseUnits
    ) -> PlanId:
        limits_hash = ZERO_HASH
        if plan.limits is not None:
            promised = plan.limits.model_dump(exclude_none=True)
            limits_hash, _ = await self._gateway.put_document({"emporion": "limits/1", **promised})
        terms = _terms(plan, currency, price, limits_hash)
        receipt = await self._trader.send(self._contracts.access.create_plan(service_id, terms))
        self._gas += receipt.gas_used
        return PlanId(int(self._contracts.event(receipt, "PlanCreated")["planId"]))


def _document(manifest: Manifest, gateway: str) -> dict[str, Any]:
    """The metadata, as documents of services are."""
    service = manifest.service
    document: dict[str, Any] = {
        "emporion": "service/1",
        "name": service.name,
        "slug": service.slug,
        "summary": service.description[:280],
        "description": service.description,
        "tags": service.tags,
        "gateway": gateway,
    }
    if service.kind == "model":
        facts = {"context": service.context_length, "deterministic": service.deterministic}
        document["model"] = {"operations": service.operations, **facts}
    return document


def _upstream(part: UpstreamPart) -> dict[str, Any]:
    """What the gateway is told of the upstream. Raises Unprocessable when the secret's file is unreadable."""
    wanted: dict[str, Any] = {"kind": part.kind}
    if part.kind != "embedded":
        wanted |= {"url": part.url, "model": part.model}
    if part.secret_file is not None:
        try:
            wanted["secret"] = part.secret_file.expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Unprocessable(
                f"secret_file in [upstream]: {part.secret_file} cannot be read ({error.strerror})"
            ) from None
    return wanted


def _emp(amount: int) -> str:
    return money(amount, EMP_DECIMALS, "EMP")


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
        sale_start=plan.sale_begins,
        early_seconds=plan.early_seconds,
        early_score=base_units(plan.early_score, EMP_DECIMALS),
        limits_hash=limits_hash,
        per_request=plan.rates.request,
        per_unit_in=plan.rates.unit_in,
        per_unit_out=plan.rates.unit_out,
    )


def _price(deployment: Deployment, plan: PlanPart) -> tuple[DeployedCurrency, BaseUnits]:
    """The plan's currency and its price in base units. Raises Unprocessable."""
    line = named(deployment.currencies, plan.currency, f"plan {plan.name}: ")
    return line, base_units(plan.price, line.decimals)


def _meter_of(facts: dict[str, Any]) -> Address:
    """The gateway's meter key. Raises SettingsError when the gateway has none."""
    meter = facts.get("meter")
    if not meter:
        raise SettingsError("the gateway names no meter key; it cannot settle usage")
    return to_address(str(meter))
