"""Disputes from the log of events, for whom they concern: the court keeps less than its events tell. Pure."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from backend.catalog.schemas import DisputeReply, DisputesReply
from backend.core.units import ServiceId, checksum, to_address

OUTCOMES: Final[tuple[Literal["open", "upheld", "rejected", "no_quorum"], ...]] = (
    "open",
    "upheld",
    "rejected",
    "no_quorum",
)
"""As `DisputeOutcome` numbers them."""


def disputes_reply(service_id: ServiceId, rows: Iterable[Any]) -> DisputesReply:
    """From rows of the court, newest first: what no fork took back, the newest dispute first."""
    taken: set[int] = set()
    said: list[Any] = []
    for row in rows:
        if row.retracts is not None:
            taken.add(row.retracts)
        elif row.id not in taken:
            said.append(row)
    found: dict[int, DisputeReply] = {}
    for row in reversed(said):
        _tell(found, service_id, row)
    return DisputesReply(service_id=service_id, disputes=list(reversed(found.values())))


def _tell(found: dict[int, DisputeReply], service_id: ServiceId, row: Any) -> None:
    number, args = int(row.args["disputeId"]), row.args
    if row.event == "DisputeOpened":
        found[number] = DisputeReply(
            id=number,
            service_id=service_id,
            plan_id=int(args["planId"]),
            claimant=checksum(to_address(str(args["claimant"]))),
            amount=str(args["amount"]),
            opened_at=row.timestamp,
            voting_ends=int(args["votingEnds"]),
            evidence_uri=str(args["uri"]),
        )
    elif number in found and row.event == "DisputeAnswered":
        found[number].answers += 1
    elif number in found and row.event == "DisputeResolved":
        found[number].outcome = OUTCOMES[int(args["outcome"])]
        found[number].resolved_at = row.timestamp
        found[number].slashed = str(args["slashed"])
