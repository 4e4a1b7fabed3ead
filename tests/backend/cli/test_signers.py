"""Which key signs.

a command's wallet
├── given a remote signer of its own: that one, unless a key is named
├── given the meter's remote signer alone: a key of this machine; the meter never signs for a wallet
├── given a remote signer and a key of this machine: refused
└── is looked at without asking the signer
who deploys
└── a named key, else the wallet's signer, else the meter's
a wallet in a remote signer
└── signs permits, vouchers, sign-ins, requests and transactions to the byte as the same key here
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.cli.signers import account, deployer, meter_signer, wallet_signer
from backend.client.signed_requests import signed_headers
from backend.client.voucher_book import VoucherBook
from backend.core.errors import SigningKeyError
from backend.core.settings import Settings, load_settings
from backend.core.units import Address, checksum
from backend.signing.http_messages import personal_message
from backend.signing.keys import LocalKey
from backend.signing.keystore import KeyStore
from tests.signer_server import SignerServer, signer_server

WALLET, METER, NAMED = LocalKey(b"\x42" * 32), LocalKey(b"\x43" * 32), LocalKey(b"\x44" * 32)
PASSWORD = "for a test"


@pytest.fixture
def of_wallet() -> Iterator[SignerServer]:
    with signer_server(b"\x42" * 32) as running:
        yield running


@pytest.fixture
def of_meter() -> Iterator[SignerServer]:
    with signer_server(b"\x43" * 32) as running:
        yield running


def of(server: SignerServer, key: LocalKey, prefix: str) -> dict[str, str]:
    return {f"{prefix}signer_url": server.url, f"{prefix}signer_address": checksum(key.address)}


@pytest.fixture
def both(tmp_path: Path, of_wallet: SignerServer, of_meter: SignerServer) -> Settings:
    """Two remote signers, and a keystore `named` here."""
    remote = of(of_wallet, WALLET, "wallet_") | of(of_meter, METER, "")
    settings = load_settings(home=tmp_path, keystore_password=PASSWORD, **remote)
    KeyStore(settings.keys_path).import_key("named", NAMED, PASSWORD)
    return settings


class TestAWallet:
    def test_signs_through_its_own_signer(
        self, both: Settings, of_wallet: SignerServer, of_meter: SignerServer
    ) -> None:
        with wallet_signer(both, None) as signer:
            assert signer.address == WALLET.address
            assert signer.sign_data(b"x") == WALLET.sign_data(b"x")
        with meter_signer(both) as signer:
            assert signer.sign_data(b"x") == METER.sign_data(b"x")
        assert (len(of_wallet.asked), len(of_meter.asked)) == (1, 1)

    def test_is_the_key_that_was_named(self, both: Settings, of_wallet: SignerServer) -> None:
        with wallet_signer(both, "named") as signer:
            assert signer.sign_data(b"x") == NAMED.sign_data(b"x")
        assert of_wallet.asked == []

    def test_is_never_the_meter(self, tmp_path: Path, of_meter: SignerServer) -> None:
        settings = load_settings(home=tmp_path, private_key="42" * 32, **of(of_meter, METER, ""))
        with wallet_signer(settings, None) as signer:
            assert signer.address == WALLET.address

    @pytest.mark.parametrize("more", [{"private_key": "44" * 32}, {"key_file": "secret"}])
    def test_is_one(self, tmp_path: Path, of_wallet: SignerServer, more: dict[str, Any]) -> None:
        settings = load_settings(home=tmp_path, **of(of_wallet, WALLET, "wallet_"), **more)
        with pytest.raises(SigningKeyError, match="keep one"), wallet_signer(settings, None):
            pass
        with pytest.raises(SigningKeyError, match="keep one"):
            account(settings, None, None)

    def test_is_looked_at_without_the_signer(self, tmp_path: Path) -> None:
        remote = {
            "wallet_signer_url": "http://127.0.0.1:9",
            "wallet_signer_address": checksum(WALLET.address),
        }
        settings = load_settings(home=tmp_path, **remote)
        assert account(settings, None, None) == WALLET.address


class TestWhoDeploys:
    def test_is_named_by_the_command_then_by_the_settings(
        self, tmp_path: Path, both: Settings, of_meter: SignerServer
    ) -> None:
        meter_alone = load_settings(home=tmp_path, keystore_password=PASSWORD, **of(of_meter, METER, ""))
        cases = [(both, "named", NAMED), (both, None, WALLET), (meter_alone, None, METER)]
        for settings, name, expected in [*cases, (meter_alone, "named", NAMED)]:
            with deployer(settings, name) as signer:
                assert signer.address == expected.address


class TestARemoteWallet:
    def test_signs_what_the_client_signs(self, both: Settings) -> None:
        escrow = Address(b"\x03" * 20)
        with wallet_signer(both, None) as signer:
            assert VoucherBook(signer, 1, escrow).sign(5, 2) == VoucherBook(WALLET, 1, escrow).sign(5, 2)
            assert signer.sign_data(personal_message(b"hi")) == WALLET.sign_data(personal_message(b"hi"))
            headers = signed_headers(signer, 1, "GET", "https://gateway.example/v1/models", 1)
        assert headers["signature"].startswith("eth=:")
