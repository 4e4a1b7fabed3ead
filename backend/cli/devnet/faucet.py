"""Gives accounts of a devnet what they need: gas, test dollars, EMP."""

from dataclasses import dataclass
from typing import Final

from backend.chain.bindings import Contracts
from backend.chain.sender import Sender
from backend.cli.devnet.controls import Controls

GAS: Final = 10 * 10**18
DOLLARS: Final = 10_000 * 10**6
EMP: Final = 10_000 * 10**18


@dataclass(frozen=True, slots=True)
class Gift:
    """Wei, dollar base units, EMP base units."""

    gas: int = GAS
    dollars: int = DOLLARS
    emp: int = EMP


class Faucet:
    """Pays from the operator, who holds the EMP."""

    def __init__(self, contracts: Contracts, controls: Controls, operator: Sender) -> None:
        self._contracts = contracts
        self._controls = controls
        self._operator = operator

    async def fund(self, account: bytes, gift: Gift | None = None) -> Gift:
        """Add the gift to what the account has; what was given."""
        gift = gift or Gift()
        if gift.gas:
            await self._controls.give_gas(account, gift.gas)
        payments = []
        if gift.dollars:
            payments.append(self._contracts.dollar.mint(account, gift.dollars))
        if gift.emp:
            payments.append(self._contracts.emp.transfer(account, gift.emp))
        await self._operator.send_all(payments)
        return gift
