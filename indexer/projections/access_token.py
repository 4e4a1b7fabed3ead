"""`AccessToken`: plans and their counters, holdings, access, purchases, the table of currencies."""

from collections.abc import Mapping
from typing import Final

from backend.chain.events import DecodedEvent
from backend.core.units import Then
from backend.db.tables.chain import Access, Currency, Holding, Plan, Purchase
from indexer.projections.handler import Handler
from indexer.projections.transfers import move
from indexer.rows import Rows


def plan_created(event: DecodedEvent, rows: Rows) -> None:
    """A plan began; its terms never change."""
    args, terms = event.args, event.args["terms"]
    rows.edit(Plan, args["planId"]).update(
        service_id=args["serviceId"],
        kind=terms["kind"],
        transferable=terms["transferable"],
        refundable=terms["refundable"],
        measure=terms["measure"],
        currency=terms["currency"],
        royalty_bps=terms["royaltyBps"],
        unit_price=terms["unitPrice"],
        period=terms["period"],
        supply_cap=terms["supplyCap"],
        account_cap=terms["accountCap"],
        sale_start=terms["saleStart"],
        early_seconds=terms["earlySeconds"],
        early_score=terms["earlyScore"],
        limits_hash=terms["limitsHash"],
        per_request=terms["perRequest"],
        per_unit_in=terms["perUnitIn"],
        per_unit_out=terms["perUnitOut"],
        fee_bps=args["feeBps"],
        created_at=rows.block.timestamp,
        created_block=rows.block.number,
    )


def sale_open_set(event: DecodedEvent, rows: Rows) -> None:
    """The holder opened or closed sales."""
    rows.edit(Plan, event.args["planId"])["sale_open"] = event.args["open"]


def bought(event: DecodedEvent, rows: Rows) -> None:
    """Units were sold; what they became is told by the events beside this one."""
    args = event.args
    plan = rows.edit(Plan, args["planId"])
    plan.update(supply=args["supply"], sold=args["sold"], last_sale_at=rows.block.timestamp)
    plan["paid"] += args["cost"]
    if args["bought"]:  # counted only where the plan has a cap per account
        rows.edit(Access, args["planId"], args["payer"])["bought"] = args["bought"]
    rows.add(
        Purchase,
        (event.log.block_number, event.log.log_index),
        tx_hash=event.log.tx_hash,
        timestamp=rows.block.timestamp,
        plan_id=args["planId"],
        payer=args["payer"],
        recipient=args["recipient"],
        units=args["units"],
        cost=args["cost"],
        then=int(Then(args["then"])),
    )


def activated(event: DecodedEvent, rows: Rows) -> None:
    """Units became time."""
    args = event.args
    rows.edit(Plan, args["planId"])["supply"] = args["supply"]
    rows.edit(Access, args["planId"], args["beneficiary"])["access_until"] = args["accessUntil"]


def consumed(event: DecodedEvent, rows: Rows) -> None:
    """Credits were burnt; the money they release is told by `RevenueShares`."""
    rows.edit(Plan, event.args["planId"])["supply"] = event.args["supply"]


def refunded(event: DecodedEvent, rows: Rows) -> None:
    """Units were burnt and their price returned."""
    plan = rows.edit(Plan, event.args["planId"])
    plan.update(supply=event.args["supply"], sold=event.args["sold"])
    plan["refunded"] += event.args["amount"]


def transferred(event: DecodedEvent, rows: Rows) -> None:
    """Units of one plan moved, were minted or burnt."""
    args = event.args
    move(rows, Holding, "units", args["id"], args["from"], args["to"], args["value"])


def transferred_batch(event: DecodedEvent, rows: Rows) -> None:
    """Units of several plans moved."""
    args = event.args
    for plan_id, units in zip(args["ids"], args["values"], strict=True):
        move(rows, Holding, "units", plan_id, args["from"], args["to"], units)


def currency_added(event: DecodedEvent, rows: Rows) -> None:
    """A currency joined the table."""
    rows.edit(Currency, event.args["index"]).update(token=event.args["token"], open=True)


def currency_open_set(event: DecodedEvent, rows: Rows) -> None:
    """A currency was closed or reopened."""
    rows.edit(Currency, event.args["index"])["open"] = event.args["open"]


HANDLERS: Final[Mapping[str, Handler]] = {
    "PlanCreated": plan_created,
    "SaleOpenSet": sale_open_set,
    "Bought": bought,
    "Activated": activated,
    "Consumed": consumed,
    "Refunded": refunded,
    "TransferSingle": transferred,
    "TransferBatch": transferred_batch,
    "CurrencyAdded": currency_added,
    "CurrencyOpenSet": currency_open_set,
}
