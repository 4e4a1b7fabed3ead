"""Which key signs: the meter's, and the wallet of a command; on this machine, or in a remote signer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from backend.chain.remote_signer import RemoteSigner
from backend.cli.devnet.accounts import ROLES, devnet_accounts
from backend.cli.output import say
from backend.core.errors import SigningKeyError, SigningKeyNotFound
from backend.core.settings import Settings
from backend.core.units import Address, to_address
from backend.signing.keys import LocalKey, Signer, meter_key
from backend.signing.keystore import KeyStore

DEFAULT_KEY: Final = "default"
DEVNET_ROLE: Final = "buyer"


@contextmanager
def meter_signer(settings: Settings) -> Iterator[Signer]:
    """The meter's key: of the remote signer if one is named, else this machine's. Raises SigningKeyError."""
    if not settings.signer_url:
        yield meter_key(settings)
        return
    if any((settings.meter_keystore, settings.meter_key_file, settings.meter_key.get_secret_value())):
        raise SigningKeyError("EMPORION_SIGNER_URL and a meter key of this machine are both set; keep one")
    with _remote(settings.signer_url, settings.signer_address) as signer:
        yield signer


@contextmanager
def wallet_signer(settings: Settings, name: str | None) -> Iterator[Signer]:
    """The wallet of a command: the key that was named, else the wallet's remote signer, else as `wallet`.

    The meter's signer never signs for a wallet. Raises SigningKeyError and its kind.
    """
    if name is not None or not settings.wallet_signer_url:
        yield wallet(settings, name)
        return
    _refuse_two(settings)
    with _remote(settings.wallet_signer_url, settings.wallet_signer_address) as signer:
        yield signer


@contextmanager
def deployer(settings: Settings, name: str | None) -> Iterator[Signer]:
    """Who deploys: a wallet that is named, else the meter's remote signer, else as `wallet`."""
    if name is None and settings.signer_url and not settings.wallet_signer_url:
        with meter_signer(settings) as signer:
            yield signer
        return
    with wallet_signer(settings, name) as signer:
        yield signer


@contextmanager
def _remote(url: str, address: str) -> Iterator[Signer]:
    signer = RemoteSigner.open(url, to_address(address))
    try:
        yield signer
    finally:
        signer.close()


def _refuse_two(settings: Settings) -> None:
    if settings.key_file is not None or settings.private_key.get_secret_value():
        raise SigningKeyError(
            "EMPORION_WALLET_SIGNER_URL and a wallet's key of this machine are both set; keep one"
        )


def wallet(settings: Settings, name: str | None) -> LocalKey:
    """The key of a command: a named keystore, else the key file, else the key of the environment.

    On a devnet its roles are names too, and `buyer` signs where nothing else is set. Raises
    SigningKeyNotFound, WrongPassword, SigningKeyError.
    """
    if name is None and settings.key_file is not None:
        return LocalKey.from_file(settings.key_file)
    if name is None and (secret := settings.private_key.get_secret_value()):
        return LocalKey.from_hex(secret)
    store = KeyStore(settings.keys_path)
    if store.has(name or DEFAULT_KEY):
        return store.load(name or DEFAULT_KEY, keystore_password(settings, name or DEFAULT_KEY))
    role = name or DEVNET_ROLE
    if settings.devnet and role in ROLES:
        say(f"signing as {role} of the devnet")
        return devnet_accounts()[role]
    raise _no_key(settings, name)


def account(settings: Settings, address: str | None, key: str | None) -> Address:
    """The account a command looks at: one that was named, else the wallet's."""
    if address is not None:
        return to_address(address)
    if key is None and settings.wallet_signer_url:
        _refuse_two(settings)
        return to_address(settings.wallet_signer_address)
    return wallet(settings, key).address


def _no_key(settings: Settings, name: str | None) -> SigningKeyNotFound:
    if name is None:
        return SigningKeyNotFound(
            "no key to sign with; make one with `emporion keys new`, or set EMPORION_KEY_FILE or "
            "EMPORION_PRIVATE_KEY"
        )
    advice = "`emporion keys list` shows what is there, `emporion keys new NAME` makes one"
    return SigningKeyNotFound(f"no key {name} in {settings.keys_path}; {advice}")


def keystore_password(settings: Settings, name: str, *, confirm: bool = False) -> str:
    """The password of the settings, else of a prompt; never of a command line."""
    given = settings.keystore_password.get_secret_value()
    if given:
        return given
    answer: str = typer.prompt(
        f"password of key {name}", hide_input=True, confirmation_prompt=confirm, err=True
    )
    return answer
