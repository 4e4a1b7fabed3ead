"""Health, readiness, and where everything is deployed."""

from fastapi import APIRouter, Response

from backend.core.deployment import Deployment
from backend.core.errors import DatabaseError, IndexStale
from backend.core.units import Address, checksum
from backend.gateway.rights import Given
from backend.gateway.schemas import (
    ChainReply,
    ContractReply,
    CurrencyReply,
    DeploymentReply,
    HealthReply,
    ReadyReply,
)
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
        """Whether requests can be served: the store answers and the index is confirmed."""
        problems: list[str] = []
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
