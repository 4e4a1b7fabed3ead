"""Whether a contract wallet accepts a signature: asked of a node, within a time and a rate.

One `eth_call` runs the creation code of `SignatureCheck` and deploys nothing: wallets not deployed yet can be
asked too (ERC-6492). The node stops at GAS: a wallet that burns all of it is one that says no.
"""

import asyncio
from typing import Any, Final

from backend.chain.abi import encode_values
from backend.chain.client import NodeClient
from backend.core.clock import Clock
from backend.core.errors import NodeError, NodeUnreachable, RateLimited, TransactionReverted
from backend.core.units import Address, ChainId, Hash32
from contracts.artifacts import load

GAS: Final = 3_000_000
"""Enough to create a wallet and ask it."""
SECONDS: Final = 2.0
A_SECOND: Final = 5.0
"""Questions a second, over all callers; a short crowd of BURST may come at once."""
BURST: Final = 20.0


class NodeSignatureOracle:
    """Asks one node; the gateway's `SignatureOracle`."""

    def __init__(self, client: NodeClient, chain_id: ChainId, clock: Clock) -> None:
        self._client = client
        self._chain_id = chain_id
        self._clock = clock
        self._tokens = BURST
        self._filled_at = clock.monotonic()

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        """Whether the wallet accepts. Raises RateLimited, NodeUnreachable (late, or another chain)."""
        if chain_id != self._chain_id:
            raise NodeUnreachable(
                f"no node of chain {chain_id} is asked here; sign in on chain {self._chain_id}"
            )
        self._take_token()
        try:
            async with asyncio.timeout(SECONDS):
                return await self._ask(wallet, digest, signature)
        except TimeoutError:
            raise NodeUnreachable("the node did not check the signature in time; try again") from None

    async def _ask(self, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        artifact = load("SignatureCheck")
        inputs: list[Any] = next(entry["inputs"] for entry in artifact.abi if entry["type"] == "constructor")
        data = artifact.bytecode + encode_values(inputs, (wallet, digest, signature)).hex()
        call = {"data": data, "gas": hex(GAS)}
        try:
            answer = await self._client.call("eth_call", call, "latest")
        except (TransactionReverted, NodeError):
            # A malformed wrapping, or a wallet that burns all gas. A node that is down is another error.
            return False
        return str(answer) == "0x01"

    def _take_token(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * A_SECOND)
        self._filled_at = now
        if self._tokens < 1:
            raise RateLimited("too many contract wallets sign in at once; try again in a second")
        self._tokens -= 1
