"""`RevenueShares`: who owns how much of a service, and what it earned them, to the millionth of a base unit.

As in the contract, an accumulator is the total ever distributed; an account is owed
``shares * (total - checkpoint)`` millionths since its last touch, so nothing is ever divided.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.core.units import SERVICE_ID_LIMIT, ZERO_ADDRESS
from backend.db.tables.chain import FeePool, Plan, Share, ShareAccount, ShareRevenue
from indexer.projections.handler import Handler
from indexer.projections.transfers import move
from indexer.rows import Rows

CURRENCIES: Final = 8
"""Length limit of the table of currencies."""


def touch(rows: Rows, service_id: int, account: bytes, currencies: Iterable[int] = range(CURRENCIES)) -> None:
    """Credit an account with what its shares earned so far."""
    share = rows.find(Share, service_id, account)
    for currency in currencies:
        revenue = rows.find(ShareRevenue, service_id, currency)
        known = rows.find(ShareAccount, service_id, currency, account)
        total = revenue["distributed"] if revenue else 0
        if total == (known["checkpoint"] if known else 0):
            continue
        row = rows.edit(ShareAccount, service_id, currency, account)
        row["owed"] += (share["units"] if share else 0) * (total - row["checkpoint"])
        row["checkpoint"] = total


def _shares_moved(rows: Rows, service_id: int, sender: bytes, receiver: bytes, units: int) -> None:
    if service_id >= SERVICE_ID_LIMIT:
        return  # anybody may move none of a token that cannot be
    for account in {sender, receiver} - {ZERO_ADDRESS}:
        touch(rows, service_id, account)
    move(rows, Share, "units", service_id, sender, receiver, units)


def transferred(event: DecodedEvent, rows: Rows) -> None:
    """Shares of one service moved or were minted; what accrued stays with who held them."""
    args = event.args
    _shares_moved(rows, args["id"], args["from"], args["to"], args["value"])


def transferred_batch(event: DecodedEvent, rows: Rows) -> None:
    """Shares of several services moved."""
    args = event.args
    for service_id, units in zip(args["ids"], args["values"], strict=True):
        _shares_moved(rows, service_id, args["from"], args["to"], units)


def _earned(rows: Rows, service_id: int, currency: int, total: int, revenue: int) -> None:
    row = rows.edit(ShareRevenue, service_id, currency)
    row["distributed"] = total
    row["released"] += revenue


def released(event: DecodedEvent, rows: Rows) -> None:
    """Money of consumed units was split between fee, upstreams and the service."""
    args = event.args
    _earned(rows, args["serviceId"], args["currency"], args["total"], args["amount"])
    rows.edit(FeePool, args["currency"])["pending"] = args["fees"]
    rows.edit(Plan, args["planId"])["revenue"] += args["gross"]


def upstream_paid(event: DecodedEvent, rows: Rows) -> None:
    """An upstream's part of a release: revenue of the upstream."""
    args = event.args
    _earned(rows, args["upstreamId"], args["currency"], args["total"], args["amount"])


def distributed(event: DecodedEvent, rows: Rows) -> None:
    """A royalty or a gift: shared out, no revenue."""
    _earned(rows, event.args["serviceId"], event.args["currency"], event.args["total"], 0)


def claimed(event: DecodedEvent, rows: Rows) -> None:
    """An account was paid; less than one base unit stays owed."""
    args = event.args
    touch(rows, args["serviceId"], args["account"], [args["currency"]])
    row = rows.edit(ShareAccount, args["serviceId"], args["currency"], args["account"])
    row["owed"] = args["owed"]
    row["claimed"] += args["amount"]


def fees_flushed(event: DecodedEvent, rows: Rows) -> None:
    """The gathered fees left."""
    pool = rows.edit(FeePool, event.args["currency"])
    pool["pending"] = 0
    pool["flushed"] += event.args["amount"]


HANDLERS: Final[Mapping[str, Handler]] = {
    "TransferSingle": transferred,
    "TransferBatch": transferred_batch,
    "Released": released,
    "UpstreamPaid": upstream_paid,
    "Distributed": distributed,
    "Claimed": claimed,
    "FeesFlushed": fees_flushed,
}
