"""A provider's services and what they earn; what a service is derived from."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.catalog.provider_schemas import LineageReply, ProviderServicesReply, RevenueReply, SettlementPage
from backend.catalog.schemas import Search
from backend.core.errors import InvalidCredential, NotFound, ScopeMissing, Unprocessable
from backend.core.units import ServiceId
from backend.gateway.rights import Given, Publisher, ServiceIdPath
from backend.gateway.schemas import problems

_ALWAYS = (InvalidCredential, ScopeMissing, Unprocessable)
MOST_SERVICES = 1_000


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1")

    @api.get("/services/{service_id}/lineage", tags=["market"], responses=problems(NotFound, Unprocessable))
    async def lineage(service_id: ServiceIdPath, given: Given) -> LineageReply:
        """What the service is derived from, which share each step gets, and what is derived from it."""
        listed = await given.catalog.listed(ServiceId(service_id))
        return await given.providers.lineage(listed.service_id)

    @api.get("/provider/services", tags=["providers"], responses=problems(*_ALWAYS))
    async def services(principal: Publisher, given: Given) -> ProviderServicesReply:
        """The caller's services with their plans, newest first."""
        found = await given.catalog.search(Search(owner=principal.address, limit=MOST_SERVICES))
        return ProviderServicesReply(services=found.services)

    @api.get("/provider/revenue", tags=["providers"], responses=problems(*_ALWAYS))
    async def revenue(principal: Publisher, given: Given) -> RevenueReply:
        """What the caller's services earned: by plan, and what went to share holders."""
        return await given.providers.revenue(principal.address)

    @api.get("/provider/settlements", tags=["providers"], responses=problems(*_ALWAYS))
    async def settlements(
        principal: Publisher,
        given: Given,
        before: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}-[0-9]{1,9}$")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> SettlementPage:
        """Lines of tabs that were settled on chain, newest first."""
        block, _, log = (before or "").partition("-")
        place = None if before is None else (int(block), int(log))
        return await given.providers.settlements(principal.address, place, limit)

    return api
