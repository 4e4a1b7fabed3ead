"""Signs receipts with the meter's key, one domain a chain."""

from collections.abc import Mapping

from backend.core.errors import DeploymentMismatch
from backend.core.units import Address, ChainId, Hash32, keccak
from backend.signing.eip712 import Domain
from backend.signing.keys import Signer
from backend.signing.messages import UsageReceipt, receipt_domain


class MeterSigner:
    """`escrows` are the addresses of `UsageEscrow`, by chain."""

    def __init__(self, key: Signer, escrows: Mapping[ChainId, Address]) -> None:
        self._key = key
        self._domains = {chain: receipt_domain(chain, address) for chain, address in escrows.items()}

    @property
    def address(self) -> Address:
        """The meter's address."""
        return self._key.address

    def domain(self, chain_id: ChainId) -> Domain:
        """The domain receipts of a chain are signed in. Raises DeploymentMismatch for an unknown chain."""
        try:
            return self._domains[chain_id]
        except KeyError:
            raise DeploymentMismatch(
                f"no deployment on chain {chain_id} is followed; index it first"
            ) from None

    def sign(self, chain_id: ChainId, body: UsageReceipt) -> tuple[Hash32, bytes]:
        """Digest and 65-byte signature of a receipt."""
        data = body.preimage(self.domain(chain_id))
        return keccak(data), self._key.sign_data(data)
