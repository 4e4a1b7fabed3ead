"""Sign-In with Ethereum: the text (EIP-4361) and what a wallet signs of it (EIP-191)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.core.units import Hash32, keccak


def sign_in_message(nonce: Mapping[str, Any], address: str) -> str:
    """The text for the reply of `GET /v1/auth/nonce`; `address` checksummed."""
    issued = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return (
        f"{nonce['domain']} wants you to sign in with your Ethereum account:\n{address}\n\n"
        f"{nonce['statement']}\n\nURI: {nonce['uri']}\nVersion: 1\nChain ID: {nonce['chain_id']}\n"
        f"Nonce: {nonce['nonce']}\nIssued At: {issued}"
    )


def personal_digest(message: str) -> Hash32:
    """What a wallet signs for a text (EIP-191, version 0x45)."""
    raw = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw)
