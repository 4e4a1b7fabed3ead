"""The whole protocol as a program of integers: the oracle of the contracts and of the indexer.

    model = Model(site, now)
    events = model.call("AccessToken", "buy", buyer, plan_id, 1, buyer, cost, deadline, HOLD)

A method takes the caller and the function's arguments, changes the state and notes the events the contract
emits; or it raises `Refused` with the name of the error the contract reverts with, and nothing has changed.
"""

import pickle
import re
from functools import cache
from typing import Any

from tests.model.access import AccessModel
from tests.model.escrow import EscrowModel
from tests.model.market import MarketModel
from tests.model.part import Money, Part
from tests.model.records import Currency, Event
from tests.model.refusal import Refused
from tests.model.registry import RegistryModel
from tests.model.shares import SharesModel
from tests.model.site import Site
from tests.model.state import AccessBook, EscrowBook, RegistryBook, SharesBook, State, VaultBook
from tests.model.vault import VaultModel


class Model:
    """All contracts of one deployment at one time. `now` is the next block's; whoever plays moves it."""

    def __init__(self, site: Site, now: int) -> None:
        """As the constructors leave it."""
        settings = site.settings
        self.site = site
        self.now = now
        self.events: list[Event] = []
        self.before = b""
        """The state before the last call, pickled."""
        self.state = State(
            registry=RegistryBook(settings.registry["minBond"], settings.registry["unbondCooldown"]),
            access=AccessBook(settings.fee_bps, [Currency(token) for token in site.currencies]),
            escrow=EscrowBook(settings.delay),
            shares=SharesBook(site.governance),
            vault=VaultBook(updated_at=now, idle=now),
        )
        self.registry, self.access = RegistryModel(self), AccessModel(self)
        self.escrow, self.shares = EscrowModel(self), SharesModel(self)
        self.vault, self.market, self.money = VaultModel(self), MarketModel(self), Money(self)

    @property
    def parts(self) -> dict[str, Part]:
        """The contracts by artifact name."""
        parts = (
            self.registry, self.access, self.escrow, self.shares, self.vault, self.market, self.money,
        )  # fmt: skip
        return {part.NAME: part for part in parts}

    def call(self, contract: str, function: str, caller: bytes, *arguments: Any) -> list[Event]:
        """One transaction: its events. Raises Refused; then all is as before."""
        self.events = []
        self.before = pickle.dumps(self.state)
        try:
            getattr(self.parts[contract], method_of(function))(caller, *arguments)
        except Refused:
            self.state = pickle.loads(self.before)
            self.events = []
            raise
        return self.events


@cache
def method_of(function: str) -> str:
    """`createPlan` is `create_plan` here."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()
