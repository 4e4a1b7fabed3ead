"""Pictures and sound as pure ASGI: OpenAI's `/v1/images/*` and `/v1/audio/*`, relayed byte by byte."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from backend.core.errors import EmporionError, NotFound, UpstreamError
from backend.gateway.answers import decided_headers
from backend.gateway.asgi import Receive, Scope, header
from backend.gateway.media_jobs import Media, MediaJob
from backend.gateway.media_relay import MediaRelay
from backend.gateway.metered_app import MeteredApp, MeteredParts, until_gone
from backend.gateway.relay import Delivery
from backend.gateway.served import Turn
from backend.inference.media import MediaCall, MediaRoute, read_media
from backend.inference.router import Answer, Member
from backend.inference.schemas import ServiceKey
from backend.inference.upstream import Upstream, UpstreamReply
from backend.inference.upstreams import OpenAiUpstream

ROUTES: Final = {route.value: route for route in MediaRoute}


class MediaApp(MeteredApp):
    """Serves the routes of pictures and sound."""

    def __init__(self, parts: MeteredParts, relay: MediaRelay) -> None:
        super().__init__(parts)
        self._relay = relay

    def serves(self, path: str) -> bool:
        """Whether a path is one of ours."""
        return path in ROUTES

    async def serve(self, scope: Scope, receive: Receive, delivery: Delivery, request_id: str) -> None:
        """One call."""
        parts = self._parts
        asked, body = await self.posted(scope, receive, request_id)
        started, started_at = parts.clock.monotonic(), parts.clock.now()
        call = read_media(ROUTES[scope["path"]], header(scope, b"content-type"), body)
        admitted = await parts.admission.admit(asked, MediaJob(call))
        turn = Turn(admitted, call.route.value, body, started, started_at)
        with parts.holds.keeping(admitted.hold):
            await until_gone(self._answer(turn, call, delivery), receive, delivery, comments=False)

    async def _answer(self, turn: Turn[Media], call: MediaCall, delivery: Delivery) -> None:
        """Whatever fails before the answer begins leaves one row that charges nothing."""
        try:
            answer = await self._open(turn, call)
            turn.first_byte = self._parts.clock.monotonic()
            try:
                headers = decided_headers(turn.admitted, self.late_by())
                await self._relay.relay(turn, answer, delivery, headers)
            finally:
                answer.close()
        except BaseException as error:
            if not delivery.begun:
                await asyncio.shield(self._undo(turn, error))
            raise

    async def _undo(self, turn: Turn[Any], error: BaseException) -> None:
        if isinstance(error, EmporionError) and not isinstance(error, UpstreamError):
            await self._parts.admission.release(turn.admitted)
        else:
            await self._relay.failed(turn, error)

    async def _open(self, turn: Turn[Media], call: MediaCall) -> Answer:
        request_id = turn.admitted.asked.request_id

        async def posted(upstream: Upstream) -> UpstreamReply:
            assert isinstance(upstream, OpenAiUpstream)
            body = call.body_for(upstream.model)
            return await upstream.relay(call.route.value, body, call.media_type, request_id)

        members = await self._members(turn)
        return await self._parts.router.ask(members, posted, request_id, events=False)

    async def _members(self, turn: Turn[Media]) -> Sequence[Member]:
        """The service's OpenAI-compatible upstreams. Raises NotFound for a service that has only others."""
        key = ServiceKey(turn.admitted.standing.chain_id, turn.admitted.listed.service_id)
        members = await self._parts.upstreams.members(key)
        able = [member for member in members if isinstance(member.upstream, OpenAiUpstream)]
        if members and not able:
            raise NotFound("this service takes no pictures and no sound: see its metadata for its routes")
        return able
