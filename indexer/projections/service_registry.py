"""`ServiceRegistry`: services, their bonds, meters, challenges and upstreams."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.core.units import ZERO_ADDRESS
from backend.db.tables.chain import Service, Upstream
from indexer.projections.handler import Handler
from indexer.projections.text import storable
from indexer.rows import Rows
from indexer.shapes import Row


def _service(event: DecodedEvent, rows: Rows) -> Row:
    return rows.edit(Service, event.args["serviceId"])


def transferred(event: DecodedEvent, rows: Rows) -> None:
    """The service's token changed hands; at registration it was minted."""
    rows.edit(Service, event.args["tokenId"])["owner"] = event.args["to"]


def registered(event: DecodedEvent, rows: Rows) -> None:
    """A service began, with what it is derived from."""
    args = event.args
    _service(event, rows).update(
        owner=args["provider"],
        kind=args["kind"],
        meter=args["meter"],
        uri=storable(args["uri"]),
        content_hash=args["contentHash"],
        bond=args["bond"],
        created_at=rows.block.timestamp,
        created_block=rows.block.number,
    )
    for upstream in args["upstreams"]:
        rows.edit(Upstream, args["serviceId"], upstream["serviceId"])["bps"] = upstream["bps"]


def metadata_set(event: DecodedEvent, rows: Rows) -> None:
    """The document was replaced."""
    _service(event, rows).update(uri=storable(event.args["uri"]), content_hash=event.args["contentHash"])


def meter_set(event: DecodedEvent, rows: Rows) -> None:
    """The meter key was replaced; the one before may settle for a while."""
    previous = event.args["previousMeter"]
    _service(event, rows).update(
        meter=event.args["meter"],
        previous_meter=None if previous == ZERO_ADDRESS else previous,
        previous_meter_until=event.args["previousMeterUntil"],
    )


def status_set(event: DecodedEvent, rows: Rows) -> None:
    """Active, paused or retired."""
    _service(event, rows).update(status=event.args["status"], retired_at=event.args["retiredAt"])


def bond_set(event: DecodedEvent, rows: Rows) -> None:
    """EMP joined the bond."""
    _service(event, rows)["bond"] = event.args["bond"]


def unbond_requested(event: DecodedEvent, rows: Rows) -> None:
    """A part of the bond was asked back."""
    _service(event, rows).update(
        unbonding=event.args["unbonding"], unbond_requested_at=event.args["requestedAt"]
    )


def unbonded(event: DecodedEvent, rows: Rows) -> None:
    """The part asked for left; the request ended with it."""
    _service(event, rows).update(bond=event.args["bond"], unbonding=0, unbond_requested_at=0)


def slashed(event: DecodedEvent, rows: Rows) -> None:
    """The court took a part of the bond."""
    _service(event, rows).update(bond=event.args["bond"], unbonding=event.args["unbonding"])


def underbonded_set(event: DecodedEvent, rows: Rows) -> None:
    """The bond is below the minimum since then; 0 clears."""
    _service(event, rows)["underbonded_since"] = event.args["since"]


def challenged(event: DecodedEvent, rows: Rows) -> None:
    """A sign of life is due."""
    _service(event, rows).update(
        challenger=event.args["challenger"],
        challenge_deposit=event.args["deposit"],
        challenge_until=event.args["answerBy"],
    )


def challenge_ended(event: DecodedEvent, rows: Rows) -> None:
    """Answered, or not in time."""
    _service(event, rows).update(challenger=None, challenge_deposit=0, challenge_until=0)


def disputes_set(event: DecodedEvent, rows: Rows) -> None:
    """Disputes not resolved yet."""
    _service(event, rows)["open_disputes"] = event.args["openDisputes"]


HANDLERS: Final[Mapping[str, Handler]] = {
    "Transfer": transferred,
    "ServiceRegistered": registered,
    "MetadataSet": metadata_set,
    "MeterSet": meter_set,
    "StatusSet": status_set,
    "BondAdded": bond_set,
    "UnbondRequested": unbond_requested,
    "Unbonded": unbonded,
    "Slashed": slashed,
    "UnderbondedSet": underbonded_set,
    "Challenged": challenged,
    "ChallengeEnded": challenge_ended,
    "DisputesSet": disputes_set,
}
