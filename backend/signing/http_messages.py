"""HTTP requests signed by a wallet: RFC 9421 with EIP-191, as the draft ERC-8128 profiles them. Pure.

The same base is built by who signs and by who checks; the body counts through its digest (RFC 9530).
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from backend.core.units import Address, Hash32, hex_of, keccak

LABEL: Final = "eth"
KEY_PREFIX: Final = "erc8128"


def personal_message(message: bytes) -> bytes:
    """A message as a wallet hashes and signs it (EIP-191, version 0x45)."""
    return b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message


def personal_digest(message: bytes) -> Hash32:
    """The hash a wallet signs of a message."""
    return keccak(personal_message(message))


def content_digest(body: bytes) -> str:
    """The `Content-Digest` of a body (RFC 9530), SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def key_id(chain_id: int, address: Address) -> str:
    """The signer as `keyid` names it."""
    return f"{KEY_PREFIX}:{chain_id}:{hex_of(address)}"


def parameters(names: Sequence[str], created: int, expires: int, nonce: str, signer: str) -> str:
    """The value of `Signature-Input` for the components, without its label."""
    covered = " ".join(f'"{name}"' for name in names)
    return f'({covered});created={created};expires={expires};nonce="{nonce}";keyid="{signer}"'


def signature_base(components: Sequence[tuple[str, str]], signed_parameters: str) -> bytes:
    """What is signed: a line for each component, then the parameters (RFC 9421, 2.5)."""
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {signed_parameters}']).encode()
