"""The text of an API key: `emp_live_<id>_<secret><check>` or `emp_dev_...`. Pure.

The id is public; the secret has 190 random bits; the check is a CRC-32 of all before it, so that a
mistyped or invented key is refused without a look-up, and scanners find leaked ones for certain.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Final, Literal

from backend.core.errors import InvalidCredential, WrongNetwork

Network = Literal["live", "dev"]
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 32
CHECK_LENGTH: Final = 6
PATTERN: Final = re.compile(
    rf"emp_(live|dev)_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)
"""Where a text may hold a key; `has_right_check` says whether it does."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the text is shown once, the hash is kept."""

    key_id: str
    text: str
    secret_hash: bytes


def make_key(network: Network, key_id: str | None = None) -> NewKey:
    """A fresh key, or a fresh secret for `key_id`."""
    chosen = key_id or _random(ID_LENGTH)
    head = f"emp_{network}_{chosen}_{_random(SECRET_LENGTH)}"
    text = head + check_of(head)
    return NewKey(key_id=chosen, text=text, secret_hash=hash_of(text))


def hash_of(token: str) -> bytes:
    """SHA-256 of a token: enough, since tokens are random, and cheap enough for every request."""
    return hashlib.sha256(token.encode()).digest()


def check_of(head: str) -> str:
    """CRC-32 of the text in base 62, six digits."""
    value = zlib.crc32(head.encode())
    digits = ""
    for _ in range(CHECK_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def has_right_check(text: str) -> bool:
    """Whether a text of the right shape ends with its check."""
    return check_of(text[:-CHECK_LENGTH]) == text[-CHECK_LENGTH:]


def parse_key(text: str, network: Network) -> str:
    """The id inside a key. Raises InvalidCredential (shape, check) and WrongNetwork; no look-up is made."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise InvalidCredential("this is not an API key; it looks like emp_live_<id>_<secret>")
    if not has_right_check(text):
        raise InvalidCredential("the API key is mistyped: its last six characters do not fit the rest")
    if match[1] != network:
        raise WrongNetwork(
            f"this is a key of the {match[1]} network and this gateway is {network}; use one made here"
        )
    return match[2]


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
