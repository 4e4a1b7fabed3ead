"""The whole network: totals, and day by day. Public, from the index."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.catalog.network import LONGEST_DAYS
from backend.catalog.network_schemas import HistoryReply, NetworkReply
from backend.core.errors import IndexStale, Unprocessable
from backend.gateway.rights import Given
from backend.gateway.schemas import problems


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/network", tags=["market"])

    @api.get("", responses=problems(IndexStale))
    async def network(given: Given) -> NetworkReply:
        """Services, buyers, money and stake of the chain, at the indexed block."""
        return await given.network.totals()

    @api.get("/history", responses=problems(IndexStale, Unprocessable))
    async def history(given: Given, days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 30) -> HistoryReply:
        """Sales, revenue, services and stake of each of the last days; at most half a minute old."""
        return await given.network.history(days)

    return api
