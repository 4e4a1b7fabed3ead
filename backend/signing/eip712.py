"""EIP-712 digests packed by hand, for flat structs of addresses, integers and 32-byte hashes.

The general encoder of ``eth_account`` takes twenty times as long; a test holds ours against it.
Source: EIP-712, "Definition of hashStruct" and "Definition of domainSeparator".
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar, Final

from backend.core.units import Address, Hash32, checksum, hex_of, keccak

Value = int | bytes
"""A uint256, an address (20 bytes) or a bytes32."""

_DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_DOMAIN_FIELDS: Final = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


@dataclass(frozen=True)
class Domain:
    """Where a signature counts: one contract on one chain."""

    name: str
    version: str
    chain_id: int
    verifying_contract: Address

    @cached_property
    def separator(self) -> Hash32:
        """The domain's hash, computed once."""
        return keccak(
            _type_hash(_DOMAIN_TYPE)
            + keccak(self.name.encode())
            + keccak(self.version.encode())
            + word(self.chain_id)
            + word(self.verifying_contract)
        )


class TypedMessage(ABC):
    """A flat EIP-712 struct. A subclass gives ``TYPE`` and ``values`` in that order."""

    TYPE: ClassVar[str]

    @abstractmethod
    def values(self) -> tuple[Value, ...]:
        """The fields, in the order of ``TYPE``."""

    def struct_hash(self) -> Hash32:
        """``keccak256(typeHash || encodeData)``."""
        return keccak(_type_hash(self.TYPE) + b"".join(map(word, self.values())))

    def digest(self, domain: Domain) -> Hash32:
        """What is signed: ``keccak256(0x1901 || domainSeparator || structHash)``."""
        return keccak(self.preimage(domain))

    def preimage(self, domain: Domain) -> bytes:
        """What the digest is the hash of: for signers that hash themselves."""
        return b"\x19\x01" + domain.separator + self.struct_hash()

    def typed_data(self, domain: Domain) -> dict[str, object]:
        """The JSON a wallet takes for ``eth_signTypedData_v4``; integers as decimal text."""
        name, fields = _fields(self.TYPE)
        pairs = zip(fields, self.values(), strict=True)
        return {
            "types": {"EIP712Domain": _DOMAIN_FIELDS, name: [dict(field) for field in fields]},
            "primaryType": name,
            "domain": {
                "name": domain.name,
                "version": domain.version,
                "chainId": domain.chain_id,
                "verifyingContract": checksum(domain.verifying_contract),
            },
            "message": {field["name"]: _spelled(value) for field, value in pairs},
        }


def word(value: Value) -> bytes:
    """One 32-byte word: integers big-endian, addresses padded left. Raises OverflowError above 2**256."""
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def _spelled(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    return checksum(Address(value)) if len(value) == 20 else hex_of(value)


@cache
def _type_hash(text: str) -> Hash32:
    return keccak(text.encode())


@cache
def _fields(text: str) -> tuple[str, list[dict[str, str]]]:
    name, _, inside = text.removesuffix(")").partition("(")
    pairs = [field.split(" ") for field in inside.split(",")]
    return name, [{"name": field, "type": kind} for kind, field in pairs]
