"""Transactions that were sent and are not known to be mined: whose number comes next, which got stuck."""

from dataclasses import dataclass, field
from typing import Final

from backend.chain.contract import Transaction
from backend.chain.fees import Fees
from backend.core.clock import Clock

_LOST_AFTER: Final = 5.0
"""Seconds after which a transaction that the node does not count was dropped, rather than not heard of."""


@dataclass(slots=True)
class Pending:
    """A transaction on its way; every hash it was sent under."""

    transaction: Transaction
    nonce: int
    gas: int
    fees: Fees
    hashes: list[bytes] = field(default_factory=list)


class InFlight:
    """One key's transactions on their way, by nonce."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[int, tuple[Pending, float]] = {}

    def add(self, pending: Pending) -> None:
        """It was sent just now (again)."""
        self._sent[pending.nonce] = (pending, self._clock.monotonic())

    def recall(self, pending: Pending) -> None:
        """An earlier process sent it, or was about to: it has its number if the node counts it."""
        self._sent[pending.nonce] = (pending, self._clock.monotonic() - _LOST_AFTER)

    def discard(self, pending: Pending) -> None:
        """It was mined, or given up."""
        self._sent.pop(pending.nonce, None)

    def next_nonce(self, mined: int, counted: int) -> int:
        """The next free number, given how many the node has mined and how many it counts with pending ones.

        A node behind a balancer may not have heard of our latest yet; one that was set back never will.
        """
        self.forget_mined(mined)
        now = self._clock.monotonic()
        self._sent = {
            nonce: (pending, at)
            for nonce, (pending, at) in self._sent.items()
            if nonce < counted or now - at < _LOST_AFTER
        }
        return max([counted, *(nonce + 1 for nonce in self._sent)])

    def forget_mined(self, mined: int) -> bool:
        """Drop what has its place on the chain; whether there was such."""
        before = len(self._sent)
        self._sent = {nonce: entry for nonce, entry in self._sent.items() if nonce >= mined}
        return len(self._sent) < before

    def stuck(self, seconds: float) -> list[Pending]:
        """What was sent longer ago than this, lowest number first."""
        now = self._clock.monotonic()
        return [pending for _, (pending, at) in sorted(self._sent.items()) if now - at > seconds]
