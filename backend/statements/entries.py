"""The nouns of a statement: events as they were told, what they are about, and the lines they make. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple


class Category(StrEnum):
    """What a line is to whoever does the books."""

    INCOME = "income"
    REWARD = "reward"
    ROYALTY = "royalty"
    DISPOSAL = "disposal"
    GIFT = "gift"
    TRANSFER = "transfer"
    EXPENSE = "expense"


class Asset(NamedTuple):
    """What a quantity counts: units of a plan, shares of a service, a service itself, or money."""

    kind: Literal["plan", "shares", "service", "currency"]
    id: int


class Event(NamedTuple):
    """An event of the outbox. `args` as `chain.outbox` spells them: integers as text, bytes as 0x."""

    contract: str
    name: str
    block: int
    log_index: int
    time: int
    tx: bytes
    args: Mapping[str, Any]

    def number(self, name: str) -> int:
        """An integer argument."""
        return int(self.args[name])


NO_LOG = -1
"""Place in its block of what no log tells: before all logs."""


class PlanTerms(NamedTuple):
    """What a line needs to know of a plan; `unit_price` in base units of `currency`."""

    currency: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Market:
    """What events refer to: plans and currencies of listings by id, our contracts' names by 0x address.

    `emp` is the index of EMP in the table of currencies, -1 where it is not in it.
    """

    plans: Mapping[int, PlanTerms]
    listings: Mapping[int, int]
    contracts: Mapping[str, str]
    emp: int = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """A line. `held` is how the account's own units of the asset changed, `cash` how its money did.

    `amount` is what the line is worth in base units of `currency`, cash or not; `quantity` has no sign.
    `basis` says what acquired units cost: what was paid, nothing, or that nobody knows.
    """

    event: Event
    kind: str
    category: Category
    asset: Asset
    quantity: int
    held: int = 0
    currency: int | None = None
    amount: int = 0
    cash: int = 0
    counterparty: str | None = None
    basis: Literal["amount", "zero", "unknown"] = field(default="amount")

    @property
    def position(self) -> tuple[int, int]:
        """Its place on the chain."""
        return self.event.block, self.event.log_index


def of_money(
    event: Event,
    kind: str,
    category: Category,
    currency: int,
    cash: int,
    *,
    counterparty: str | None = None,
    moved: bool = True,
) -> Entry:
    """A line about money alone: what came (+) or left (-); `moved` false where it went past the account."""
    return Entry(
        event,
        kind,
        category,
        Asset("currency", currency),
        quantity=abs(cash),
        currency=currency,
        amount=abs(cash),
        cash=cash if moved else 0,
        counterparty=counterparty,
    )
