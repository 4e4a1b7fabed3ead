"""Random play: who could do what next, in a world of a few accounts, drawn from any source of chance.

Most of what is drawn is something that can be done; the rest is a little or very wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from tests.model.protocol import Model
from tests.model.records import DAY, HOUR, NOBODY, Entry
from tests.model.refusal import UINT256_MAX

T = TypeVar("T")
STEPS: Final = (1, 1, 12, HOUR, HOUR, 13 * HOUR, DAY, DAY, 2 * DAY, 7 * DAY, 46 * DAY, 200 * DAY)


class Chance(Protocol):
    """Where choices come from."""

    def one(self, options: Sequence[T]) -> T:
        """One of the options; there is at least one."""
        ...

    def number(self, low: int, high: int) -> int:
        """A number within bounds, both included."""
        ...


class Dice:
    """Chance from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.random.randrange(len(options))]

    def number(self, low: int, high: int) -> int:
        """A number within bounds."""
        return self.random.randint(low, high)


class Call(NamedTuple):
    """A transaction in the model's terms."""

    contract: str
    function: str
    caller: bytes
    arguments: tuple[Any, ...]


def signed_in(call: Call) -> dict[tuple[int, bytes], int]:
    """Most that each payer signed for among the lines of a settlement, by (plan, payer)."""
    signed: dict[tuple[int, bytes], int] = {}
    entries: Sequence[Entry] = call.arguments[1] if call.function == "settle" else ()
    for payer, _, _, voucher in entries:
        if voucher is not None and voucher.signer == voucher.payer == payer:
            key = (voucher.plan_id, payer)
            signed[key] = max(voucher.covered, signed.get(key, 0))
    return signed


@dataclass(frozen=True, slots=True)
class Scene:
    """The world as those see it who choose what to do."""

    model: Model
    accounts: Sequence[bytes]
    chance: Chance

    def somebody(self) -> bytes:
        """One of the accounts."""
        return self.chance.one(self.accounts)

    def seldom(self) -> bool:
        """One time in ten."""
        return self.chance.number(0, 9) == 9

    def mostly(self, right: bytes) -> bytes:
        """The right account, seldom another; never a contract, which signs nothing."""
        return self.somebody() if self.seldom() or right in self.model.site.code else right

    def receiver(self, right: bytes) -> bytes:
        """The right account, seldom another, nobody, or a contract: but gifts to the market are no sale."""
        if not self.seldom():
            return right
        contracts = [at for name, at in self.model.site.contracts.items() if name != "TokenMarket"]
        return self.chance.one([self.somebody(), NOBODY, self.chance.one(contracts)])

    def amount(self, most: int) -> int:
        """From 1 to the most; seldom nothing, one too many, or far too many."""
        if self.seldom():
            return self.chance.one([0, most + 1, UINT256_MAX, 2**96, 2**64])
        return self.chance.one([most, self.chance.number(min(1, most), max(most, 1)), 1, min(most, 2)])

    def service(self) -> int:
        """A service, seldom one that is not there."""
        known = list(self.model.state.registry.services)
        return self.chance.one([*known, 9]) if self.seldom() or not known else self.chance.one(known)

    def owner_of(self, number: int) -> bytes:
        """Its provider, seldom somebody else."""
        service = self.model.state.registry.services.get(number)
        return self.mostly(service.owner) if service else self.somebody()

    def meter_of(self, number: int) -> bytes:
        """Its meter, seldom somebody else."""
        service = self.model.state.registry.services.get(number)
        return self.mostly(service.meter if service and service.meter != NOBODY else self.accounts[0])

    def plan(self, *kinds: int) -> int:
        """A plan of one of these kinds, seldom another or one that is not there."""
        known = list(self.model.state.access.plans)
        wanted = [plan_id for plan_id in known if not kinds or plan_id & 3 in kinds]
        return self.chance.one([*known, 9 << 20, 1 << 20 | 3]) if self.seldom() or not wanted else (
            self.chance.one(wanted)
        )  # fmt: skip

    def currency(self) -> int:
        """A currency, seldom one that is not there."""
        known = len(self.model.state.access.currencies)
        return self.chance.one([known, 7, 8, 255]) if self.seldom() else self.chance.number(0, known - 1)

    def holder(self, contract: str, token_id: int) -> bytes:
        """Somebody who holds units of a token, seldom somebody else."""
        units = self.model.state.units
        found = [a for (c, i, a), n in units.items() if n and c == contract and i == token_id]
        found = [account for account in found if account in self.accounts]
        return self.mostly(self.chance.one(found)) if found else self.somebody()
