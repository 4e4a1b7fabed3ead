"""A market on a chain double that is the model of the contracts itself: what it emits, the contracts would.

It mines, forks and falls back as `Market` does; `model` is the protocol as of the tip, the oracle of rows.
"""

import pickle

from tests.chain_double.chain import ChainDouble, Emitted, MinedBlock
from tests.chain_double.emitter import ADDRESSES, emit
from tests.model.acts import ACTS
from tests.model.opening import opening
from tests.model.play import STEPS, Call, Dice, Scene
from tests.model.protocol import Model
from tests.model.records import Event
from tests.model.refusal import Refused
from tests.model.site import Site
from tests.model.stage import ACCOUNTS, COURT, DOLLAR, EURO, GOVERNANCE, GUARDIAN, fund


class PlayedMarket:
    """Random play in blocks. The first block after the tip it is made on deploys and opens."""

    def __init__(self, chain: ChainDouble, seed: int = 0) -> None:
        self.chain = chain
        self.dice = Dice(seed)
        self.site = Site(
            ADDRESSES, GOVERNANCE, GUARDIAN, COURT, (DOLLAR, ADDRESSES["EmporionToken"]), (EURO,)
        )  # fmt: skip
        self._states: dict[bytes, bytes] = {}
        self._open()

    @property
    def model(self) -> Model:
        """The protocol as the tip left it."""
        model = Model(self.site, self.chain.tip.timestamp)
        model.state = pickle.loads(self._states[self.chain.tip.hash])
        return model

    def mine(self, acts: int, seconds: int | None = None) -> MinedBlock:
        """Mine a block in which so many things are tried."""
        model = self.model
        model.now += self.chain.block_seconds if seconds is None else seconds
        logs: list[Emitted] = []
        for _ in range(acts):
            logs += self._tried(model, self.dice.one(ACTS)(Scene(model, ACCOUNTS, self.dice)))
        return self._keep(model, self.chain.mine(logs, seconds))

    def mine_blocks(self, count: int, most_acts: int = 4) -> None:
        """Mine blocks; about a third of them without any log of ours, and some after a long time."""
        for _ in range(count):
            acts = self.dice.one([0, *range(1, most_acts + 1)])
            self.mine(acts, self.dice.one(STEPS) if self.dice.number(0, 2) == 2 else None)

    def fork(self, depth: int, length: int, most_acts: int = 4) -> None:
        """Replace the highest blocks by others."""
        self.chain.fall_back(depth)
        self.mine_blocks(length, most_acts)

    def _open(self) -> None:
        model = Model(self.site, self.chain.tip.timestamp + self.chain.block_seconds)
        fund(model)
        tokens = enumerate(self.site.currencies)
        logs = [emit("AccessToken", "CurrencyAdded", index=index, token=token) for index, token in tokens]
        logs += _emitted(model.events)
        for call in opening(ACCOUNTS, model.now, model.access.address):
            logs += self._tried(model, call)
        self._keep(model, self.chain.mine(logs))

    def _tried(self, model: Model, call: Call) -> list[Emitted]:
        try:
            return _emitted(model.call(call.contract, call.function, call.caller, *call.arguments))
        except Refused:
            return []

    def _keep(self, model: Model, block: MinedBlock) -> MinedBlock:
        self._states[block.hash] = pickle.dumps(model.state)
        return block


def _emitted(events: list[Event]) -> list[Emitted]:
    return [emit(event.contract, event.name, **event.args) for event in events]
