"""The messages this marketplace signs: usage receipts (by the meter) and usage vouchers (by the buyer)."""

from dataclasses import dataclass

from backend.core.units import Address, Hash32, MicroCredits, PlanId, ServiceId, Units, UnixTime
from backend.signing.eip712 import Domain, TypedMessage, Value


@dataclass(frozen=True, slots=True)
class UsageReceipt(TypedMessage):
    """What one served request used, signed by the service's meter.

    ``previous_receipt`` is the digest of the payer's receipt before this one (zero for the first), so that a
    payer's receipts form a chain. ``units_in`` and ``units_out`` are in the plan's measure.
    """

    TYPE = (
        "UsageReceipt(address payer,uint256 planId,uint256 serviceId,bytes32 modelDigest,bytes32 requestHash,"
        "bytes32 responseHash,uint256 unitsIn,uint256 unitsOut,uint256 microCredits,"
        "uint256 cumulativeMicroCredits,uint256 issuedAt,bytes32 previousReceipt)"
    )

    payer: Address
    plan_id: PlanId
    service_id: ServiceId
    model_digest: Hash32
    request_hash: Hash32
    response_hash: Hash32
    units_in: int
    units_out: int
    micro_credits: MicroCredits
    cumulative_micro_credits: MicroCredits
    issued_at: UnixTime
    previous_receipt: Hash32

    def values(self) -> tuple[Value, ...]:
        """The fields, in the order of ``TYPE``."""
        return (
            self.payer,
            self.plan_id,
            self.service_id,
            self.model_digest,
            self.request_hash,
            self.response_hash,
            self.units_in,
            self.units_out,
            self.micro_credits,
            self.cumulative_micro_credits,
            self.issued_at,
            self.previous_receipt,
        )


@dataclass(frozen=True, slots=True)
class UsageVoucher(TypedMessage):
    """A buyer's word that up to ``cumulative_units`` of a tab, over its whole life, may be settled."""

    TYPE = "UsageVoucher(address payer,uint256 planId,uint256 cumulativeUnits)"

    payer: Address
    plan_id: PlanId
    cumulative_units: Units

    def values(self) -> tuple[Value, ...]:
        """The fields, in the order of ``TYPE``."""
        return (self.payer, self.plan_id, self.cumulative_units)


def settlement_voucher(covered: Units, signature: bytes) -> bytes:
    """A voucher as `UsageEscrow.settle` takes it: the units it covers in 32 bytes, then the signature."""
    return covered.to_bytes(32, "big") + signature


def voucher_domain(chain_id: int, usage_escrow: Address) -> Domain:
    """Where vouchers count: the escrow that checks them."""
    return Domain("Emporion Usage Escrow", "1", chain_id, usage_escrow)


def receipt_domain(chain_id: int, usage_escrow: Address) -> Domain:
    """Where receipts count. Its name differs from the voucher's, so neither can pass for the other."""
    return Domain("Emporion Receipt", "1", chain_id, usage_escrow)
