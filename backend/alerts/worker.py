"""The task that looks for what to tell, and delivers it."""

from typing import Any, Final

from backend.alerts import repository
from backend.alerts.kinds import MEANINGS, Kind
from backend.alerts.ports import AlertSender, Message
from backend.alerts.quiet import next_attempt, quiet_until
from backend.alerts.service import Alerts
from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.logs import get_logger
from backend.db.session import Store

LOOK_SECONDS: Final = 30
SENDING_SECONDS: Final = 120
"""How long a delivery under way is left to who took it: longer than any sender waits."""
AT_ONCE: Final = 50


class AlertWorker:
    """Runs in every replica: a cause is one row and a delivery is taken by one of them."""

    def __init__(self, store: Store, alerts: Alerts, sender: AlertSender, clock: Clock) -> None:
        self._store = store
        self._alerts = alerts
        self._sender = sender
        self._clock = clock
        self._log = get_logger("alerts")

    async def run(self) -> None:
        """Look and deliver until cancelled."""
        while True:
            try:
                await self.step()
            except EmporionError as error:
                self._log.warning("alerts.step.failed", error=error.code)
            await self._clock.sleep(LOOK_SECONDS)

    async def step(self) -> int:
        """Look once and deliver what is due; how many messages arrived."""
        await self._alerts.look()
        await self._alerts.forget()
        return await self.deliver()

    async def deliver(self) -> int:
        """Send what is due and not in quiet hours."""
        async with self._store.read_connection() as db:
            rows = await repository.due(db, self._clock.now(), AT_ONCE)
        return sum([await self._deliver(row) for row in rows])

    async def _deliver(self, row: Any) -> int:
        now = self._clock.now()
        later = quiet_until(now, row.quiet_from, row.quiet_to)
        taken = await self._move(row, row.next_at, {"next_at": later or now + SENDING_SECONDS})
        if later is not None or not taken:
            return 0
        mine = now + SENDING_SECONDS
        try:
            await self._send(row)
        except EmporionError as error:
            await self._failed(row, mine, error)
            return 0
        await self._move(row, mine, {"state": "sent", "attempts": row.attempts + 1, "error": ""})
        return 1

    async def _send(self, row: Any) -> None:
        target, secret = self._alerts.channels.opened(
            row.channel_id, row.scheme, row.shown, row.sealed_target, row.sealed_secret
        )
        await self._sender.send(target, secret, _message(row))

    async def _failed(self, row: Any, mine: int, error: EmporionError) -> None:
        attempts = row.attempts + 1
        again = next_attempt(self._clock.now(), attempts)
        state = "given-up" if again is None or not error.retryable else "waiting"
        self._log.warning(
            "alerts.delivery.failed", channel=row.channel_id, attempts=attempts, state=state, error=error.code
        )
        changed = {"state": state, "next_at": again or 0, "attempts": attempts, "error": error.code}
        await self._move(row, mine, changed)

    async def _move(self, row: Any, seen: int, changed: dict[str, Any]) -> bool:
        async with self._store.write_connection() as db:
            return await repository.move(db, row.alert_id, row.channel_id, seen, changed)


def _message(row: Any) -> Message:
    return Message(
        id=f"alert_{row.alert_id}",
        kind=row.kind,
        at=row.at,
        title=f"Emporion: {MEANINGS[Kind(row.kind)].summary}",
        text=row.text,
        data={"kind": row.kind, **row.facts},
    )
