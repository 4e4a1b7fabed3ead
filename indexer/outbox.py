"""Events for readers: one row an event, one more for each that a reorganisation takes back."""

# ruff: noqa: S608 (names of tables and columns are our own, values are always bound)

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from backend.chain.events import DecodedEvent, Header
from backend.core.units import plan_service
from backend.db.tables.chain import Outbox
from indexer.shapes import RAW
from indexer.spelling import outbox_json, outbox_speller
from indexer.statements import Answer, Found, Statements, Values

SHAPE: Final = RAW[Outbox]
ID_LIMIT: Final = 2**63
_ACTORS: Final = ("payer", "holder", "owner", "buyer", "seller", "account", "provider", "challenger", "from")
"""Whose event it is: the first of these an event names."""
_SUBJECTS: Final = {
    "AccessToken": ("serviceId", "id"),
    "RevenueShares": ("id", "planId"),
    "ServiceRegistry": ("tokenId", "planId"),
}
"""What a token's id is, by contract: (argument that names the service, argument that names the plan)."""
_SERVICE: Final = ("serviceId", "upstreamId")


class _Reading(NamedTuple):
    """Where an event says whose and what it is about, and how it is spelled: the same for all of its kind."""

    actor: str | None
    service: str | None
    plan: str | None
    spelled: Callable[[Mapping[str, Any]], str]


_readings: Final[dict[tuple[str, str], _Reading]] = {}


def _reading(event: DecodedEvent) -> _Reading:
    kind = (event.contract, event.name)
    if (known := _readings.get(kind)) is None:
        service, plan = _SUBJECTS.get(event.contract, ("serviceId", "planId"))
        known = _readings[kind] = _Reading(
            actor=next((name for name in _ACTORS if name in event.args), None),
            service=next((name for name in (service, *_SERVICE) if name in event.args), None),
            plan=next((name for name in (plan, "planId") if name in event.args), None),
            spelled=outbox_speller(event.args),
        )
    return known


def outbox_values(chain_id: int, event: DecodedEvent, block: Header) -> Values:
    """The row of an event but for its number, in the order of the columns."""
    reading, args, log = _reading(event), event.args, event.log
    service_id, plan_id = _subject(reading, args)
    return (
        chain_id,
        block.number,
        block.hash,
        log.log_index,
        block.timestamp,
        log.tx_hash,
        event.contract,
        event.name,
        service_id,
        plan_id,
        args[reading.actor] if reading.actor else None,
        reading.spelled(args),
        None,
    )


def _subject(reading: _Reading, args: dict[str, Any]) -> tuple[int | None, int | None]:
    """The service and the plan an event is about.

    A number that can be no id is left out: anybody may move none of a token of any 256-bit id.
    """
    plan_id: int | None = args[reading.plan] if reading.plan else None
    service_id: int | None = args[reading.service] if reading.service else None
    if plan_id is not None and plan_id >= ID_LIMIT:
        plan_id = None
    if service_id is None and plan_id is not None:
        service_id = plan_service(plan_id)
    elif service_id is not None and service_id >= ID_LIMIT:
        service_id = None
    return service_id, plan_id


def tell(db: Statements, told: Iterable[Values], last_id: int) -> None:
    """Write the rows of events, numbered on from the last row there is."""
    db.append(SHAPE, [(number, *values) for number, values in enumerate(told, last_id + 1)])


def ask_last_id(db: Statements) -> Answer[int]:
    """The number of the last row. There is one writer, so that ids follow the order of commits."""
    found = db.ask("SELECT max(id) FROM chain.outbox")
    return lambda: int(found()[0][0] or 0)


def ask_untaken(db: Statements, chain_id: int, above: int) -> Answer[Found]:
    """The rows of every event above a block that was not taken back yet, the newest first.

    Rows are in the order of steps, so those events come after the last one at or below the block.
    """
    names = ", ".join(f'"{name}"' for name in SHAPE.columns)
    mark = db.mark
    return db.ask(
        f"SELECT {names} FROM chain.outbox o WHERE chain_id = {mark} AND block_number > {mark} "
        "AND retracts IS NULL AND NOT EXISTS (SELECT 1 FROM chain.outbox r WHERE r.retracts = o.id) "
        f"AND id > coalesce((SELECT id FROM chain.outbox WHERE chain_id = {mark} AND block_number <= {mark} "
        "AND retracts IS NULL ORDER BY id DESC LIMIT 1), 0) ORDER BY id DESC",
        *(chain_id, above) * 2,
    )


def retract(db: Statements, untaken: Found, last_id: int) -> int:
    """Write a row for every event that is taken back; the number of the last one."""
    db.append(SHAPE, [_retraction(number, row) for number, row in enumerate(untaken, last_id + 1)])
    return last_id + len(untaken)


def _retraction(number: int, row: Values) -> Values:
    identity, *same, args, _ = row
    # PostgreSQL's driver gives the document parsed; its values are spelled already and stay as they are.
    return (number, *same, args if isinstance(args, str) else outbox_json(args), identity)
