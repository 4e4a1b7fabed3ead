"""An event as subscribers get it. Pure."""

from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.units import Address, checksum, hex_of


def event_of(row: Any) -> dict[str, Any]:
    """A row of the outbox as JSON; `retracts` is the id of the event it takes back."""
    return {
        "id": row.id,
        "block_number": row.block_number,
        "block_hash": hex_of(bytes(row.block_hash)),
        "log_index": row.log_index,
        "timestamp": row.timestamp,
        "tx_hash": hex_of(bytes(row.tx_hash)),
        "contract": row.contract,
        "event": row.event,
        "service_id": row.service_id,
        "plan_id": row.plan_id,
        "account": None if row.account is None else checksum(Address(bytes(row.account))),
        "args": row.args,
        "retracts": row.retracts,
    }


def kind_of(row: Any) -> str:
    """`activity`, or `retraction` of an earlier one."""
    return "activity" if row.retracts is None else "retraction"


def sse(row: Any) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2); its id resumes the stream."""
    return f"id: {row.id}\nevent: {kind_of(row)}\ndata: ".encode() + orjson.dumps(event_of(row)) + b"\n\n"


def webhook_body(row: Any, finality: str) -> bytes:
    """The body of a webhook (Standard Webhooks: `type`, `timestamp`, `data`)."""
    at = datetime.fromtimestamp(row.timestamp, UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"type": f"{kind_of(row)}.{finality}", "timestamp": at, "data": event_of(row)})
