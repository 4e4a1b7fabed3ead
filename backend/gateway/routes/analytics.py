"""How a provider's service is used here."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.catalog.analytics_schemas import AnalyticsReply, By
from backend.core.errors import (
    Forbidden,
    InvalidCredential,
    MalformedRequest,
    NotFound,
    ScopeMissing,
    Unprocessable,
)
from backend.gateway.rights import Given, ProviderOf
from backend.gateway.schemas import problems
from backend.statements.periods import read_time

_ALWAYS = (InvalidCredential, ScopeMissing, Forbidden, NotFound, MalformedRequest, Unprocessable)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/provider", tags=["providers"])

    @api.get("/services/{service_id}/analytics", responses=problems(*_ALWAYS))
    async def analytics(
        owner: ProviderOf,
        given: Given,
        start: Annotated[str | None, Query(alias="from", max_length=40, description="30 days ago.")] = None,
        end: Annotated[str | None, Query(alias="to", max_length=40, description="Now.")] = None,
        by: Annotated[By, Query(description="What a row stands for.")] = "day",
    ) -> AnalyticsReply:
        """Calls, units, revenue, latency, errors, sales and who came back, by hour, day or plan."""
        first = None if start is None else read_time(start)
        last = None if end is None else read_time(end)
        return await given.analytics.of(owner.service_id, first, last, by)

    return api
