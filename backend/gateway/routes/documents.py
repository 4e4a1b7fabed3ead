"""Metadata by content hash, to which ERC-1155 `uri(id)` resolves, and the schemas it is checked against."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from backend.core.errors import (
    BodyTooLarge,
    InvalidCredential,
    MalformedRequest,
    NotFound,
    ScopeMissing,
    Unprocessable,
)
from backend.core.units import hex_of, to_hash
from backend.gateway.asgi import read_body
from backend.gateway.rights import Given, Publisher
from backend.gateway.schemas import problems
from backend.metadata.documents import SIZE_LIMIT, json_schema
from backend.metadata.schemas import StoredReply

_IMMUTABLE = "public, max-age=31536000, immutable"


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/metadata", tags=["metadata"])

    @api.get("/schemas/{kind}", responses=problems(Unprocessable))
    async def schema(kind: Literal["service", "limits", "review"]) -> dict[str, Any]:
        """The JSON Schema of a kind of document."""
        return json_schema(kind)

    @api.get(
        "/{content_hash}",
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}, **problems(MalformedRequest, NotFound)},
    )
    async def document(content_hash: str, given: Given) -> Response:
        """The bytes of a document; they never change."""
        data = await given.metadata.get(to_hash(content_hash))
        headers = {"cache-control": _IMMUTABLE, "x-content-type-options": "nosniff"}
        return Response(data, media_type="application/json", headers=headers)

    @api.put(
        "/{content_hash}",
        status_code=201,
        responses=problems(
            MalformedRequest, InvalidCredential, ScopeMissing, NotFound, BodyTooLarge, Unprocessable
        ),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
    )
    async def keep(content_hash: str, request: Request, principal: Publisher, given: Given) -> StoredReply:
        """Keep a document under its keccak256. It must be a `service`, `limits` or `review` document."""
        wanted = to_hash(content_hash)
        data = await read_body(request.scope, request.receive, SIZE_LIMIT)
        stored = await given.metadata.put(wanted, data)
        url = f"{given.deps.settings.base_url}/v1/metadata/{hex_of(wanted)}"
        return StoredReply(hash=hex_of(wanted), kind=stored.kind, size=stored.size, url=url)

    return api
