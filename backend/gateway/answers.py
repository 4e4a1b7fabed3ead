"""What answers say beside the upstream's bytes: plan, credits left, deciding block, receipt."""

from functools import lru_cache
from typing import Any, Final

import orjson

from backend.core.units import MICRO, Address, MicroCredits, checksum, hex_of
from backend.gateway.admission import Admitted
from backend.gateway.asgi import Headers
from backend.meter.schemas import Receipt

EXPOSED: Final = (
    "x-request-id",
    "emporion-plan",
    "emporion-credits-remaining",
    "emporion-receipt",
    "emporion-block",
    "emporion-index-lag",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
)
"""Headers that browsers on other origins may read."""


@lru_cache(maxsize=4_096)
def _spelled(address: Address) -> str:
    """An address's checksum costs a hash; the same few appear in every receipt."""
    return checksum(address)


def credits_text(amount: MicroCredits) -> str:
    """Credits with six places, exact: `41.239870`."""
    return f"{amount // MICRO}.{amount % MICRO:06d}"


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the API gives it: big integers as text, bytes as 0x hexadecimal."""
    body = receipt.body
    return {
        "request_id": receipt.request_id,
        "chain_id": receipt.chain_id,
        "sequence": receipt.sequence,
        "payer": _spelled(body.payer),
        "plan_id": body.plan_id,
        "service_id": body.service_id,
        "model_digest": hex_of(body.model_digest),
        "request_hash": hex_of(body.request_hash),
        "response_hash": hex_of(body.response_hash),
        "units_in": body.units_in,
        "units_out": body.units_out,
        "micro_credits": str(body.micro_credits),
        "cumulative_micro_credits": str(body.cumulative_micro_credits),
        "issued_at": body.issued_at,
        "previous_receipt": hex_of(body.previous_receipt),
        "digest": hex_of(receipt.digest),
        "meter": _spelled(Address(receipt.meter)),
        "signature": hex_of(receipt.signature),
    }


def decided_headers(admitted: Admitted[Any], late_by: int | None) -> Headers:
    """What is known before the upstream answers."""
    standing = admitted.standing
    found: Headers = [
        (b"x-request-id", admitted.asked.request_id.encode()),
        (b"emporion-plan", str(admitted.grant.terms.plan_id).encode()),
        (b"emporion-block", f"{standing.block_number} {hex_of(standing.block_hash)}".encode()),
    ]
    if late_by is not None:
        found.append((b"emporion-index-lag", str(late_by).encode()))
    return found + admitted.slot.headers()


def paid_headers(admitted: Admitted[Any], receipt: Receipt) -> Headers:
    """What is known once the answer is complete."""
    found: Headers = [(b"emporion-receipt", orjson.dumps(receipt_json(receipt)))]
    if admitted.hold is not None:
        found.append((b"emporion-credits-remaining", credits_text(receipt.remaining).encode()))
    return found


def receipt_comment(admitted: Admitted[Any], receipt: Receipt) -> bytes:
    """The SSE comment before `[DONE]`: other readers skip it."""
    said = receipt_json(receipt)
    if admitted.hold is not None:
        said["credits_remaining"] = credits_text(receipt.remaining)
    return b": emporion-receipt " + orjson.dumps(said) + b"\n\n"
