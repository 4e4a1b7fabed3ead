"""What operators watch of settlement and upkeep. No wallet, key, plan or transaction is a label."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from backend.core.units import ChainId, UnixTime
from backend.settlement.ports import StepReport

GAUGES: Final = {"emporion_settlement_backlog_credits": "Credits served and not yet settled on chain."}
"""What a process that only settles or keeps reads at a scrape; in a gateway's, its own page has it."""


class SettlementMetrics:
    """Counts in the registry of its process. `part` is `settle` or `keep`, the two loops of a worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._batches = _counter(
            registry, "emporion_settlement_batches", "Batches prepared, sent (again too), confirmed.", "state"
        )
        self._closes = Counter(
            "emporion_settlement_closes", "Tabs closed for payers who left.", registry=registry
        )
        self._lost = _counter(
            registry, "emporion_settlement_lost", "Lines the escrow skipped, batches given up.", "outcome"
        )
        for outcome in ("skipped", "abandoned"):
            self._lost.labels(outcome)  # from 0 on: the first one is a rise too
        self._failures = _counter(
            registry, "emporion_settlement_failures", "What failed and is tried again.", "what", "code"
        )
        self._upkeep = _counter(registry, "emporion_upkeep", "Pieces of upkeep.", "job", "outcome")
        self._leads = _gauge(registry, "emporion_settlement_leads", "Whether it leads its key.", "part")
        self._stepped = _gauge(
            registry, "emporion_settlement_step_timestamp_seconds", "End of its last good step.", "part"
        )
        self._affordable = _gauge(
            registry, "emporion_settlements_affordable", "Settlements its gas pays for.", "chain_id"
        )
        self._oldest = Gauge(
            "emporion_settlement_oldest_batch_timestamp_seconds",
            "When the oldest unconfirmed batch was prepared; 0: there is none.",
            registry=registry,
        )

    def stepped(self, report: StepReport, at: UnixTime) -> None:
        """The worker made a step."""
        self._part("settle", report.leader, at)
        for state in ("prepared", "sent", "confirmed"):
            self._batches.labels(state).inc(getattr(report, state))
        self._closes.inc(report.closed)
        self._oldest.set(report.oldest)

    def kept(self, leads: bool, at: UnixTime) -> None:
        """The keeper made a step."""
        self._part("keep", leads, at)

    def upkeep(self, job: str, outcome: str) -> None:
        """One piece of upkeep was sent, refused or failed."""
        self._upkeep.labels(job, outcome).inc()

    def failed(self, what: str, code: str) -> None:
        """Something failed and is tried again."""
        self._failures.labels(what, code).inc()

    def lost(self, outcome: str) -> None:
        """A line was skipped, or a batch given up."""
        self._lost.labels(outcome).inc()

    def affordable(self, chain_id: ChainId, settlements: int) -> None:
        """The key's balance pays for so many settlements."""
        self._affordable.labels(str(chain_id)).set(settlements)

    def _part(self, part: str, leads: bool, at: UnixTime) -> None:
        self._leads.labels(part).set(leads)
        self._stepped.labels(part).set(at)


def _counter(registry: CollectorRegistry, name: str, told: str, *labels: str) -> Counter:
    return Counter(name, told, labels, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, told: str, *labels: str) -> Gauge:
    return Gauge(name, told, labels, registry=registry)
