"""Requests of pictures and sound, bounded: charged by the request, or by the KiB both ways."""

from dataclasses import dataclass
from typing import Final

from backend.catalog.schemas import ListedService
from backend.core.errors import Unprocessable
from backend.core.units import Measure, PlanKind
from backend.entitlement.schemas import Terms
from backend.gateway.plain_jobs import KIB, MOST_ANSWER_KIB
from backend.inference.media import MediaCall
from backend.inference.prepare import WorstCase
from backend.metadata.schemas import LimitsDocument
from backend.meter.pricing import kib_up

MOST_UNMEASURED_KIB: Final = 64 * KIB
"""Of an answer under a plan that does not count KiB."""


@dataclass(frozen=True, slots=True)
class Media:
    """A call bounded. `most_bytes`: of its answer."""

    worst: WorstCase
    measure: Measure
    most_bytes: int


@dataclass(frozen=True, slots=True)
class MediaJob:
    """A call of a route of pictures or sound."""

    call: MediaCall

    @property
    def model(self) -> str:
        """The model's name."""
        return self.call.model

    def bound(self, listed: ListedService, promised: LimitsDocument | None, terms: Terms) -> Media:
        """Bound it. Raises Unprocessable under a plan whose measure it cannot be counted in."""
        if terms.measure is Measure.KIB:
            most = (promised.max_output if promised is not None else None) or MOST_ANSWER_KIB
            return Media(WorstCase(kib_up(self.call.size), most), terms.measure, most * KIB)
        if terms.kind is PlanKind.METERED and (terms.per_unit_in or terms.per_unit_out):
            raise Unprocessable(
                f"plan {terms.plan_id} counts {terms.measure.name.lower()}, which pictures and sound cannot "
                "be counted in: name a plan priced by the request or by the KiB in the header Emporion-Plan"
            )
        return Media(WorstCase(0, 0), terms.measure, MOST_UNMEASURED_KIB * KIB)

    def counts(self, measure: Measure) -> bool:
        """KiB; other plans are charged by the request."""
        return measure is Measure.KIB
