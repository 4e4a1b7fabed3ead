"""Blocks that cannot hold a log of ours, by the filter in their header (Yellow Paper, 4.3.1)."""

from collections.abc import Sequence
from typing import Final

from backend.chain.events import Header
from backend.core.units import keccak

_BITS: Final = 2_048
ENOUGH: Final = 3
"""Blocks with logs that the filter must have admitted before it is believed."""


class LogFilter:
    """Which headers admit a log of one of these addresses.

    Some chains leave the filter empty, so it is believed only after it admitted logs that were there, and
    never again once it did not.
    """

    def __init__(self, addresses: Sequence[bytes]) -> None:
        self._masks = [_mask(address) for address in addresses]
        self._seen_right = 0
        self._seen_wrong = False

    def may_be_in(self, block: Header) -> bool:
        """False only where a filter that can be believed rules a log of ours out."""
        return not self._believed or self._admits(block)

    def learn(self, block: Header) -> None:
        """Take a block that holds a log of ours."""
        if self._admits(block):
            self._seen_right += 1
        else:
            self._seen_wrong = True

    @property
    def _believed(self) -> bool:
        return self._seen_right >= ENOUGH and not self._seen_wrong

    def _admits(self, block: Header) -> bool:
        bits = int.from_bytes(block.bloom, "big")
        return any(bits & mask == mask for mask in self._masks)


def _mask(value: bytes) -> int:
    """The three bits of a value: the low 11 bits of the first three pairs of bytes of its hash."""
    digest = keccak(value)
    mask = 0
    for start in (0, 2, 4):
        mask |= 1 << int.from_bytes(digest[start : start + 2], "big") % _BITS
    return mask
