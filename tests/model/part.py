"""What the parts of the model share: the state, the clock, money, events, and each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.model.records import NOBODY, Event
from tests.model.refusal import refuse

if TYPE_CHECKING:
    from tests.model.protocol import Model


class Part:
    """One contract. Its public methods are the contract's functions; the first argument is the caller."""

    NAME = ""

    def __init__(self, model: Model) -> None:
        self.m = model

    @property
    def address(self) -> bytes:
        """Where the contract is."""
        return self.m.site.contracts[self.NAME]

    @property
    def now(self) -> int:
        """The block's time."""
        return self.m.now

    def emit(self, event: str, /, **args: Any) -> None:
        """Note an event; a trailing underscore of a name is dropped (`from_`)."""
        self.m.events.append(Event(self.NAME, event, {name.rstrip("_"): v for name, v in args.items()}))

    def require_governance(self, caller: bytes) -> None:
        """Refuse everybody else."""
        if caller != self.m.site.governance:
            refuse(f"{self.NAME}_NotGovernance")

    def require_guardian(self, caller: bytes) -> None:
        """Refuse everybody else."""
        if caller != self.m.site.guardian:
            refuse(f"{self.NAME}_NotGuardian")


class Money(Part):
    """The ERC-20s: every account has given every contract an unlimited allowance."""

    NAME = "EmporionToken"

    def balance(self, token: bytes, account: bytes) -> int:
        """Base units of an account."""
        return self.m.state.money.get((token, account), 0)

    def move(self, token: bytes, sender: bytes, to: bytes, amount: int) -> None:
        """A transfer, by its owner or by allowance."""
        if to == NOBODY:
            refuse("ERC20InvalidReceiver")
        if self.balance(token, sender) < amount:
            refuse("ERC20InsufficientBalance")
        self.m.state.money[token, sender] -= amount
        self.m.state.money[token, to] += amount
        if token == self.address:
            self.emit("Transfer", from_=sender, to=to, value=amount)

    def mint(self, token: bytes, to: bytes, amount: int) -> None:
        """Money from nothing, for the beginning of a world."""
        self.m.state.money[token, to] += amount
        if token == self.address:
            self.emit("Transfer", from_=NOBODY, to=to, value=amount)

    def transfer(self, caller: bytes, to: bytes, amount: int) -> None:
        """`EmporionToken.transfer`."""
        self.move(self.address, caller, to, amount)
