"""Sending webhooks: events are queued once, each is tried until it is taken or dead.

Any number of processes may run this: who moves an endpoint's cursor queues, who claims a delivery sends it.
"""

import asyncio
from typing import Any, Final

from yarl import URL

from backend.core.clock import Clock
from backend.core.errors import DatabaseError, EmporionError
from backend.core.logs import get_logger
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.feed import repository
from backend.feed.messages import webhook_body
from backend.feed.schemas import Finality, Wanted
from backend.feed.service import Feed, Moves
from backend.feed.webhooks import Sealer, place_of
from backend.net.client import HttpClient, Timeouts
from backend.signing.webhooks import sign

RETRY_SECONDS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""Pauses after each failure; after the last the letter is dead."""
CLAIM_SECONDS: Final = 60
ROUND_SECONDS: Final = 2.0
AT_ONCE: Final = 16
PATIENCE: Final = Timeouts(connect=5, read=10, total=15)
GONE: Final = 410


class Sender:
    """Queues and sends. `run` until cancelled; `round` once."""

    def __init__(
        self, store: Store, clock: Clock, chain_id: ChainId, feed: Feed, sealer: Sealer, http: HttpClient
    ) -> None:
        self._store = store
        self._clock = clock
        self._chain_id = chain_id
        self._feed = feed
        self._sealer = sealer
        self._http = http
        self._log = get_logger("feed")

    async def run(self, moves: Moves) -> None:
        """Work whenever the index moves, and every few seconds for what is to be tried again."""
        while True:
            mark = moves.mark()
            try:
                await self.round()
            except DatabaseError as error:
                self._log.warning("feed.round.failed", error=error.code)
            await moves.wait(mark, ROUND_SECONDS)

    async def round(self) -> int:
        """Queue what is new and send what is due; returns how many were tried."""
        async with self._store.read_connection() as db:
            endpoints = await repository.live_endpoints(db, self._chain_id)
        for endpoint in endpoints:
            await self._queue(endpoint)
        async with self._store.read_connection() as db:
            rows = await repository.due(db, self._clock.now(), AT_ONCE)
        return sum(await asyncio.gather(*(self._try(row) for row in rows)))

    async def _queue(self, endpoint: Any) -> None:
        about = None if endpoint.about is None else Address(bytes(endpoint.about))
        wanted = Wanted(Finality(endpoint.finality), endpoint.service_id, about)
        rows, cursor = await self._feed.read(endpoint.cursor, wanted)
        if cursor == endpoint.cursor:
            return
        now = self._clock.now()
        queued = [
            {
                "endpoint_id": endpoint.endpoint_id,
                "outbox_id": row.id,
                "message_id": f"msg_{endpoint.endpoint_id[4:]}_{row.id}",
                "payload": webhook_body(row, endpoint.finality),
                "state": "due",
                "attempts": 0,
                "next_at": now,
                "created_at": now,
            }
            for row in rows
        ]
        async with self._store.write_connection() as db:
            if await repository.move_cursor(db, endpoint.endpoint_id, endpoint.cursor, cursor):
                await repository.add_deliveries(db, queued)

    async def _try(self, row: Any) -> bool:
        async with self._store.write_connection() as db:
            claimed = await repository.claim(db, row.id, row.attempts, self._clock.now() + CLAIM_SECONDS)
        if not claimed:
            return False
        status = await self._post(row)
        async with self._store.write_connection() as db:
            await repository.change_delivery(db, row.id, self._verdict(row.attempts, status))
            if status == GONE:
                values = {"disabled_at": self._clock.now()}
                await repository.change_endpoint(db, row.endpoint_id, values)
        return True

    async def _post(self, row: Any) -> int | None:
        """The answer's status; None where there was none."""
        now = self._clock.now()
        place = place_of(row.endpoint_id)
        sealed = [row.secret, *([row.earlier_secret] if row.earlier_until > now else [])]
        body = bytes(row.payload)
        try:
            signatures = [
                sign(self._sealer.open(bytes(one), place), row.message_id, now, body) for one in sealed
            ]
            headers = {
                "Content-Type": "application/json",
                "webhook-id": row.message_id,
                "webhook-timestamp": str(now),
                "webhook-signature": " ".join(signatures),
            }
            async with self._http.stream(
                "POST", URL(row.url), headers=headers, body=body, timeouts=PATIENCE
            ) as reply:
                return reply.status
        except EmporionError as error:
            self._log.info("feed.delivery.failed", endpoint=row.endpoint_id, code=error.code)
            return None

    def _verdict(self, attempts: int, status: int | None) -> dict[str, Any]:
        now = self._clock.now()
        if status is not None and 200 <= status < 300:
            return {"state": "delivered", "delivered_at": now, "last_status": status}
        if attempts >= len(RETRY_SECONDS) or status == GONE:
            return {"state": "dead", "last_status": status}
        return {"next_at": now + RETRY_SECONDS[attempts], "last_status": status}
