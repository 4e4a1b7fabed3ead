"""What providers do with their services here: bind the upstreams that serve them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from backend.core.errors import (
    AddressBlocked,
    BodyTooLarge,
    Forbidden,
    InvalidCredential,
    NotFound,
    ScopeMissing,
    Unprocessable,
)
from backend.core.units import hex_of, keccak
from backend.gateway.asgi import read_body
from backend.gateway.plain_jobs import file_of
from backend.gateway.rights import Given, ProviderOf
from backend.gateway.schemas import StoredFile, problems
from backend.inference.schemas import ServiceKey, UpstreamList, UpstreamShown

_ALWAYS = (InvalidCredential, ScopeMissing, Forbidden, NotFound)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/provider", tags=["providers"])

    @api.put("/services/{service_id}/upstream", responses=problems(*_ALWAYS, Unprocessable))
    async def bind(wanted: UpstreamList, owner: ProviderOf, given: Given) -> list[UpstreamShown]:
        """Let these upstreams serve the service; they replace the ones before. Secrets are never returned."""
        key = ServiceKey(given.chain_id, owner.service_id)
        try:
            return await given.deps.upstreams.put(key, wanted.upstreams)
        except AddressBlocked as error:
            raise Unprocessable(f"requests are not sent there: {error.message}", problems=["url"]) from None

    @api.get("/services/{service_id}/upstream", responses=problems(*_ALWAYS))
    async def bound(owner: ProviderOf, given: Given) -> list[UpstreamShown]:
        """The upstreams of the service, without their secrets."""
        return await given.deps.upstreams.shown(ServiceKey(given.chain_id, owner.service_id))

    @api.put(
        "/services/{service_id}/data/{path:path}",
        status_code=201,
        responses=problems(*_ALWAYS, BodyTooLarge, Unprocessable),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def keep(
        path: Annotated[str, Path(max_length=200)], request: Request, owner: ProviderOf, given: Given
    ) -> StoredFile:
        """Keep a file of the service's data set here. Its bytes must be those the metadata names; larger
        files than a body may be are served from an `http` upstream instead.
        """
        listed = await given.catalog.listed(owner.service_id)
        file = file_of(listed, path)
        data = await read_body(request.scope, request.receive, given.deps.settings.max_body_bytes)
        if keccak(data) != file.hash:
            raise Unprocessable(f"the file's keccak256 is {hex_of(keccak(data))}, not {hex_of(file.hash)}")
        await given.deps.blobs.put(data)
        return StoredFile(path=path, hash=hex_of(file.hash), size=len(data))

    return api
