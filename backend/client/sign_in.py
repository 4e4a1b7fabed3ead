"""Sign-In with Ethereum: the text (EIP-4361) that a wallet signs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def sign_in_message(nonce: Mapping[str, Any], address: str) -> str:
    """The text for the reply of `GET /v1/auth/nonce`; `address` checksummed."""
    issued = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return (
        f"{nonce['domain']} wants you to sign in with your Ethereum account:\n{address}\n\n"
        f"{nonce['statement']}\n\nURI: {nonce['uri']}\nVersion: 1\nChain ID: {nonce['chain_id']}\n"
        f"Nonce: {nonce['nonce']}\nIssued At: {issued}"
    )
