"""Private keys: from an encrypted keystore, a secret file or hexadecimal; never from a command line.

A ``Signer`` is what the rest of the program sees; the key's bytes do not leave ``LocalKey`` except to a
keystore and to the transaction signer.
"""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backend.core.errors import SigningKeyError, SigningKeyNotFound
from backend.core.settings import Settings
from backend.core.units import Address, Hash32, checksum, keccak
from backend.signing.ecdsa import address_of, sign_with

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


class Signer(Protocol):
    """Who can sign for an address."""

    @property
    def address(self) -> Address:
        """The address whose signatures these are."""
        ...

    def sign_data(self, data: bytes) -> bytes:
        """A 65-byte signature of the data's keccak256; data, since a remote signer hashes by itself."""
        ...


class LocalKey:
    """A private key held in this process. Its text form never shows it."""

    __slots__ = ("_key", "address")

    def __init__(self, key: bytes) -> None:
        """``key`` is 32 bytes. Raises SigningKeyError when it is no secp256k1 key."""
        from coincurve import PrivateKey

        try:
            self._key = PrivateKey(key)
        except (ValueError, TypeError):
            raise SigningKeyError("not a private key: 32 bytes in the curve's range are needed") from None
        self.address = address_of(self._key.public_key.format(compressed=False))

    @classmethod
    def create(cls) -> "LocalKey":
        """A fresh random key."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def from_hex(cls, text: str) -> "LocalKey":
        """From 64 hexadecimal digits, 0x or not. Raises SigningKeyError, without the text."""
        try:
            key = bytes.fromhex(text.strip().removeprefix("0x"))
        except ValueError:
            key = b""
        if len(key) != 32:
            raise SigningKeyError("not a private key: write 64 hexadecimal digits")
        return cls(key)

    @classmethod
    def from_file(cls, path: Path) -> "LocalKey":
        """From a secret file that holds the hexadecimal digits. Raises SigningKeyError."""
        try:
            return cls.from_hex(path.expanduser().read_text(encoding="ascii"))
        except FileNotFoundError:
            raise SigningKeyNotFound(f"there is no key file {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SigningKeyError(f"the key file {path} cannot be read: {error}") from None

    def sign(self, digest: Hash32) -> bytes:
        """A 65-byte signature of a 32-byte digest."""
        return sign_with(self._key, digest)

    def sign_data(self, data: bytes) -> bytes:
        """A 65-byte signature of the data's keccak256."""
        return sign_with(self._key, keccak(data))

    def account(self) -> "LocalAccount":
        """The same key as ``eth_account`` takes it, for signing transactions."""
        from eth_account import Account

        account: LocalAccount = Account.from_key(self._key.secret)
        return account

    def __repr__(self) -> str:
        return f"LocalKey({checksum(self.address)})"


def meter_key(settings: Settings) -> LocalKey:
    """The meter's key, from whichever of the three settings names one.

    Raises SigningKeyNotFound when none does, SigningKeyError when several do, WrongPassword.
    """
    from backend.signing.keystore import read_keystore

    given = [name for name in ("meter_keystore", "meter_key_file", "meter_key") if _is_set(settings, name)]
    if not given:
        raise SigningKeyNotFound(
            "no meter key: make one with emporion keys new meter, "
            "then set EMPORION_METER_KEYSTORE or EMPORION_METER_KEY_FILE"
        )
    if len(given) > 1:
        names = " and ".join(f"EMPORION_{name.upper()}" for name in given)
        raise SigningKeyError(f"{names} are both set; keep one")
    if settings.meter_keystore is not None:
        return read_keystore(settings.meter_keystore, settings.keystore_password.get_secret_value())
    if settings.meter_key_file is not None:
        return LocalKey.from_file(settings.meter_key_file)
    return LocalKey.from_hex(settings.meter_key.get_secret_value())


def _is_set(settings: Settings, name: str) -> bool:
    value = getattr(settings, name)
    return value is not None and (isinstance(value, Path) or bool(value.get_secret_value()))
