"""Encrypted keystores on disk (Web3 Secret Storage, version 3, scrypt): one named JSON file a key."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backend.core.errors import Conflict, MalformedRequest, SigningKeyError, SigningKeyNotFound, WrongPassword
from backend.core.units import Address, checksum
from backend.signing.keys import LocalKey

SCRYPT_ROUNDS: Final = 2**18
"""About a second and 256 MB to try one password."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key on disk, still locked."""

    name: str
    address: Address
    path: Path


class KeyStore:
    """A folder of encrypted keys."""

    def __init__(self, folder: Path, rounds: int = SCRYPT_ROUNDS) -> None:
        """``rounds`` is scrypt's cost (a power of two); tests lower it."""
        self._folder = folder
        self._rounds = rounds

    def new(self, name: str, password: str) -> LocalKey:
        """Make a key and store it. Raises Conflict when the name is taken."""
        return self.import_key(name, LocalKey.create(), password)

    def import_key(self, name: str, key: LocalKey, password: str) -> LocalKey:
        """Store a key under a name. Raises Conflict, MalformedRequest, WrongPassword (empty)."""
        if not _NAME.fullmatch(name):
            raise MalformedRequest(f"{name!r} is no key name: use letters, digits, dot, dash and underscore")
        if not password:
            raise WrongPassword("an empty password protects nothing; choose one")
        content = json.dumps(key.account().encrypt(password, kdf="scrypt", iterations=self._rounds))
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Conflict(f"there is a key named {name} already; choose another name") from None
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        return key

    def list(self) -> "list[KeyEntry]":
        """Every key, by name."""
        paths = sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []
        return [KeyEntry(path.stem, _address_in(_read(path), path), path) for path in paths]

    def has(self, name: str) -> bool:
        """Whether there is a key of this name or address."""
        return any(_is_called(entry, name) for entry in self.list())

    def load(self, name: str, password: str) -> LocalKey:
        """Unlock a key by name or by address. Raises SigningKeyNotFound, WrongPassword, SigningKeyError."""
        for entry in self.list():
            if _is_called(entry, name):
                return read_keystore(entry.path, password)
        raise SigningKeyNotFound(f"no key {name} in {self._folder}; emporion keys list shows what is there")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _is_called(entry: KeyEntry, name: str) -> bool:
    return name == entry.name or name.lower() == checksum(entry.address).lower()


def read_keystore(path: Path, password: str) -> LocalKey:
    """Unlock one keystore file. Raises SigningKeyNotFound, WrongPassword, SigningKeyError."""
    from eth_account import Account

    content = _read(path.expanduser())
    try:
        return LocalKey(bytes(Account.decrypt(content, password)))
    except ValueError as error:
        if "MAC" in str(error):
            raise WrongPassword(f"the password does not open {path}") from None
        raise SigningKeyError(f"{path} is a damaged keystore: {error}") from None
    except (KeyError, TypeError) as error:
        raise SigningKeyError(f"{path} is a damaged keystore: {error!r}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SigningKeyNotFound(f"there is no keystore {path}") from None
    except (OSError, ValueError) as error:
        raise SigningKeyError(f"{path} cannot be read as a keystore: {error}") from None
    if not isinstance(content, dict):
        raise SigningKeyError(f"{path} is no keystore; emporion keys new makes one")
    return content


def _address_in(content: dict[str, Any], path: Path) -> Address:
    try:
        return Address(bytes.fromhex(str(content["address"]).removeprefix("0x")))
    except (KeyError, ValueError):
        raise SigningKeyError(f"{path} is a damaged keystore: it names no address") from None
