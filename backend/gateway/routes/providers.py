"""What providers do with their services here: bind the upstreams that serve them."""

from fastapi import APIRouter

from backend.core.errors import (
    AddressBlocked,
    Forbidden,
    InvalidCredential,
    NotFound,
    ScopeMissing,
    Unprocessable,
)
from backend.gateway.rights import Given, ProviderOf
from backend.gateway.schemas import problems
from backend.inference.schemas import ServiceKey, UpstreamList, UpstreamShown

_ALWAYS = (InvalidCredential, ScopeMissing, Forbidden, NotFound)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/provider", tags=["providers"])

    @api.put("/services/{service_id}/upstream", responses=problems(*_ALWAYS, Unprocessable, AddressBlocked))
    async def bind(wanted: UpstreamList, owner: ProviderOf, given: Given) -> list[UpstreamShown]:
        """Let these upstreams serve the service; they replace the ones before. Secrets are never returned."""
        key = ServiceKey(given.chain_id, owner.service_id)
        return await given.deps.upstreams.put(key, wanted.upstreams)

    @api.get("/services/{service_id}/upstream", responses=problems(*_ALWAYS))
    async def bound(owner: ProviderOf, given: Given) -> list[UpstreamShown]:
        """The upstreams of the service, without their secrets."""
        return await given.deps.upstreams.shown(ServiceKey(given.chain_id, owner.service_id))

    return api
