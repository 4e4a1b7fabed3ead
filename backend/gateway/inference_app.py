"""The model routes as pure ASGI: authorise, admit, ask an upstream, relay, write down."""

import asyncio
from typing import Final

from backend.core.errors import EmporionError, UpstreamError
from backend.gateway.admission import ModelJob
from backend.gateway.answers import decided_headers
from backend.gateway.asgi import Receive, Scope
from backend.gateway.metered_app import MeteredApp, until_gone
from backend.gateway.relay import Delivery, ModelTurn
from backend.gateway.served import Turn
from backend.inference.operations import Operation
from backend.inference.prepare import read_call
from backend.inference.router import Answer
from backend.inference.schemas import ServiceKey

OPERATIONS: Final = {operation.value: operation for operation in Operation}


class InferenceApp(MeteredApp):
    """Serves the model routes."""

    def serves(self, path: str) -> bool:
        """Whether a path is one of ours."""
        return path in OPERATIONS

    async def serve(self, scope: Scope, receive: Receive, delivery: Delivery, request_id: str) -> None:
        """One call of a model."""
        parts = self._parts
        asked, body = await self.posted(scope, receive, request_id)
        route: str = scope["path"]
        started, started_at = parts.clock.monotonic(), parts.clock.now()
        admitted = await parts.admission.admit(asked, ModelJob(read_call(OPERATIONS[route], body)))
        turn = Turn(admitted, route, body, started, started_at)
        with parts.holds.keeping(admitted.hold):
            await until_gone(self._answer(turn, delivery), receive, delivery)

    async def _answer(self, turn: ModelTurn, delivery: Delivery) -> None:
        parts = self._parts
        try:
            answer = await self._open(turn)
        except UpstreamError as error:
            await asyncio.shield(parts.relay.failed(turn, error))
            raise
        except EmporionError:
            await asyncio.shield(parts.admission.release(turn.admitted))
            raise
        except BaseException as error:
            await asyncio.shield(parts.relay.failed(turn, error))
            raise
        try:
            await self._relay(turn, answer, delivery)
        finally:
            answer.close()

    async def _relay(self, turn: ModelTurn, answer: Answer, delivery: Delivery) -> None:
        parts = self._parts
        turn.first_byte = parts.clock.monotonic()
        turn.made = parts.fingerprints.made_by(answer.upstream)
        headers = decided_headers(turn.admitted, self.late_by())
        if turn.admitted.prepared.stream:
            await parts.relay.stream(turn, answer, delivery, headers)
            return
        try:
            await parts.relay.whole(turn, answer, delivery, headers)
        except BaseException as error:
            # Written down only if nothing was: a second row of the same request changes nothing.
            await asyncio.shield(parts.relay.failed(turn, error))
            raise

    async def _open(self, turn: ModelTurn) -> Answer:
        admitted = turn.admitted
        prepared = admitted.prepared
        key = ServiceKey(admitted.standing.chain_id, admitted.listed.service_id)
        return await self._parts.router.open(
            await self._parts.upstreams.members(key),
            turn.route,
            prepared.body_for,
            stream=prepared.stream,
            request_id=admitted.asked.request_id,
        )
