"""What is on sale, what accounts have, what happened: public, from the index."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from backend.catalog.schemas import (
    AccountReply,
    ActivityPage,
    DisputesReply,
    PlanReply,
    ReviewsReply,
    Search,
    ServicePage,
    ServiceReply,
    ServiceStats,
    Sort,
)
from backend.core.errors import IndexStale, MalformedRequest, ModelNotFound, NotFound, Unprocessable
from backend.core.units import ServiceId, ServiceKind, to_address
from backend.gateway.estimates import estimate_of
from backend.gateway.rights import Given, ServiceIdPath
from backend.gateway.schemas import EstimateReply, EstimateRequest, problems

Kind = Literal["model", "dataset", "compute", "agent"]
PRINTED = r"^[^\x00-\x1f\x7f]*$"
TagText = Annotated[str, StringConstraints(max_length=32, pattern=PRINTED)]
AddressText = Annotated[str, Query(min_length=42, max_length=42)]


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["market"])

    @api.get("/services", responses=problems(MalformedRequest, Unprocessable))
    async def services(
        given: Given,
        q: Annotated[str, Query(max_length=200, pattern=PRINTED, description="Words to look for.")] = "",
        kind: Kind | None = None,
        tag: Annotated[list[TagText], Query(max_length=10)] = [],  # noqa: B006 - FastAPI copies defaults
        owner: AddressText | None = None,
        currency: Annotated[int | None, Query(ge=0, le=7, description="Index of the currency.")] = None,
        max_price: Annotated[int | None, Query(ge=0, lt=2**96, description="Base units a unit.")] = None,
        rating: Annotated[int | None, Query(ge=1, le=5, description="Least mean of its ratings.")] = None,
        on_sale: bool = False,
        here: Annotated[bool, Query(description="Only what this gateway serves.")] = False,
        sort: Sort = Sort.NEW,
        cursor: Annotated[str | None, Query(max_length=400)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> ServicePage:
        """Search services. Every filter given must hold; `next` of a page is the `cursor` of the one
        after.
        """
        wanted = Search(
            words=q,
            kind=None if kind is None else ServiceKind[kind.upper()],
            tags=tuple(tag),
            owner=None if owner is None else to_address(owner),
            meter=given.meter if here else None,
            currency=currency,
            max_price=max_price,
            rating=rating,
            on_sale=on_sale,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
        return await given.catalog.search(wanted)

    @api.get("/services/{service_id}", responses=problems(NotFound, Unprocessable))
    async def service(service_id: ServiceIdPath, given: Given) -> ServiceReply:
        """A service with its metadata and plans."""
        return await given.catalog.service(ServiceId(service_id))

    @api.get("/services/{service_id}/plans", responses=problems(NotFound, Unprocessable))
    async def plans(service_id: ServiceIdPath, given: Given) -> list[PlanReply]:
        """The plans of a service."""
        return await given.catalog.plans(ServiceId(service_id))

    @api.get("/services/{service_id}/stats", responses=problems(NotFound, Unprocessable))
    async def stats(service_id: ServiceIdPath, given: Given) -> ServiceStats:
        """What this gateway measured in the last 30 days."""
        return await given.catalog.stats(ServiceId(service_id))

    @api.get("/services/{service_id}/reviews", responses=problems(NotFound, Unprocessable))
    async def reviews(service_id: ServiceIdPath, given: Given) -> ReviewsReply:
        """Ratings by wallets that paid and used it, the newest of each, with the words brought here."""
        return await given.catalog.reviews(ServiceId(service_id))

    @api.get("/services/{service_id}/disputes", responses=problems(NotFound, Unprocessable))
    async def disputes(service_id: ServiceIdPath, given: Given) -> DisputesReply:
        """Claims of buyers against the service's bond, and how each stands."""
        return await given.catalog.disputes(ServiceId(service_id))

    @api.get("/accounts/{address}", responses=problems(MalformedRequest, IndexStale))
    async def account(address: str, given: Given) -> AccountReply:
        """Holdings, access, tabs, shares, positions and what is claimable, at the indexed block."""
        return await given.accounts.account(to_address(address))

    @api.get("/activity", responses=problems(MalformedRequest, Unprocessable))
    async def activity(
        given: Given,
        service: Annotated[int | None, Query(ge=1, lt=2**33)] = None,
        account: AddressText | None = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> ActivityPage:
        """Events of the contracts, newest first, with retractions after reorganisations."""
        wanted = None if account is None else to_address(account)
        return await given.catalog.activity(before, limit, service, wanted)

    @api.post("/estimate", responses=problems(ModelNotFound, Unprocessable))
    async def estimate(job: EstimateRequest, given: Given) -> EstimateReply:
        """What a job takes under each plan: credits, units and money."""
        listed = await given.catalog.resolve(job.model)
        return estimate_of(listed.service_id, await given.catalog.plans(listed.service_id), job)

    return api
