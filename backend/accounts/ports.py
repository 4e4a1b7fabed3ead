"""What accounts need from outside: contract wallets are asked through a port, since the node is not ours to
reach.
"""

from typing import Protocol

from backend.core.errors import PortAbsent
from backend.core.units import Address, ChainId, Hash32


class SignatureOracle(Protocol):
    """Answers for wallets that are contracts (ERC-1271) or not deployed yet (ERC-6492)."""

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        """Whether the wallet accepts the signature. Raises NodeUnreachable, and RateLimited when asked too
        often.
        """
        ...


class NoSignatureOracle:
    """Stands in where no node was handed in: only externally owned accounts can sign in."""

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        """Raises PortAbsent."""
        raise PortAbsent(
            "this gateway cannot check signatures of contract wallets now; sign with an ordinary account, "
            "or try later"
        )


class FixedSignatureOracle:
    """Accepts what it was told to accept: (wallet, signature) pairs."""

    def __init__(self, accepted: frozenset[tuple[bytes, bytes]]) -> None:
        self.accepted = accepted
        self.asked = 0

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        """Whether the pair is in the list."""
        self.asked += 1
        return (bytes(wallet), signature) in self.accepted
