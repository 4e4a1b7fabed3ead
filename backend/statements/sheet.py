"""A statement as CSV: the columns of Form 8949 first (filled for disposals), then ours. Pure."""

import csv
import io
from typing import Final

from backend.core.units import checksum, hex_of, to_address
from backend.statements.entries import NO_LOG, Asset, Category
from backend.statements.ledger import Line
from backend.statements.periods import day_of, written
from backend.statements.service import Statement
from backend.statements.valuation import VALUE_DECIMALS, plain

FORM: Final = (
    "Description of property",
    "Date acquired",
    "Date sold or disposed of",
    "Proceeds",
    "Cost or other basis",
    "Code",
    "Amount of adjustment",
    "Gain or loss",
)
OURS: Final = (
    "Class",
    "Kind",
    "Time",
    "Block",
    "Log",
    "Transaction",
    "Asset",
    "Quantity",
    "Change held",
    "Currency",
    "Amount",
    "Cash",
    "Value",
    "Value currency",
    "Basis",
    "Gain in currency",
    "Counterparty",
)
COLUMNS: Final = (*FORM, *OURS)
_LEADS: Final = ("=", "+", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula; amounts may begin with a minus."""


def sheet_of(statement: Statement) -> str:
    """The whole file, a header and a row a line. What is not known is blank."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in statement.lines:
        writer.writerow([_safe(cell) for cell in (*_form(line, statement), *_ours(line, statement))])
    return out.getvalue()


def _safe(cell: str) -> str:
    return "'" + cell if cell.startswith(_LEADS) else cell


def _form(line: Line, statement: Statement) -> tuple[str, ...]:
    if line.entry.category is not Category.DISPOSAL:
        return ("",) * len(FORM)
    basis = line.basis
    return (
        f"{line.entry.quantity} x {asset_name(line.entry.asset, statement)}",
        _acquired(line),
        day_of(line.entry.event.time),
        _value(line.value),
        _value(None if basis is None else basis.cost.value),
        "",
        "",
        _value(line.gain_value),
    )


def _acquired(line: Line) -> str:
    """The day, or VARIOUS for several (instructions to Form 8949, column b)."""
    if line.basis is None or line.basis.first is None or line.basis.last is None:
        return ""
    first, last = day_of(line.basis.first), day_of(line.basis.last)
    return first if first == last else "VARIOUS"


def _ours(line: Line, statement: Statement) -> tuple[str, ...]:
    entry = line.entry
    money = entry.currency is not None
    return (
        entry.category.value,
        entry.kind,
        written(entry.event.time),
        str(entry.event.block),
        "" if entry.event.log_index == NO_LOG else str(entry.event.log_index),
        hex_of(entry.event.tx),
        asset_name(entry.asset, statement),
        quantity_text(line, statement),
        str(entry.held),
        _symbol(entry.currency, statement) if money else "",
        _money(entry.amount, entry.currency, statement) if money else "",
        _money(entry.cash, entry.currency, statement) if money else "",
        _value(line.value),
        statement.quote,
        _basis(line, statement),
        "" if line.gain is None else _money(line.gain, entry.currency, statement),
        "" if entry.counterparty is None else checksum(to_address(entry.counterparty)),
    )


def asset_name(asset: Asset, statement: Statement) -> str:
    """`plan 1048578`, `shares of service 1`, `service 1`, or a currency's symbol."""
    if asset.kind == "currency":
        return _symbol(asset.id, statement)
    return f"shares of service {asset.id}" if asset.kind == "shares" else f"{asset.kind} {asset.id}"


def quantity_text(line: Line, statement: Statement) -> str:
    """Whole units, or money as people write it."""
    entry = line.entry
    if entry.asset.kind != "currency":
        return str(entry.quantity)
    return _money(entry.quantity, entry.asset.id, statement)


def _symbol(currency: int | None, statement: Statement) -> str:
    return "" if currency is None else statement.currencies[currency].symbol


def _money(amount: int, currency: int | None, statement: Statement) -> str:
    return "" if currency is None else plain(amount, statement.currencies[currency].decimals)


def _value(value: int | None) -> str:
    return "" if value is None else plain(value, VALUE_DECIMALS)


def _basis(line: Line, statement: Statement) -> str:
    """What the units cost: `20 tUSD`, several currencies joined; blank where nobody knows."""
    if line.basis is None or line.basis.cost.money is None:
        return ""
    money = line.basis.cost.money.items()
    return " + ".join(f"{_money(amount, c, statement)} {_symbol(c, statement)}" for c, amount in money)
