"""`EmporionToken`: balances of EMP."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.db.tables.chain import TokenBalance
from indexer.projections.handler import Handler
from indexer.projections.transfers import move
from indexer.rows import Rows


def transferred(event: DecodedEvent, rows: Rows) -> None:
    """EMP moved, was minted or burnt."""
    args = event.args
    move(rows, TokenBalance, "amount", event.log.address, args["from"], args["to"], args["value"])


HANDLERS: Final[Mapping[str, Handler]] = {"Transfer": transferred}
