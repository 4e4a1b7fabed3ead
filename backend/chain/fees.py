"""What a transaction offers for gas (EIP-1559), and how much more a replacement offers."""

from dataclasses import dataclass
from typing import Final, Self

from backend.chain.client import NodeClient
from backend.core.errors import NodeError

_BUMP_PERCENT: Final = 15
"""Nodes ask for at least 10 per cent more to replace; a little over is safe against their rounding."""
_BASE_ROOM: Final = 2
"""The base fee may double (six full blocks) before the offer is too low."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei a gas: the most paid in all, and the part for the block's maker."""

    most: int
    tip: int

    @classmethod
    def over(cls, base: int, tip: int) -> Self:
        """An offer that outlives a doubling of the base fee."""
        return cls(base * _BASE_ROOM + tip, tip)

    def replacing(self, fresh: "Fees") -> "Fees":
        """The offer that replaces this one: both parts raised, and not below a fresh offer."""
        return Fees(max(_raised_up(self.most), fresh.most), max(_raised_up(self.tip), fresh.tip))


def _raised_up(amount: int) -> int:
    return amount + amount * _BUMP_PERCENT // 100 + 1


async def current_fees(client: NodeClient) -> Fees:
    """The offer for a transaction now. A node without the tip's method is offered its gas price."""
    block, tip, price = await client.batch_settled(
        [("eth_getBlockByNumber", ("latest", False)), ("eth_maxPriorityFeePerGas", ()), ("eth_gasPrice", ())]
    )
    for answer in (block, price):
        if isinstance(answer, Exception):
            raise answer
    base = int(block.get("baseFeePerGas") or price, 16)
    if isinstance(tip, NodeError):
        return Fees.over(base, max(int(price, 16) - base, 1))
    if isinstance(tip, Exception):
        raise tip
    return Fees.over(base, int(tip, 16))
