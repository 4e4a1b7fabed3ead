"""Offers of the market: public, from the index."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.catalog.schemas import ListingPage
from backend.core.errors import Unprocessable
from backend.core.units import to_address
from backend.gateway.rights import Given
from backend.gateway.schemas import problems


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["market"])

    @api.get("/listings", responses=problems(Unprocessable))
    async def listings(given: Given, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> ListingPage:
        """Passes, units and shares that their holders sell, newest first."""
        access_token = to_address(given.deps.deployment.address("AccessToken"))
        return await given.catalog.listings(access_token, limit)

    return api
