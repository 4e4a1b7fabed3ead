"""`TokenMarket`: offers and what is left of them."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.db.tables.chain import Listing
from indexer.projections.handler import Handler
from indexer.rows import Rows


def listed(event: DecodedEvent, rows: Rows) -> None:
    """Units were offered. Id and units are any 256-bit numbers: nobody checks that the seller has them."""
    args = event.args
    rows.edit(Listing, args["listingId"]).update(
        seller=args["seller"],
        token=args["token"],
        token_id=args["id"],
        units=args["units"],
        unit_price=args["unitPrice"],
        currency=args["currency"],
        expiry=args["expiry"],
        created_at=rows.block.timestamp,
    )


def cancelled(event: DecodedEvent, rows: Rows) -> None:
    """The seller took the offer back."""
    rows.edit(Listing, event.args["listingId"])["open"] = False


def filled(event: DecodedEvent, rows: Rows) -> None:
    """A part of the offer was sold."""
    remaining = event.args["remaining"]
    rows.edit(Listing, event.args["listingId"]).update(units=remaining, open=remaining > 0)


HANDLERS: Final[Mapping[str, Handler]] = {"Listed": listed, "Cancelled": cancelled, "Filled": filled}
