"""The master key changed: what an earlier one sealed is sealed anew, all of it in one transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from backend.alerts.channels import Channels
from backend.alerts.ports import NoSender
from backend.cli.stores import gateway_store
from backend.core.clock import SystemClock
from backend.core.errors import SettingsError
from backend.core.settings import Settings
from backend.core.units import ChainId
from backend.feed.webhooks import Webhooks
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from backend.net.client import HttpClient
from backend.net.guard import PUBLIC_ONLY

EVERY_CHAIN: Final = ChainId(0)
"""Sealing anew asks for no chain: it goes through the rows of all."""
OUTCOMES: Final = ("resealed", "current", "unopened")


class CountingBox(SecretBox):
    """Counts what it was given: sealed anew, sealed by the newest key already, opened by none of the keys."""

    def __init__(self, master: bytes, earlier: Sequence[bytes]) -> None:
        super().__init__(master, earlier)
        self._seen: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {outcome: self._seen[outcome] for outcome in OUTCOMES}

    def resealed(self, sealed: bytes, place: str) -> bytes:
        """The same, sealed by the newest master, counted. Raises SettingsError as `SecretBox` does."""
        anew = super().resealed(sealed, place)
        outcome = "resealed" if anew != sealed else "current" if self.is_current(sealed) else "unopened"
        self._seen[outcome] += 1
        return anew


async def rotate_master(settings: Settings) -> dict[str, int]:
    """Seal everything anew; how many secrets were, were already, or are sealed by a key not named here.

    All or nothing: a run that is killed changes nothing, and one more run changes nothing either. Raises
    SettingsError where no earlier key is named.
    """
    earlier = settings.earlier_master_secrets()
    if not earlier:
        raise SettingsError(
            "name the key of before in EMPORION_EARLIER_MASTER_KEYS: nothing opens without it"
        )
    box, clock = CountingBox(settings.master_secret(), earlier), SystemClock()
    async with gateway_store(settings) as store:
        upstreams = Upstreams(store, HttpClient(PUBLIC_ONLY), box, clock)
        webhooks = Webhooks(store, clock, EVERY_CHAIN, box, PUBLIC_ONLY)
        channels = Channels(store, NoSender(), box, PUBLIC_ONLY, clock)
        async with store.write() as session:
            await upstreams.reseal_in(session)
            db = await session.connection()
            await webhooks.reseal_in(db)
            await channels.reseal_in(db)
    return box.counts
