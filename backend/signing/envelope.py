"""Transactions as bytes (EIP-1559, EIP-2718), and the address a creation will have."""

from dataclasses import dataclass
from typing import Final

import rlp  # type: ignore[import-untyped]

from backend.core.units import Address, Hash32, keccak
from backend.signing.keys import Signer

_TYPE: Final = b"\x02"
_V_BASE: Final = 27


@dataclass(frozen=True, slots=True)
class Envelope:
    """Every field of a type 2 transaction; amounts in wei, `to` None creates a contract."""

    chain_id: int
    nonce: int
    tip: int
    most: int
    gas: int
    to: bytes | None
    value: int
    data: bytes

    def signed(self, signer: Signer) -> bytes:
        """The bytes to send, signed by the key."""
        signature = signer.sign_data(self.preimage())
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
        return _TYPE + bytes(rlp.encode([*self._fields(), signature[64] - _V_BASE, r, s]))

    def digest(self) -> Hash32:
        """What the key signs."""
        return keccak(self.preimage())

    def preimage(self) -> bytes:
        """What the digest is the hash of."""
        return _TYPE + bytes(rlp.encode(self._fields()))

    def _fields(self) -> list[object]:
        head: list[object] = [self.chain_id, self.nonce, self.tip, self.most, self.gas]
        return [*head, self.to or b"", self.value, self.data, []]


def creation_address(sender: bytes, nonce: int) -> Address:
    """Where a contract created by this transaction will be: keccak256(rlp(sender, nonce))[12:]."""
    return Address(keccak(rlp.encode([sender, nonce]))[12:])
