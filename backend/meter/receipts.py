"""Receipts from usage rows and usage rows from receipts; pure."""

from dataclasses import dataclass
from typing import Any, Final

from backend.core.units import Address, Hash32, MicroCredits, UnixTime
from backend.meter.schemas import Outcome, Receipt, Served
from backend.signing.messages import UsageReceipt

MOST: Final = 2**63 - 1
"""The largest number a column holds."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A served request at its place in the tab: `spent` before it, `charged` and `lost` for it."""

    served: Served
    sequence: int
    spent: int
    charged: MicroCredits
    lost: MicroCredits
    previous: Hash32
    now: UnixTime

    def body(self) -> UsageReceipt:
        """The part that is signed."""
        served = self.served
        return UsageReceipt(
            payer=served.tab.payer,
            plan_id=served.tab.plan_id,
            service_id=served.service_id,
            model_digest=served.model_digest,
            request_hash=served.request_hash,
            response_hash=served.response_hash,
            units_in=counted(served.units_in),
            units_out=counted(served.units_out),
            micro_credits=self.charged,
            cumulative_micro_credits=MicroCredits(self.spent + self.charged),
            issued_at=self.now,
            previous_receipt=self.previous,
        )


def charge(served: Served, limit: int) -> tuple[MicroCredits, MicroCredits]:
    """What a request costs its payer, no more than `limit`, and what is lost to the provider beyond it.

    Nothing delivered costs nothing.
    """
    cost = 0 if served.outcome is Outcome.FAILED else counted(served.cost)
    charged = min(cost, limit)
    return MicroCredits(charged), MicroCredits(cost - charged)


def counted(number: int) -> int:
    """A number from outside as the columns hold it: an upstream may claim anything."""
    return min(max(number, 0), MOST)


def usage_values(issued: Issued, digest: Hash32, meter: Address, signature: bytes) -> dict[str, Any]:
    """The usage row of a signed receipt, column by column."""
    served = issued.served
    facts = {name: getattr(served, name) for name in _SERVED}
    return {
        **facts,
        "units_in": counted(served.units_in),
        "units_out": counted(served.units_out),
        "chain_id": served.tab.chain_id,
        "plan_id": served.tab.plan_id,
        "payer": served.tab.payer,
        "outcome": served.outcome.value,
        "sequence": issued.sequence,
        "charged": issued.charged,
        "lost": issued.lost,
        "cumulative": issued.spent + issued.charged,
        "issued_at": issued.now,
        "previous_receipt": issued.previous,
        "receipt_digest": digest,
        "meter": meter,
        "signature": signature,
    }


_SERVED = (
    "request_id",
    "service_id",
    "route",
    "model_digest",
    "request_hash",
    "response_hash",
    "started_at",
    "duration_ms",
    "estimated",
    "key_id",
    "first_byte_ms",
    "engine",
    "fault",
)


def receipt_of(row: Any, remaining: MicroCredits) -> Receipt:
    """The receipt a usage row holds."""
    body = UsageReceipt(
        payer=Address(bytes(row.payer)),
        plan_id=row.plan_id,
        service_id=row.service_id,
        model_digest=Hash32(bytes(row.model_digest)),
        request_hash=Hash32(bytes(row.request_hash)),
        response_hash=Hash32(bytes(row.response_hash)),
        units_in=row.units_in,
        units_out=row.units_out,
        micro_credits=row.charged,
        cumulative_micro_credits=row.cumulative,
        issued_at=row.issued_at,
        previous_receipt=Hash32(bytes(row.previous_receipt)),
    )
    return Receipt(
        request_id=row.request_id,
        chain_id=row.chain_id,
        sequence=row.sequence,
        body=body,
        digest=Hash32(bytes(row.receipt_digest)),
        meter=Address(bytes(row.meter)),
        signature=bytes(row.signature),
        remaining=remaining,
        engine=row.engine,
    )
