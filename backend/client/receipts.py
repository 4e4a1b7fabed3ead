"""Checking a receipt without trusting who gave it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.core.errors import InvalidSignature
from backend.core.units import (
    Address,
    Hash32,
    MicroCredits,
    PlanId,
    ServiceId,
    UnixTime,
    keccak,
    to_address,
    to_hash,
)
from backend.signing.ecdsa import recover
from backend.signing.merkle import leaf_of, verify
from backend.signing.messages import UsageReceipt, receipt_domain


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing checked: whether it holds, and what was found."""

    check: str
    ok: bool
    found: str = ""


def check_receipt(
    receipt: Mapping[str, Any],
    meter: Address,
    escrow: bytes,
    proof: Mapping[str, Any] | None = None,
    request: bytes | None = None,
    answer: bytes | None = None,
) -> list[Verdict]:
    """Every check that what was handed in allows: digest, signature, hashes, Merkle path."""
    message = message_of(receipt)
    digest = message.digest(receipt_domain(int(receipt["chain_id"]), Address(escrow)))
    verdicts = [Verdict("digest", "0x" + digest.hex() == receipt["digest"], receipt["digest"])]
    verdicts.append(_signed_by(digest, receipt, meter))
    if request is not None:
        verdicts.append(_hash("request", request, message.request_hash))
    if answer is not None:
        verdicts.append(_hash("answer", answer, message.response_hash))
    if proof is not None:
        path = [to_hash(step) for step in proof["path"]]
        proved = verify(to_hash(proof["root"]), leaf_of(digest), path)
        verdicts.append(Verdict("settled root", proved, str(proof["root"])))
    return verdicts


def message_of(receipt: Mapping[str, Any]) -> UsageReceipt:
    """The signed message of a receipt as the API gives it."""
    return UsageReceipt(
        payer=to_address(receipt["payer"]),
        plan_id=PlanId(int(receipt["plan_id"])),
        service_id=ServiceId(int(receipt["service_id"])),
        model_digest=to_hash(receipt["model_digest"]),
        request_hash=to_hash(receipt["request_hash"]),
        response_hash=to_hash(receipt["response_hash"]),
        units_in=int(receipt["units_in"]),
        units_out=int(receipt["units_out"]),
        micro_credits=MicroCredits(int(receipt["micro_credits"])),
        cumulative_micro_credits=MicroCredits(int(receipt["cumulative_micro_credits"])),
        issued_at=UnixTime(int(receipt["issued_at"])),
        previous_receipt=to_hash(receipt["previous_receipt"]),
    )


def _signed_by(digest: Hash32, receipt: Mapping[str, Any], meter: Address) -> Verdict:
    try:
        signer = recover(digest, bytes.fromhex(str(receipt["signature"]).removeprefix("0x")))
    except (InvalidSignature, ValueError):
        return Verdict("signature", False, "malformed")
    return Verdict("signature", signer == meter, "0x" + signer.hex())


def _hash(what: str, content: bytes, expected: Hash32) -> Verdict:
    found = keccak(content)
    return Verdict(f"{what} hash", found == expected, "0x" + found.hex())
