"""What the caller used here: by day, and call by call."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.catalog.usage_schemas import CallPage, UsageReply
from backend.core.errors import InvalidCredential, ScopeMissing, Unprocessable
from backend.gateway.rights import Given, Reader
from backend.gateway.schemas import problems

_ALWAYS = (InvalidCredential, ScopeMissing, Unprocessable)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["receipts"])

    @api.get("/usage", responses=problems(*_ALWAYS))
    async def usage(
        principal: Reader, given: Given, days: Annotated[int, Query(ge=1, le=366)] = 30
    ) -> UsageReply:
        """The caller's calls, units and credits by day and plan, over all its keys."""
        return await given.usage.days(principal.address, days)

    @api.get("/receipts", responses=problems(*_ALWAYS))
    async def calls(
        principal: Reader,
        given: Given,
        before: Annotated[str | None, Query(pattern=r"^req_[0-9a-f]{32}$")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> CallPage:
        """The caller's requests, newest first; each has a signed receipt."""
        return await given.usage.calls(principal.address, before, limit)

    return api
