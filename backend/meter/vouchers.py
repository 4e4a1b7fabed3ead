"""Vouchers: a payer's signed word that so many credits of a tab, over its whole life, may be settled."""

from collections.abc import Mapping
from typing import Final, Protocol

from backend.core.errors import DeploymentMismatch, InvalidSignature, MalformedRequest, PortAbsent
from backend.core.units import Address, ChainId, Hash32, Units, checksum
from backend.meter.schemas import TabKey
from backend.signing.ecdsa import recover
from backend.signing.messages import UsageVoucher, voucher_domain

MOST_UNITS: Final = 2**63 - 1
MOST_BYTES: Final = 4_096
"""Signatures of contract wallets have any length; one that long would not fit the escrow's gas either."""


class WalletOracle(Protocol):
    """Answers for payers that are contracts (ERC-1271)."""

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        """Whether the wallet accepts the signature. Raises NodeUnreachable, RateLimited, PortAbsent."""
        ...


class VoucherCheck:
    """Checks vouchers as the escrow will. `escrows` are the addresses of `UsageEscrow`, by chain."""

    def __init__(self, escrows: Mapping[ChainId, Address], oracle: WalletOracle | None = None) -> None:
        self._domains = {chain: voucher_domain(chain, address) for chain, address in escrows.items()}
        self._oracle = oracle

    def digest(self, tab: TabKey, cumulative_units: int) -> Hash32:
        """What the payer signs. Raises DeploymentMismatch for a chain nobody follows."""
        try:
            domain = self._domains[tab.chain_id]
        except KeyError:
            raise DeploymentMismatch(f"no deployment on chain {tab.chain_id} is followed") from None
        return UsageVoucher(tab.payer, tab.plan_id, Units(cumulative_units)).digest(domain)

    async def require(self, tab: TabKey, cumulative_units: int, signature: bytes) -> None:
        """Pass where the payer signed: by key first, as the escrow does, then by asking its wallet.

        Raises MalformedRequest, InvalidSignature, and what the oracle raises.
        """
        if not 0 < cumulative_units <= MOST_UNITS or len(signature) > MOST_BYTES:
            raise MalformedRequest(
                f"a voucher covers 1 to {MOST_UNITS} credits and is signed in at most {MOST_BYTES} bytes"
            )
        digest = self.digest(tab, cumulative_units)
        if _signed_by_key(tab.payer, digest, signature):
            return
        if self._oracle is None or not await self._accepted(self._oracle, tab, digest, signature):
            raise InvalidSignature(
                f"the voucher is not signed by {checksum(tab.payer)} for plan {tab.plan_id} and "
                f"{cumulative_units} credits; sign UsageVoucher in the domain of this chain's UsageEscrow"
            )

    @staticmethod
    async def _accepted(oracle: WalletOracle, tab: TabKey, digest: Hash32, signature: bytes) -> bool:
        try:
            return await oracle.is_valid(tab.chain_id, tab.payer, digest, signature)
        except PortAbsent:
            return False


def _signed_by_key(payer: Address, digest: Hash32, signature: bytes) -> bool:
    try:
        return recover(digest, signature) == payer
    except InvalidSignature:
        return False
