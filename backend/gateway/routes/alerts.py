"""What the caller's account wants to be told, and where."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from backend.alerts.schemas import (
    AlertsReply,
    AlertsRequest,
    ChannelReply,
    ChannelRequest,
    CodeRequest,
    NewChannelReply,
)
from backend.core.errors import (
    AddressBlocked,
    Forbidden,
    InvalidCredential,
    NotFound,
    RateLimited,
    ScopeMissing,
    Unprocessable,
    UpstreamError,
)
from backend.gateway.rights import Administrator, Given, Reader
from backend.gateway.schemas import problems

_ALWAYS = (InvalidCredential, ScopeMissing, Unprocessable)
ChannelId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @api.get("", responses=problems(*_ALWAYS))
    async def shown(principal: Reader, given: Given) -> AlertsReply:
        """Kinds with their thresholds, channels, quiet hours, and what was told lately."""
        return await given.alerting.alerts.shown(principal.address)

    @api.put("", responses=problems(*_ALWAYS))
    async def put(wanted: AlertsRequest, principal: Administrator, given: Given) -> AlertsReply:
        """Say which kinds are wanted, from which threshold on, by which channels; others are off."""
        return await given.alerting.alerts.put(principal.address, wanted)

    @api.post(
        "/channels",
        status_code=201,
        responses=problems(*_ALWAYS, AddressBlocked, RateLimited, UpstreamError),
    )
    async def add(
        wanted: ChannelRequest, principal: Administrator, given: Given, response: Response
    ) -> NewChannelReply:
        """Add a web hook, mail address, Slack, Discord or Telegram target; a code is sent there."""
        response.headers["cache-control"] = "no-store"
        channels = given.alerting.alerts.channels
        return await channels.add(given.chain_id, principal.address, wanted.target)

    @api.post("/channels/{channel_id}/confirm", responses=problems(*_ALWAYS, Forbidden, NotFound))
    async def confirm(
        channel_id: ChannelId, wanted: CodeRequest, principal: Administrator, given: Given
    ) -> ChannelReply:
        """Give back the code that arrived; only then the channel is used."""
        channels = given.alerting.alerts.channels
        return await channels.confirm(given.chain_id, principal.address, channel_id, wanted.code)

    @api.delete("/channels/{channel_id}", status_code=204, responses=problems(*_ALWAYS, NotFound))
    async def remove(channel_id: ChannelId, principal: Administrator, given: Given) -> None:
        """Stop using a channel; where it led is forgotten."""
        await given.alerting.alerts.channels.remove(given.chain_id, principal.address, channel_id)

    return api
