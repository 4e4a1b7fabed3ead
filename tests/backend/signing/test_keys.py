"""Keys and keystores.

LocalKey
├── from_hex given anything but a key: it should raise and not repeat the text
├── from_file given no file: it should raise SigningKeyNotFound
└── repr: it should show the address and never the key
KeyStore
├── import_key given a taken name, a path as name, an empty password: it should refuse and leave what was
├── load given a wrong password, an unknown name, a damaged file: it should say which
├── new: the file should be readable by its owner only and hold no plain key
└── load by name or address: it should give the same key
meter_key
├── given none or several of the settings: it should say what to set
└── given one of the three: it should give that key
"""

import json
from pathlib import Path

import pytest

from backend.core.errors import Conflict, MalformedRequest, SigningKeyError, SigningKeyNotFound, WrongPassword
from backend.core.settings import load_settings
from backend.core.units import checksum
from backend.signing.keys import LocalKey, meter_key
from backend.signing.keystore import KeyStore

HEX = "11" * 32
PASSWORD = "correct horse"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", rounds=2)


class TestLocalKey:
    @pytest.mark.parametrize("text", ["", "0x", "12", "zz" * 32, "00" * 32, "ff" * 32, HEX + "00"])
    def test_given_no_key_raises_without_repeating_it(self, text: str) -> None:
        with pytest.raises(SigningKeyError) as caught:
            LocalKey.from_hex(text)
        assert not text or text not in caught.value.message or len(text) < 4

    def test_given_no_file_raises(self, tmp_path: Path) -> None:
        with pytest.raises(SigningKeyNotFound, match="no key file"):
            LocalKey.from_file(tmp_path / "absent")

    def test_from_file_is_the_key(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"0x{HEX}\n")
        assert LocalKey.from_file(tmp_path / "key").address == LocalKey.from_hex(HEX).address

    def test_repr_hides_the_key(self) -> None:
        key = LocalKey.from_hex(HEX)
        assert repr(key) == f"LocalKey({checksum(key.address)})"


class TestImportKey:
    def test_given_a_taken_name_refuses(self, store: KeyStore) -> None:
        first = store.new("meter", PASSWORD)
        with pytest.raises(Conflict, match="another name"):
            store.new("meter", PASSWORD)
        assert store.load("meter", PASSWORD).address == first.address

    @pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65])
    def test_given_a_path_as_name_refuses(self, store: KeyStore, name: str) -> None:
        with pytest.raises(MalformedRequest, match="key name"):
            store.new(name, PASSWORD)

    def test_given_an_empty_password_refuses(self, store: KeyStore) -> None:
        with pytest.raises(WrongPassword, match="choose one"):
            store.new("meter", "")
        assert store.list() == []

    def test_keeps_the_file_private(self, store: KeyStore, tmp_path: Path) -> None:
        store.import_key("meter", LocalKey.from_hex(HEX), PASSWORD)
        file = tmp_path / "keys" / "meter.json"
        assert file.stat().st_mode & 0o077 == 0
        assert HEX not in file.read_text()


class TestLoad:
    def test_given_a_wrong_password_says_so(self, store: KeyStore) -> None:
        store.new("meter", PASSWORD)
        with pytest.raises(WrongPassword, match="does not open"):
            store.load("meter", "wrong")

    def test_given_an_unknown_name_says_so(self, store: KeyStore) -> None:
        with pytest.raises(SigningKeyNotFound, match="keys list"):
            store.load("meter", PASSWORD)

    @pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"address": "11" * 20, "crypto": {}})])
    def test_given_a_damaged_file_says_so(self, store: KeyStore, tmp_path: Path, content: str) -> None:
        store.new("meter", PASSWORD)
        (tmp_path / "keys" / "meter.json").write_text(content)
        with pytest.raises(SigningKeyError, match=r"meter\.json"):
            store.load("meter", PASSWORD)

    def test_by_name_or_address_is_the_key(self, store: KeyStore) -> None:
        key = store.new("meter", PASSWORD)
        store.new("wallet", PASSWORD)
        assert [entry.name for entry in store.list()] == ["meter", "wallet"]
        assert store.load("meter", PASSWORD).address == key.address
        assert store.load(checksum(key.address), PASSWORD).address == key.address


class TestMeterKey:
    def test_given_none_says_what_to_set(self, tmp_path: Path) -> None:
        with pytest.raises(SigningKeyNotFound, match="EMPORION_METER_KEYSTORE"):
            meter_key(load_settings(home=tmp_path))

    def test_given_two_refuses(self, tmp_path: Path) -> None:
        settings = load_settings(home=tmp_path, meter_key=HEX, meter_key_file=tmp_path / "key")
        with pytest.raises(SigningKeyError, match="keep one"):
            meter_key(settings)

    def test_given_one_is_that_key(self, tmp_path: Path, store: KeyStore) -> None:
        expected = LocalKey.from_hex(HEX).address
        (tmp_path / "key").write_text(HEX)
        store.import_key("meter", LocalKey.from_hex(HEX), PASSWORD)
        keystore = tmp_path / "keys" / "meter.json"
        ways = [
            load_settings(home=tmp_path, meter_key=HEX),
            load_settings(home=tmp_path, meter_key_file=tmp_path / "key"),
            load_settings(home=tmp_path, meter_keystore=keystore, keystore_password=PASSWORD),
        ]
        assert {meter_key(settings).address for settings in ways} == {expected}
