"""Upstream credentials at rest: AES-256-GCM (NIST SP 800-38D), bound to the place they were given for.

A sealed secret is `version (1) | key id (4) | nonce (12) | ciphertext and tag`. The origin and the row's id
are the associated data: a secret copied to another row or origin does not open.
"""

import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.core.errors import SettingsError

VERSION: Final = b"\x01"
NONCE_BYTES: Final = 12
KEY_ID: Final = slice(1, 5)
NONCE: Final = slice(5, 5 + NONCE_BYTES)
BODY: Final = slice(5 + NONCE_BYTES, None)
PURPOSE: Final = b"emporion upstream secrets v1"


class SecretBox:
    """Seals with `master` (32 bytes), opens also what `earlier` masters sealed, so that the master can
    rotate.
    """

    def __init__(self, master: bytes, earlier: Sequence[bytes] = ()) -> None:
        self._current = _key_id(master)
        self._keys = {_key_id(key): AESGCM(_derived(key)) for key in (*earlier, master)}

    def seal(self, secret: str, place: str) -> bytes:
        """Encrypt for one place."""
        nonce = os.urandom(NONCE_BYTES)
        head = VERSION + self._current
        return head + nonce + self._keys[self._current].encrypt(nonce, secret.encode(), head + place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what was sealed for this very place. Raises SettingsError when it cannot be."""
        key = self._keys.get(sealed[KEY_ID])
        if key is None:
            raise SettingsError(
                "an upstream's secret was sealed with another EMPORION_MASTER_KEY: set that one"
            )
        try:
            return key.decrypt(sealed[NONCE], sealed[BODY], sealed[:5] + place.encode()).decode()
        except InvalidTag:
            raise SettingsError(
                "an upstream's secret does not belong to its address: give it again with PUT .../upstream"
            ) from None

    def resealed(self, sealed: bytes, place: str) -> bytes:
        """The same, sealed by the newest master; as it is where no master here opens it.

        Raises SettingsError for what was sealed for another place.
        """
        known = sealed[KEY_ID] in self._keys
        return self.seal(self.open(sealed, place), place) if known and not self.is_current(sealed) else sealed

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest master sealed it; if not, seal it anew before the earlier master is dropped."""
        return sealed[KEY_ID] == self._current


def place_of(upstream_id: str, origin: str) -> str:
    """What a secret is bound to."""
    return f"{upstream_id} {origin}"


def _key_id(master: bytes) -> bytes:
    return hashlib.sha256(b"emporion key id" + master).digest()[:4]


def _derived(master: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(master)
