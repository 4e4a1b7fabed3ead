"""Receiving our webhooks (Standard Webhooks): signature, age, and each message once."""

import hmac
from collections.abc import Mapping
from typing import Final, Protocol

from backend.core.errors import InvalidSignature
from backend.signing.webhooks import sign

TOLERANCE_SECONDS: Final = 300


class Seen(Protocol):
    """Remembers message ids for at least TOLERANCE_SECONDS, in one step that cannot be raced."""

    def first_time(self, message_id: str) -> bool:
        """Note an id; False where it was noted before."""
        ...


class MemorySeen:
    """For one process."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def first_time(self, message_id: str) -> bool:
        """Note an id; False where it was noted before."""
        known = message_id in self._ids
        self._ids.add(message_id)
        return not known


def check_webhook(headers: Mapping[str, str], body: bytes, secrets: list[str], now: int, seen: Seen) -> str:
    """The message's id, if it is ours, young and new. Several secrets while one is being rotated.

    Raises InvalidSignature with the reason.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent_at = given["webhook-id"], int(given["webhook-timestamp"])
        signatures = given["webhook-signature"].split()
    except (KeyError, ValueError):
        raise InvalidSignature("the webhook's three headers are missing or malformed") from None
    if abs(now - sent_at) > TOLERANCE_SECONDS:
        raise InvalidSignature(f"the webhook is more than {TOLERANCE_SECONDS} s old or from the future")
    expected = {sign(secret, message_id, sent_at, body) for secret in secrets}
    if not any(hmac.compare_digest(one, other) for one in signatures for other in expected):
        raise InvalidSignature("no signature of the webhook is made with our secret")
    if not seen.first_time(message_id):
        raise InvalidSignature(f"the webhook {message_id} was received before")
    return message_id
