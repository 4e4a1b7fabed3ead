"""`UsageEscrow`: tabs, and the settlements that spend them."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.db.tables.chain import Settlement, Tab
from indexer.projections.handler import Handler
from indexer.rows import Rows
from indexer.shapes import Row


def _tab(event: DecodedEvent, rows: Rows) -> Row:
    return rows.edit(Tab, event.args["planId"], event.args["payer"])


def deposited(event: DecodedEvent, rows: Rows) -> None:
    """Credits joined the tab."""
    _tab(event, rows)["balance"] = event.args["balance"]


def settled(event: DecodedEvent, rows: Rows) -> None:
    """The meter took what was used."""
    args = event.args
    _tab(event, rows).update(
        balance=args["balance"], settled=args["settled"], spent=args["spent"], day=args["day"] % 2**16
    )
    rows.add(
        Settlement,
        (event.log.block_number, event.log.log_index),
        tx_hash=event.log.tx_hash,
        timestamp=rows.block.timestamp,
        plan_id=args["planId"],
        payer=args["payer"],
        meter=args["meter"],
        units=args["units"],
        settled=args["settled"],
        balance=args["balance"],
        receipts_root=args["receiptsRoot"],
    )


def withdrawal_set(event: DecodedEvent, rows: Rows) -> None:
    """A withdrawal was asked for, hastened, or taken back (0)."""
    _tab(event, rows)["withdraw_at"] = event.args["withdrawAt"]


def withdrawn(event: DecodedEvent, rows: Rows) -> None:
    """Credits left, and the request ended with them."""
    _tab(event, rows).update(balance=event.args["balance"], withdraw_at=0)


def options_set(event: DecodedEvent, rows: Rows) -> None:
    """The payer chose vouchers or a daily limit."""
    _tab(event, rows).update(vouchers=event.args["vouchers"], daily_limit=event.args["dailyLimit"])


HANDLERS: Final[Mapping[str, Handler]] = {
    "Deposited": deposited,
    "Settled": settled,
    "WithdrawalSet": withdrawal_set,
    "Withdrawn": withdrawn,
    "TabOptionsSet": options_set,
}
