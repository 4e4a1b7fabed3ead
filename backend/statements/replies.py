"""A statement as JSON. Pure."""

from collections.abc import Sequence

from backend.core.units import checksum, hex_of, to_address
from backend.statements.entries import NO_LOG, Category
from backend.statements.ledger import Line
from backend.statements.periods import END_OF_TIME
from backend.statements.schemas import StatementCurrency, StatementLine, StatementReply, StatementTotal
from backend.statements.service import Statement


def reply_of(statement: Statement) -> StatementReply:
    """All of it, with totals and what is missing."""
    lines = statement.lines
    return StatementReply(
        account=checksum(statement.account),
        chain_id=statement.chain_id,
        start=statement.period.start,
        end=None if statement.period.end == END_OF_TIME else statement.period.end,
        method=statement.method,
        quote=statement.quote,
        block_number=statement.block,
        block_hash=hex_of(statement.block_hash),
        missing_prices=sum(line.price_missing for line in lines),
        missing_basis=sum(basis_missing(line) for line in lines),
        missing_gas=gas_missing(statement),
        currencies=[
            StatementCurrency(index=index, symbol=line.symbol, decimals=line.decimals)
            for index, line in statement.currencies.items()
        ],
        totals=totals_of(lines),
        lines=[_line(line) for line in lines],
    )


def basis_missing(line: Line) -> bool:
    """Whether units were disposed of and nobody knows what they cost."""
    disposed = line.entry.category is Category.DISPOSAL
    return disposed and (line.basis is None or line.basis.cost.money is None)


def gas_missing(statement: Statement) -> int:
    """Transactions in blocks that are not final yet, whoever paid for them."""
    young = (line for line in statement.lines if line.entry.event.block > statement.gas_until)
    return len({line.entry.event.tx for line in young})


def totals_of(lines: Sequence[Line]) -> list[StatementTotal]:
    """Sums by category and currency, in the order of first appearance."""
    groups: dict[tuple[Category, int | None], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.entry.category, line.entry.currency), []).append(line)
    return [_total(category, currency, group) for (category, currency), group in groups.items()]


def _total(category: Category, currency: int | None, lines: Sequence[Line]) -> StatementTotal:
    priced = all(line.value is not None for line in lines)
    return StatementTotal(
        category=category.value,
        currency=currency,
        lines=len(lines),
        amount=str(sum(line.entry.amount for line in lines)),
        cash=str(sum(line.entry.cash for line in lines)),
        gain=str(sum(line.gain or 0 for line in lines)),
        value=str(sum(line.value or 0 for line in lines)) if priced else None,
    )


def _line(line: Line) -> StatementLine:
    entry, basis = line.entry, line.basis
    money = None if basis is None else basis.cost.money
    return StatementLine(
        time=entry.event.time,
        block=entry.event.block,
        log_index=None if entry.event.log_index == NO_LOG else entry.event.log_index,
        transaction=hex_of(entry.event.tx),
        category=entry.category.value,
        kind=entry.kind,
        asset=entry.asset.kind,
        asset_id=entry.asset.id,
        quantity=str(entry.quantity),
        held=str(entry.held),
        currency=entry.currency,
        amount=str(entry.amount),
        cash=str(entry.cash),
        value=_text(line.value),
        counterparty=None if entry.counterparty is None else checksum(to_address(entry.counterparty)),
        basis=None if money is None else {index: str(amount) for index, amount in money.items()},
        basis_value=None if basis is None else _text(basis.cost.value),
        acquired_first=None if basis is None else basis.first,
        acquired_last=None if basis is None else basis.last,
        gain=_text(line.gain),
        gain_value=_text(line.gain_value),
    )


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
