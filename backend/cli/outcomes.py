"""What a mined transaction did, from its events, in words people use: money, dates, what is held now."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from backend.chain.bindings import Contracts
from backend.chain.client import Receipt
from backend.cli.output import money
from backend.core.deployment import DeployedCurrency
from backend.core.errors import Unprocessable
from backend.core.units import ServiceStatus, hex_of

EMP_DECIMALS: Final = 18


def told(contracts: Contracts, receipt: Receipt, **facts: Any) -> dict[str, Any]:
    """The facts, what the events say, and where it was mined. Keys `..._base_units` are exact, as text."""
    for event in contracts.events_of(receipt):
        facts |= _effect(event.name, event.args)
    facts |= received(contracts, receipt)
    return facts | {
        "transaction": hex_of(receipt.tx_hash),
        "block": receipt.block_number,
        "gas": receipt.gas_used,
    }


def received(contracts: Contracts, receipt: Receipt) -> dict[str, Any]:
    """What a claim paid, by currency; nothing where the receipt has no claim."""
    sums: dict[int, int] = {}
    for event in contracts.events_of(receipt):
        if event.name in ("Claimed", "RewardsClaimed") and not event.args.get("compounded"):
            index = int(event.args["currency"])
            sums[index] = sums.get(index, 0) + int(event.args["amount"])
    return moneys(contracts.deployment.currencies, sums, "received") if any(sums.values()) else {}


def moneys(currencies: Sequence[DeployedCurrency], sums: Mapping[int, int], name: str) -> dict[str, Any]:
    """Amounts by currency index, for people and, exactly, for programs; those of 0 are left out."""
    lines = {index: currency_of(currencies, index) for index in sorted(sums) if sums[index]}
    return {
        name: [money(sums[index], line.decimals, line.symbol) for index, line in lines.items()],
        f"{name}_base_units": {line.symbol: str(sums[index]) for index, line in lines.items()},
    }


def cost(contracts: Contracts, index: int, amount: int, name: str = "cost") -> dict[str, Any]:
    """An amount of a currency, for people and, exactly, for programs."""
    line = currency_of(contracts.deployment.currencies, index)
    return {name: money(amount, line.decimals, line.symbol), f"{name}_base_units": str(amount)}


def emp(amount: int, name: str) -> dict[str, Any]:
    """An amount of EMP, for people and, exactly, for programs."""
    return {name: money(amount, EMP_DECIMALS, "EMP"), f"{name}_base_units": str(amount)}


def currency_of(currencies: Sequence[DeployedCurrency], index: int) -> DeployedCurrency:
    """The currency at a place of the table; one the record does not know counts base units."""
    known = {line.index: line for line in currencies}
    return known.get(index) or DeployedCurrency(index, "", f"of currency {index}", "", 0)


def named(currencies: Sequence[DeployedCurrency], symbol: str, place: str = "") -> DeployedCurrency:
    """The currency of a symbol. Raises Unprocessable, naming those there are."""
    for line in currencies:
        if line.symbol.lower() == symbol.lower():
            return line
    known = ", ".join(line.symbol for line in currencies)
    raise Unprocessable(f"{place}{symbol} is no currency here; choose one of {known}")


def moment(timestamp: int) -> str:
    """Unix seconds as a date and a time."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError):
        return "for ever"


def position(index: int, amount: int, score: int, end: int) -> dict[str, Any]:
    """A lock of EMP: its score has as many decimals as EMP."""
    return {
        "position": index,
        **emp(amount, "amount"),
        "score": money(score, EMP_DECIMALS, ""),
        "score_base_units": str(score),
        "until": moment(end),
    }


def _position(args: Mapping[str, Any]) -> dict[str, Any]:
    return position(args["index"], args["amount"], args["score"], args["end"])


def _effect(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """What an event changed for the wallet that sent the transaction."""
    effect = _EFFECTS.get(name)
    return effect(args) if effect else {}


_EFFECTS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "Activated": lambda args: {"access_until": moment(args["accessUntil"])},
    "Deposited": lambda args: {"credits_in_tab": args["balance"]},
    "Withdrawn": lambda args: {"withdrawn": args["units"], "credits_in_tab": args["balance"]},
    "WithdrawalSet": lambda args: {"ready_at": moment(args["withdrawAt"]) if args["withdrawAt"] else None},
    "TabOptionsSet": lambda args: {"daily_limit": args["dailyLimit"], "vouchers": args["vouchers"]},
    "Locked": _position,
    "Increased": lambda args: (
        _position(args) | emp(args["added"], "compounded" if args["compounded"] else "added")
    ),
    "Extended": _position,
    "Unlocked": lambda args: {"position": args["index"], **emp(args["amount"], "unlocked")},
    "StatusSet": lambda args: {"status": ServiceStatus(args["status"]).name.lower()},
    "SaleOpenSet": lambda args: {"sale": "open" if args["open"] else "closed"},
    "BondAdded": lambda args: emp(args["bond"], "bond"),
    "UnbondRequested": lambda args: emp(args["unbonding"], "unbonding"),
    "Unbonded": lambda args: emp(args["amount"], "unbonded") | emp(args["bond"], "bond"),
}
