"""What operators watch, as Prometheus text on a port of its own. No wallet, key or request is a label.

Names of model metrics follow OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`), with dots
written as underscores.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from backend.core.errors import EmporionError
from backend.core.units import MICRO, MicroCredits
from backend.gateway.asgi import Scope
from backend.meter.schemas import Outcome, Served

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


class Observer(Protocol):
    """Is told what happened to metered requests; never waits."""

    def served(self, served: Served, charged: MicroCredits) -> None:
        """A usage row was written."""
        ...

    def refused(self, error: EmporionError) -> None:
        """A request was answered with an error."""
        ...


class Tracing(Observer, Protocol):
    """An observer that is told of every request's beginning too."""

    def begin(self, scope: Scope, request_id: str) -> None:
        """A request came."""
        ...


class Observers:
    """Several at once."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def served(self, served: Served, charged: MicroCredits) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.served(served, charged)

    def refused(self, error: EmporionError) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.refused(error)


class NoMetrics:
    """Where nobody watches."""

    def served(self, served: Served, charged: MicroCredits) -> None:
        """Nothing."""

    def refused(self, error: EmporionError) -> None:
        """Nothing."""


class Metrics:
    """Counts in the registry of its process; two gateways in one process have one each."""

    def __init__(self, registry: CollectorRegistry) -> None:
        of_service = ("gen_ai_operation_name", "service_id")
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Time of a served request.",
            (*of_service, "outcome"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time to the first byte of an answer.",
            of_service,
            buckets=_SECONDS,
            registry=registry,
        )
        self._usage = Counter(
            "gen_ai_usage_tokens",
            "Measures used (tokens for language models), in and out.",
            (*of_service, "gen_ai_token_type"),
            registry=registry,
        )
        self._credits = Counter(
            "emporion_charged_credits", "Credits charged.", ("service_id",), registry=registry
        )
        self._lost = Counter(
            "emporion_lost_credits",
            "Credits that rate cards asked for and tabs no longer had.",
            ("service_id",),
            registry=registry,
        )
        self._denials = Counter(
            "emporion_denials", "Requests refused, by error code.", ("reason",), registry=registry
        )

    def served(self, served: Served, charged: MicroCredits) -> None:
        """A usage row was written."""
        route, service = served.route, str(served.service_id)
        self._duration.labels(route, service, served.outcome.value).observe(served.duration_ms / 1000)
        if served.outcome is Outcome.FAILED:
            return
        if served.first_byte_ms is not None:
            self._first.labels(route, service).observe(served.first_byte_ms / 1000)
        self._usage.labels(route, service, "input").inc(served.units_in)
        self._usage.labels(route, service, "output").inc(served.units_out)
        self._credits.labels(service).inc(charged / MICRO)
        self._lost.labels(service).inc(max(served.cost - charged, 0) / MICRO)

    def refused(self, error: EmporionError) -> None:
        """A request was answered with an error."""
        self._denials.labels(error.code).inc()


GAUGES: Final = {
    "emporion_holds_open": "Holds of requests under way in this process.",
    "emporion_hold_age_seconds": "Age of the oldest of them.",
    "emporion_index_lag_seconds": "Silence since a node confirmed the indexed head.",
    "emporion_index_block": "Number of the indexed head.",
    "emporion_index_reorgs": "How often blocks were taken back; what was derived from them is undone.",
    "emporion_settlement_backlog_credits": "Credits served and not yet settled on chain.",
    "emporion_voided_credits": "Credits served against deposits that forks took back.",
}
