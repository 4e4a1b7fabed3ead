"""Health, readiness, and where everything is deployed."""

from fastapi import APIRouter, Response

from backend.core.deployment import Deployment
from backend.core.errors import DatabaseError, IndexStale, LimitsUnreachable
from backend.core.units import Address, checksum
from backend.gateway.rights import Given
from backend.gateway.schemas import (
    ChainReply,
    ContractReply,
    CurrencyReply,
    DeploymentReply,
    HealthReply,
    ReadyReply,
    UpstreamHealth,
)
from backend.inference.schemas import ServiceKey
from contracts import artifacts


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(tags=["operations"])

    @api.get("/healthz")
    async def healthy() -> HealthReply:
        """Whether the process runs."""
        return HealthReply()

    @api.get("/readyz", responses={503: {"model": ReadyReply, "description": "Not ready."}})
    async def ready(given: Given, response: Response) -> ReadyReply:
        """Whether requests can be served: the store answers, the index is confirmed, Redis answers where one
        is named, and the embedded model runs where it is all there is. Other upstreams are told, and no
        reason.
        """
        problems = await _unreachable(given)
        number = None
        try:
            await given.watch.refresh()
            number = int(given.watch.head.number)
        except (IndexStale, DatabaseError) as error:
            problems.append(error.message)
        response.status_code = 503 if problems else 200
        return ReadyReply(
            ready=not problems,
            index_lag_seconds=given.watch.lag(),
            block_number=number,
            holds_open=given.holds.open,
            upstreams=[
                UpstreamHealth(service_id=key.service_id, well=well, bound=bound)
                for key, (well, bound) in sorted(given.deps.upstreams.health().items(), key=_by_service)
            ],
            problems=problems,
        )

    @api.get("/v1/deployment", tags=["market"])
    async def deployment(given: Given, abi: bool = True) -> DeploymentReply:
        """Chains, addresses, ABIs and currencies: all a dApp needs to act on the contracts."""
        settings = given.deps.settings
        return DeploymentReply(
            gateway=settings.base_url,
            network=settings.network,
            meter=checksum(Address(given.deps.meter.address)),
            chains=[_chain(given.deps.deployment, abi, settings.wallet_rpc_url or None)],
        )

    return api


async def _unreachable(given: Given) -> list[str]:
    """What this process leans on and does not reach."""
    problems: list[str] = []
    if given.deps.limits is not None:
        try:
            await given.deps.limits.require_reachable()
        except LimitsUnreachable as error:
            problems.append(error.message)
    if await given.deps.upstreams.has_only_a_dead_engine():
        problems.append("the embedded model does not answer, and no other upstream is bound")
    return problems


def _by_service(one: tuple[ServiceKey, tuple[int, int]]) -> int:
    return one[0].service_id


def _chain(record: Deployment, with_abi: bool, rpc_url: str | None) -> ChainReply:
    known = set(artifacts.names())
    return ChainReply(
        chain_id=record.chain_id,
        genesis_hash=record.genesis_hash,
        start_block=record.start_block,
        devnet=record.devnet,
        rpc_url=rpc_url,
        contracts={
            name: ContractReply(
                address=entry.address,
                block=entry.block,
                transaction=entry.transaction,
                abi=artifacts.load(name).abi if with_abi and name in known else None,
            )
            for name, entry in record.contracts.items()
        },
        currencies=[
            CurrencyReply(
                index=entry.index,
                address=entry.address,
                symbol=entry.symbol,
                name=entry.name,
                decimals=entry.decimals,
            )
            for entry in record.currencies
        ],
    )
