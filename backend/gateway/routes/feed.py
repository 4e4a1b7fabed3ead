"""Events as they happen: a stream for anybody, webhooks for accounts."""

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from starlette.responses import StreamingResponse

from backend.accounts.principal import network_of
from backend.core.errors import (
    Conflict,
    InvalidCredential,
    MalformedRequest,
    NotFound,
    PortAbsent,
    RateLimited,
    ScopeMissing,
    Unprocessable,
)
from backend.core.units import to_address
from backend.feed.schemas import (
    DeliveryReply,
    EndpointReply,
    EndpointRequest,
    Finality,
    NewEndpointReply,
    RetriedReply,
    SecretRotation,
    Wanted,
)
from backend.feed.webhooks import Webhooks
from backend.gateway.deps import Services
from backend.gateway.limits import Quota
from backend.gateway.rights import Administrator, Client, Given, Reader
from backend.gateway.schemas import problems
from backend.gateway.streamed import StreamedResponse

STREAMS: Final = Quota(concurrent=8)
"""Open streams of one network."""
_ALWAYS = (InvalidCredential, ScopeMissing, PortAbsent, Unprocessable)
EndpointId = Annotated[str, Path(pattern=r"^whk_[0-9a-f]{16}$")]
AddressText = Annotated[str, Query(min_length=42, max_length=42)]


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1")
    _add_stream(api)
    _add_webhooks(api)
    _add_deliveries(api)
    return api


def _add_stream(api: APIRouter) -> None:
    @api.get(
        "/activity/stream",
        tags=["market"],
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **problems(MalformedRequest, Unprocessable, RateLimited),
        },
    )
    async def stream(
        given: Given,
        client: Client,
        finality: Finality = Finality.INSTANT,
        service: Annotated[int | None, Query(ge=1, lt=2**33)] = None,
        account: AddressText | None = None,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
        last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    ) -> StreamingResponse:
        """Server-sent events: `activity`, and `retraction` where a reorganisation takes one back.
        `Last-Event-ID` (or `after`) resumes; without either it begins with what happens next.
        """
        about = None if account is None else to_address(account)
        start = _resumed(last_event_id, after)
        start = await given.feed.newest() if start is None else start
        slot = await given.streams.take((0, network_of(client).encode()), STREAMS, 0)
        events = given.feed.follow(start, Wanted(finality, service, about))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamedResponse(_told(events), "text/event-stream", headers, partial(slot.release, 0))


async def _told(events: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Events for as long as somebody reads."""
    yield b": connected\n\n"
    async for event in events:
        yield event


def _resumed(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is None:
        return after
    if not last_event_id.isdigit() or len(last_event_id) > 18:
        raise MalformedRequest("Last-Event-ID must be the id of an event of this stream")
    return int(last_event_id)


def _webhooks(given: Services) -> Webhooks:
    if given.webhooks is None:
        raise PortAbsent("this gateway sends no webhooks; follow /v1/activity/stream")
    return given.webhooks


def _add_webhooks(api: APIRouter) -> None:
    @api.post(
        "/webhooks",
        status_code=201,
        tags=["webhooks"],
        responses=problems(*_ALWAYS, MalformedRequest, Conflict),
    )
    async def add(
        wanted: EndpointRequest, principal: Administrator, given: Given, response: Response
    ) -> NewEndpointReply:
        """Send events to a URL from now on, signed as Standard Webhooks say; the secret is shown once."""
        response.headers["cache-control"] = "no-store"
        return await _webhooks(given).add(principal.address, wanted)

    @api.get("/webhooks", tags=["webhooks"], responses=problems(*_ALWAYS))
    async def all_webhooks(principal: Reader, given: Given) -> list[EndpointReply]:
        """The caller's webhooks."""
        return await _webhooks(given).all_of(principal.address)

    @api.post("/webhooks/{endpoint_id}/rotate", tags=["webhooks"], responses=problems(*_ALWAYS, NotFound))
    async def rotate(
        endpoint_id: EndpointId,
        wanted: SecretRotation,
        principal: Administrator,
        given: Given,
        response: Response,
    ) -> NewEndpointReply:
        """A new secret; the earlier one signs too for `overlap_seconds`. Wakes a disabled webhook."""
        response.headers["cache-control"] = "no-store"
        return await _webhooks(given).rotate(principal.address, endpoint_id, wanted.overlap_seconds)

    @api.delete(
        "/webhooks/{endpoint_id}",
        status_code=204,
        tags=["webhooks"],
        responses=problems(*_ALWAYS, NotFound),
    )
    async def remove(endpoint_id: EndpointId, principal: Administrator, given: Given) -> None:
        """Send nothing more."""
        await _webhooks(given).remove(principal.address, endpoint_id)


def _add_deliveries(api: APIRouter) -> None:
    @api.get("/webhooks/{endpoint_id}/deliveries", tags=["webhooks"], responses=problems(*_ALWAYS, NotFound))
    async def deliveries(
        endpoint_id: EndpointId,
        principal: Reader,
        given: Given,
        state: Literal["due", "delivered", "dead"] | None = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[DeliveryReply]:
        """What became of each event, newest first; `state=dead` lists the dead letters."""
        return await _webhooks(given).deliveries(principal.address, endpoint_id, state, before, limit)

    @api.post("/webhooks/{endpoint_id}/retry", tags=["webhooks"], responses=problems(*_ALWAYS, NotFound))
    async def retry(endpoint_id: EndpointId, principal: Administrator, given: Given) -> RetriedReply:
        """Try the dead letters again."""
        return RetriedReply(retried=await _webhooks(given).retry_dead(principal.address, endpoint_id))
