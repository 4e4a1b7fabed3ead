"""Events for readers: one row an event, one more for each that a reorganisation takes back."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from backend.chain.events import DecodedEvent, Header
from backend.core.units import plan_service
from backend.db.tables.chain import Outbox
from indexer.shapes import RAW, Row
from indexer.spelling import outbox_json
from indexer.statements import Statements

SHAPE: Final = RAW[Outbox]
ID_LIMIT: Final = 2**63
_ACTORS: Final = ("payer", "holder", "owner", "buyer", "seller", "account", "provider", "challenger", "from")
"""Whose event it is: the first of these an event names."""


def outbox_row(chain_id: int, event: DecodedEvent, block: Header) -> Row:
    """The row of an event; its id is given when it is written."""
    args = event.args
    service_id, plan_id = subject_of(event)
    return {
        "id": None,
        "chain_id": chain_id,
        "block_number": block.number,
        "block_hash": block.hash,
        "log_index": event.log.log_index,
        "timestamp": block.timestamp,
        "tx_hash": event.log.tx_hash,
        "contract": event.contract,
        "event": event.name,
        "service_id": service_id,
        "plan_id": plan_id,
        "account": next((args[name] for name in _ACTORS if name in args), None),
        "args": outbox_json(args),
        "retracts": None,
    }


def subject_of(event: DecodedEvent) -> tuple[int | None, int | None]:
    """The service and the plan an event is about."""
    args: Mapping[str, Any] = event.args
    plan_id: int | None = args.get("planId")
    if event.contract == "AccessToken":
        plan_id = args.get("id", plan_id)
    service_id = args.get("serviceId", args.get("upstreamId"))
    if event.contract == "RevenueShares":
        service_id = args.get("id", service_id)
    if event.contract == "ServiceRegistry":
        service_id = args.get("tokenId", service_id)
    if service_id is None and plan_id is not None:
        service_id = plan_service(plan_id)
    return _fitting(service_id), _fitting(plan_id)


def _fitting(number: int | None) -> int | None:
    """The id, if it can be one: anybody may move none of a token whose id is any 256-bit number."""
    return number if number is not None and number < ID_LIMIT else None


def append(db: Statements, rows: Sequence[Row]) -> None:
    """Write rows under the next ids. There is one writer, so ids follow the order of commits."""
    if not rows:
        return
    last = db.run("SELECT max(id) FROM chain.outbox")[0][0] or 0
    for number, row in enumerate(rows, last + 1):
        row["id"] = number
    db.insert(SHAPE, rows)


def retractions(db: Statements, chain_id: int, above: int) -> list[Row]:
    """A row for every event above a block that was not taken back yet, the newest first."""
    names = ", ".join(f'"{name}"' for name in SHAPE.columns)
    mark = db.mark
    found = db.run(
        f"SELECT {names} FROM chain.outbox o WHERE chain_id = {mark} AND block_number > {mark} "
        "AND retracts IS NULL AND NOT EXISTS (SELECT 1 FROM chain.outbox r WHERE r.retracts = o.id) "
        "ORDER BY block_number DESC, log_index DESC",
        chain_id,
        above,
    )
    return [_retraction(dict(zip(SHAPE.columns, row, strict=True))) for row in found]


def _retraction(row: Row) -> Row:
    # PostgreSQL's driver gives the document parsed; its values are spelled already and stay as they are.
    args = row["args"] if isinstance(row["args"], str) else outbox_json(row["args"])
    return {**row, "args": args, "retracts": row["id"]}


def rows_of(chain_id: int, events: Iterable[tuple[DecodedEvent, Header]]) -> list[Row]:
    """Rows of events in order."""
    return [outbox_row(chain_id, event, block) for event, block in events]
