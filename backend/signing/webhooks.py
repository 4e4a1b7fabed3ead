"""Signatures of webhooks (Standard Webhooks): made by the sender, checked by the receiver. Pure."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

from backend.core.errors import InvalidSignature

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def make_secret() -> str:
    """A fresh secret, `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, sent_at: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. Raises InvalidSignature."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise InvalidSignature(f"the webhook secret is not {PREFIX} and base64") from None
    signed = f"{message_id}.{sent_at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
