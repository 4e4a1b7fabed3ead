"""secp256k1 signatures over 32-byte digests, by ``coincurve`` alone.

The pure-Python fallback of other libraries is 86 times slower: whoever sends bad signatures would stop the
gateway.
"""

from typing import TYPE_CHECKING, Final

from backend.core.errors import InvalidSignature, MissingDependency
from backend.core.units import Address, Hash32, keccak

if TYPE_CHECKING:
    from coincurve import PrivateKey

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER: Final = _ORDER // 2
SIGNATURE_BYTES: Final = 65


def require_coincurve() -> None:
    """Check at start that the fast library is there. Raises MissingDependency."""
    try:
        import coincurve  # noqa: F401
    except ImportError as error:
        raise MissingDependency("coincurve cannot be loaded; install it: pip install coincurve") from error


def sign_digest(key: bytes, digest: Hash32) -> bytes:
    """Sign with a 32-byte key: ``r || s || v``, 65 bytes, v 27 or 28, s in the lower half (EIP-2)."""
    from coincurve import PrivateKey

    return sign_with(PrivateKey(key), digest)


def sign_with(key: "PrivateKey", digest: Hash32) -> bytes:
    """The same with a key already loaded: loading derives the public key, which costs more than signing."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def recover(digest: Hash32, signature: bytes) -> Address:
    """The address that signed. Raises InvalidSignature: wrong shape, malleable s, no such point."""
    from coincurve import PublicKey

    refuse_malformed(signature)
    try:
        compact = signature[:64] + bytes([signature[64] - 27])
        point = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:  # the binding raises a bare one
        raise InvalidSignature("the signature belongs to no key; sign the message again") from error
    return address_of(point.format(compressed=False))


def refuse_malformed(signature: bytes) -> None:
    """Raise InvalidSignature unless it is 65 bytes, v is 27 or 28, and s is in the lower half."""
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature(f"a signature has 65 bytes (r, s, v), this one {len(signature)}")
    if signature[64] not in (27, 28):
        raise InvalidSignature(f"the signature's v is {signature[64]}; it must be 27 or 28")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < _ORDER or not 0 < s <= _HALF_ORDER:
        raise InvalidSignature("the signature is malleable or out of range; sign the message again")


def address_of(public_key: bytes) -> Address:
    """The address of an uncompressed public key (65 bytes, 0x04 first)."""
    return Address(keccak(public_key[1:])[-20:])
