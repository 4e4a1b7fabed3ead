"""Checks a receipt against the files of request and answer, the chain and the rate card; pure.

Nothing here trusts the gateway: what the chain says (meter, settled roots, rate card) is handed in by whoever
asked the chain. What is not handed in is told as not checked, never as true.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backend.client.models import RateCard
from backend.core.errors import InvalidSignature, MalformedRequest
from backend.core.units import (
    Address,
    Hash32,
    MicroCredits,
    PlanId,
    ServiceId,
    UnixTime,
    checksum,
    hex_of,
    keccak,
    plan_service,
    to_address,
    to_hash,
)
from backend.signing.ecdsa import recover
from backend.signing.eip712 import Domain
from backend.signing.merkle import leaf_of, verify
from backend.signing.messages import UsageReceipt

_OUR_COMMENTS: Final = re.compile(rb"^:(?: emporion-[^\n]*| keep-alive)\n\n", re.MULTILINE)
"""What the gateway adds to a stream, which the response hash leaves out."""


class Finding(StrEnum):
    """How a check ended."""

    TRUE = "true"
    FALSE = "false"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check: its name, how it ended, and why in words."""

    check: str
    finding: Finding
    told: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a receipt is held against; what is None is not checked.

    `meter` is the service's meter on chain (or the one it replaced, while that may settle); `roots` are the
    `receiptsRoot` of the payer's `Settled` events in the plan; `previous` is the receipt before this one.
    """

    domain: Domain
    meter: Address | None = None
    request: bytes | None = None
    response: bytes | None = None
    proof: Mapping[str, Any] | None = None
    roots: Collection[Hash32] | None = None
    card: RateCard | None = None
    previous: Mapping[str, Any] | None = None


def verify_receipt(receipt: Mapping[str, Any], evidence: Evidence) -> list[Verdict]:
    """Every check, in a fixed order. `receipt` and `proof` are the JSON that the gateway's API gives.

    Raises MalformedRequest where a field is missing or is no such value.
    """
    body, digest = body_of(receipt), to_hash(_text(receipt, "digest"))
    return [
        _digest(receipt, body, digest, evidence.domain),
        _signature(receipt, body.digest(evidence.domain), evidence.meter),
        _plan(body),
        _bytes("request", evidence.request, body.request_hash),
        _response(evidence.response, body.response_hash),
        _charge(body, evidence.card),
        _previous(body, evidence),
        _proof(body.digest(evidence.domain), evidence.proof),
        _settlement(evidence),
    ]


def body_of(receipt: Mapping[str, Any]) -> UsageReceipt:
    """The signed part of a receipt's JSON. Raises MalformedRequest."""
    return UsageReceipt(
        payer=to_address(_text(receipt, "payer")),
        plan_id=PlanId(_number(receipt, "plan_id")),
        service_id=ServiceId(_number(receipt, "service_id")),
        model_digest=to_hash(_text(receipt, "model_digest")),
        request_hash=to_hash(_text(receipt, "request_hash")),
        response_hash=to_hash(_text(receipt, "response_hash")),
        units_in=_number(receipt, "units_in"),
        units_out=_number(receipt, "units_out"),
        micro_credits=MicroCredits(_number(receipt, "micro_credits")),
        cumulative_micro_credits=MicroCredits(_number(receipt, "cumulative_micro_credits")),
        issued_at=UnixTime(_number(receipt, "issued_at")),
        previous_receipt=to_hash(_text(receipt, "previous_receipt")),
    )


def _digest(receipt: Mapping[str, Any], body: UsageReceipt, digest: Hash32, domain: Domain) -> Verdict:
    if _number(receipt, "chain_id") != domain.chain_id:
        return _judged("digest", False, f"it is for chain {receipt['chain_id']}, not {domain.chain_id}")
    right = body.digest(domain) == digest
    return _judged("digest", right, "the fields give the digest" if right else "a field was changed")


def _signature(receipt: Mapping[str, Any], digest: Hash32, meter: Address | None) -> Verdict:
    try:
        signer = recover(digest, _raw(receipt, "signature"))
    except InvalidSignature as error:
        return _judged("signature", False, error.message)
    if meter is None:
        return _unchecked("signature", f"signed by {checksum(signer)}; whose key that is was not asked")
    right = signer == meter
    whose = "the service's meter" if right else f"not by the service's meter {checksum(meter)}"
    return _judged("signature", right, f"signed by {checksum(signer)}, {whose}")


