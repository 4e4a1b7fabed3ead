"""One probe: a call that is paid for, timed, and told apart from one that was only not paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from backend.core.clock import Clock
from backend.core.errors import EmporionError
from backend.core.units import Address, ServiceId
from backend.probing.figures import Figures, Sample
from backend.probing.service import Measurements

State = Literal["up", "down", "unpaid", "refused"]


@dataclass(frozen=True, slots=True)
class Target:
    """A service to call, by its model's name."""

    service_id: ServiceId
    model: str
    operation: Literal["chat", "completions"] = "chat"


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer's times, milliseconds from the sending; `speed` in thousandths of a token a second."""

    first_token_ms: int
    speed: int | None


class Down(EmporionError):
    """The service did not answer, or not what it sells."""

    code = "probe_down"


class Unpaid(EmporionError):
    """The caller has no access; `details['offers']` says what would give it."""

    code = "probe_unpaid"

    @property
    def offers(self) -> list[dict[str, Any]]:
        """Offers of the 402."""
        found = self.details.get("offers")
        return list(found) if isinstance(found, list) else []


class Refused(EmporionError):
    """The caller was refused for its own sake (a limit, a wrong key): this says nothing of the service."""

    code = "probe_refused"


class Caller(Protocol):
    """The prober's wallet before the gateway."""

    async def call(self, target: Target) -> Timed:
        """One call. Raises Down, Unpaid, Refused."""
        ...

    async def buy(self, target: Target, offer: Mapping[str, Any]) -> None:
        """Take an offer, for what it says and never more. Raises Unpaid."""
        ...


class Budget:
    """What may be spent in all, in base units of one currency; no budget buys nothing, free units neither."""

    def __init__(self, currency: str = "", amount: int = -1) -> None:
        self._currency = currency
        self.left = amount
        self.spent = 0

    def cheapest(self, offers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The cheapest purchase that fits into what is left."""
        affordable = [offer for offer in offers if self._fits(offer)]
        return min(affordable, key=lambda offer: int(offer["cost"]), default=None)

    def _fits(self, offer: Mapping[str, Any]) -> bool:
        if self.left < 0 or offer["action"] != "buy":
            return False
        cost = int(offer["cost"])
        symbol = (offer.get("currency") or {}).get("symbol", "")
        return cost == 0 or (cost <= self.left and symbol.lower() == self._currency.lower())

    def take(self, cost: int) -> None:
        """Note what was spent."""
        self.left -= cost
        self.spent += cost


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of a probe; figures are the prober's, with this one counted."""

    service_id: ServiceId
    state: State
    reason: str = ""
    timed: Timed | None = None
    figures: Figures | None = None


class Prober:
    """Probes services by a wallet's calls and keeps what it measures."""

    def __init__(
        self, caller: Caller, measurements: Measurements, prober: Address, budget: Budget, clock: Clock
    ) -> None:
        self._caller = caller
        self._measurements = measurements
        self._prober = prober
        self._budget = budget
        self._clock = clock

    async def probe(self, target: Target) -> Probed:
        """Call a service once, after buying access where the budget has room. Only answers and faults of the
        service are measurements: a call that was not paid, or refused to this caller, is none.
        """
        try:
            timed = await self._paid(target)
        except Unpaid as error:
            return Probed(target.service_id, "unpaid", error.message)
        except Refused as error:
            return Probed(target.service_id, "refused", error.message)
        except Down as error:
            figures = await self._note(target, Sample(self._clock.now(), up=False), error.message)
            return Probed(target.service_id, "down", error.message, None, figures)
        sample = Sample(self._clock.now(), True, timed.first_token_ms, timed.speed)
        return Probed(target.service_id, "up", "", timed, await self._note(target, sample))

    async def _paid(self, target: Target) -> Timed:
        try:
            return await self._caller.call(target)
        except Unpaid as error:
            offer = self._budget.cheapest(error.offers)
            if offer is None:
                raise
            # Counted first: a purchase whose end nobody learnt of may have been paid.
            self._budget.take(int(offer["cost"]))
            await self._caller.buy(target, offer)
        return await self._caller.call(target)

    async def _note(self, target: Target, sample: Sample, reason: str = "") -> Figures:
        return await self._measurements.note(target.service_id, self._prober, sample, reason)
