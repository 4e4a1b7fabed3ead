"""What `emporion index` shows while it follows: bars and lines in a terminal, log lines elsewhere."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import TaskID
from rich.text import Text

from backend.cli.output import bar_of
from backend.core.errors import EmporionError
from backend.core.logs import configure_logs, get_logger
from backend.core.settings import Settings
from backend.db.session import Store
from indexer.backfill import Progress as Told
from indexer.backfill import untold
from indexer.status import ChainStatus, status_of

LOOK_SECONDS: Final = 1.0
LINE_SECONDS: Final = 60.0
RATE_SECONDS: Final = 15.0
"""What a rate is taken over."""
REDRAWN: Final = 5


class Pulse:
    """Where the chains of a store stand, and how fast they move."""

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._store, self._now = store, now
        self._seen: dict[int, deque[tuple[float, int]]] = {}
        self.rows: list[ChainStatus] = []

    async def look(self) -> None:
        """Read it again; a database that is away for a moment leaves what was read before."""
        with suppress(EmporionError):
            self.rows = await status_of(self._store)
            for row in self.rows:
                self._keep(self._seen.setdefault(row.chain_id, deque()), row.number)

    def _keep(self, seen: deque[tuple[float, int]], number: int) -> None:
        now = self._now()
        seen.append((now, number))
        while len(seen) > 2 and now - seen[1][0] >= RATE_SECONDS:
            seen.popleft()

    def rate(self, chain_id: int) -> float:
        """Blocks a second lately; negative where a fork took blocks back."""
        seen = self._seen[chain_id]
        (began, first), (ended, last) = seen[0], seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0


class IndexView:
    """A bar for each chain that catches up, below it a line for each."""

    def __init__(self, pulse: Pulse, console: Console) -> None:
        self._pulse = pulse
        self._bars = bar_of(console, "blocks", alone=False)
        self._tasks: dict[int, TaskID] = {}

    def progress_of(self, chain_id: int) -> Told:
        """What a chain's indexer tells its backfill to."""

        def told(number: int, last: int) -> None:
            if chain_id not in self._tasks:
                self._tasks[chain_id] = self._bars.add_task(f"chain {chain_id}", total=last, completed=number)
            self._bars.update(self._tasks[chain_id], completed=number, total=last)
            if number >= last:
                self._bars.remove_task(self._tasks.pop(chain_id))

        return told

    def drawn(self) -> Group:
        """All of it."""
        return Group(self._bars, *(Text(self._line(row)) for row in self._pulse.rows))

    def _line(self, row: ChainStatus) -> str:
        lag = f"lag {row.lag_blocks:,} blocks, {row.lag_seconds:,} s"
        rate = f"{self._pulse.rate(row.chain_id):,.1f} blocks/s"
        return f"chain {row.chain_id}  block {row.number:,}  {lag}  {rate}  reorgs {row.reorgs}"


@asynccontextmanager
async def showing(
    store: Store, settings: Settings, console: Console | None
) -> AsyncIterator[Callable[[int], Told]]:
    """Show it until the block ends; gives what a chain's backfill is to be told to, by the chain's id."""
    pulse = Pulse(store)
    if console is None:
        async with _every(LINE_SECONDS, pulse, _say):
            yield lambda _chain_id: untold
        return
    view = IndexView(pulse, console)
    with Live(console=console, get_renderable=view.drawn, refresh_per_second=REDRAWN):
        # The lines of the log go through the drawing, to stand above it; what it tells need not be logged.
        unset = "log_level" not in settings.model_fields_set
        configure_logs("warning" if unset else settings.log_level, settings.log_format, sys.stderr)
        async with _every(LOOK_SECONDS, pulse, _draw):
            yield view.progress_of


@asynccontextmanager
async def _every(seconds: float, pulse: Pulse, tell: Callable[[Pulse], None]) -> AsyncIterator[None]:
    """Look at once, again and again, and a last time; oftener while there is nothing to be seen."""

    async def look_on() -> None:
        while True:
            await pulse.look()
            tell(pulse)
            await asyncio.sleep(seconds if pulse.rows else LOOK_SECONDS)

    task = asyncio.create_task(look_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pulse.look()


def _draw(_pulse: Pulse) -> None:
    """The drawing looks by itself."""


def _say(pulse: Pulse) -> None:
    log = get_logger("indexer")
    for row in pulse.rows:
        log.info(
            "indexer.following",
            chain_id=row.chain_id,
            number=row.number,
            lag_blocks=row.lag_blocks,
            lag_seconds=row.lag_seconds,
            blocks_per_second=round(pulse.rate(row.chain_id), 1),
            reorgs=row.reorgs,
        )