def _plan(body: UsageReceipt) -> Verdict:
    right = plan_service(body.plan_id) == body.service_id
    return _judged(
        "plan", right, f"plan {body.plan_id} is {'' if right else 'not '}of service {body.service_id}"
    )


def _bytes(check: str, given: bytes | None, expected: Hash32) -> Verdict:
    if given is None:
        return _unchecked(check, f"no {check} was given")
    right = keccak(given) == expected
    return _judged(
        check, right, f"the {check}'s {len(given)} bytes {'have' if right else 'do not have'} this hash"
    )


def _response(given: bytes | None, expected: Hash32) -> Verdict:
    """A saved stream still holds the gateway's comments; an answer without a byte has a hash of zeros."""
    if given is None or keccak(given) == expected:
        return _bytes("response", given, expected)
    if not given:
        nothing = not any(expected)
        return _judged("response", nothing, f"{'nothing' if nothing else 'something'} was delivered")
    return _bytes("response", _OUR_COMMENTS.sub(b"", given), expected)


def _charge(body: UsageReceipt, card: RateCard | None) -> Verdict:
    if card is None:
        return _unchecked("charge", "the plan's rate card was not given")
    most = card.cost(body.units_in, body.units_out)
    told = f"{body.micro_credits} micro-credits charged, {most} by the rate card"
    return _judged("charge", body.micro_credits <= most, told)


def _previous(body: UsageReceipt, evidence: Evidence) -> Verdict:
    if evidence.previous is None:
        if any(body.previous_receipt):
            return _unchecked("previous", f"the receipt before it is {hex_of(body.previous_receipt)}")
        return _judged("previous", True, "it is the payer's first in this plan")
    before = body_of(evidence.previous)
    if before.digest(evidence.domain) != body.previous_receipt:
        return _judged("previous", False, "the receipt given is not the one before it")
    # Where a fork voided what came before, less is asked for in all; the gateway says so with that receipt.
    voided = evidence.previous.get("voided_micro_credits") is not None
    total = body.micro_credits + (0 if voided else before.cumulative_micro_credits)
    right = (before.payer, before.plan_id) == (body.payer, body.plan_id)
    told = f"{body.cumulative_micro_credits} in all after {before.cumulative_micro_credits}"
    return _judged("previous", right and body.cumulative_micro_credits >= total, told)


def _proof(digest: Hash32, proof: Mapping[str, Any] | None) -> Verdict:
    if proof is None:
        return _unchecked("proof", "no proof was given; there is one once it is settled")
    path = proof.get("path")
    if not isinstance(path, list):
        raise MalformedRequest("the proof's path is no list of hashes")
    leaf, root = leaf_of(digest), to_hash(_text(proof, "root"))
    if to_hash(_text(proof, "leaf")) != leaf:
        return _judged("proof", False, "the proof is of another receipt")
    right = verify(root, leaf, [to_hash(str(step)) for step in path])
    return _judged("proof", right, f"the path {'leads' if right else 'does not lead'} to {hex_of(root)}")


def _settlement(evidence: Evidence) -> Verdict:
    if evidence.proof is None or evidence.roots is None:
        return _unchecked("settlement", "the chain was not asked for the settled root")
    right = to_hash(_text(evidence.proof, "root")) in evidence.roots
    return _judged("settlement", right, f"the root is {'' if right else 'not '}in a settlement on chain")


def _judged(check: str, right: bool, told: str) -> Verdict:
    return Verdict(check, Finding.TRUE if right else Finding.FALSE, told)


def _unchecked(check: str, told: str) -> Verdict:
    return Verdict(check, Finding.UNCHECKED, told)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise MalformedRequest(f"the receipt has no {name}; give the JSON of GET /v1/receipts/<request id>")
    return value


def _number(fields: Mapping[str, Any], name: str) -> int:
    """Digits or a JSON integer, from 0 to 2**256 - 1."""
    value = fields.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,78}", text) or int(text) >= 2**256:
        raise MalformedRequest(f"the receipt's {name} is {str(value)[:80]!r}, no number from 0 to 2**256 - 1")
    return int(text)


def _raw(fields: Mapping[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(_text(fields, name).removeprefix("0x"))
    except ValueError:
        raise MalformedRequest(f"the receipt's {name} is not hexadecimal") from None
