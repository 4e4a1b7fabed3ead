"""Values of the moment for a scrape."""

from backend.catalog.service import Catalog
from backend.core.units import MICRO
from backend.entitlement.head import HeadWatch
from backend.meter.holds import HoldKeeper


class Gauges:
    """Reads them of this process, and of the store what only that knows."""

    def __init__(self, watch: HeadWatch, holds: HoldKeeper, catalog: Catalog) -> None:
        self._watch = watch
        self._holds = holds
        self._catalog = catalog

    async def gauges(self) -> dict[str, float]:
        """By the names of `metrics.GAUGES`. Raises DatabaseError."""
        return {
            "emporion_holds_open": self._holds.open,
            "emporion_hold_age_seconds": self._holds.oldest(),
            "emporion_index_lag_seconds": self._watch.lag(),
            "emporion_index_block": self._watch.number,
            "emporion_index_reorgs": self._watch.reorgs,
            "emporion_settlement_backlog_credits": await self._catalog.unsettled() / MICRO,
            "emporion_voided_credits": await self._catalog.voided() / MICRO,
        }
