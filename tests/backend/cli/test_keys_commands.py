"""`emporion keys`: made, imported, listed; a key is never asked for on the command line.

new and import
├── given a password by prompt or setting: a keystore that only it opens
├── given a taken name: refused, and the key there stays
└── given no key in the file: refused, without its text
list: names and addresses, nothing secret
scan: file, line and id of leaked API keys, never the secret; status 1 where there is one
"""

import os
from pathlib import Path

import pytest

from backend.accounts.key_format import make_key
from backend.cli.signers import wallet
from backend.cli.wiring import prepared
from backend.core.errors import WrongPassword
from backend.signing.keys import LocalKey
from tests.emporion_command import Emporion

SECRET = "42" * 32


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"0x{SECRET}\n")
    return path


class TestKeys:
    def test_are_made_imported_and_listed(
        self, emporion: Emporion, key_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = emporion("keys", "new", "mine", "--json", answers="pass\npass\n")
        taken = emporion("keys", "new", "mine", answers="pass\npass\n")
        monkeypatch.setenv("EMPORION_KEYSTORE_PASSWORD", "other")
        imported = emporion("keys", "import", "theirs", "--file", str(key_file), "--json")
        found = emporion("keys", "list", "--json").json

        assert taken.status == 1
        assert "choose another name" in taken.err
        assert imported.json["address"] == found[1]["address"]
        assert found == [made.json, imported.json]
        assert wallet(prepared(), "theirs").address == LocalKey(bytes.fromhex(SECRET)).address
        with pytest.raises(WrongPassword, match="does not open"):
            wallet(prepared(), "mine")
        assert SECRET not in (home / "keys" / "theirs.json").read_text()
        if os.name == "posix":
            assert (home / "keys" / "theirs.json").stat().st_mode & 0o077 == 0

    def test_import_refuses_what_is_no_key(self, emporion: Emporion, key_file: Path) -> None:
        key_file.write_text("hunter2")
        said = emporion("keys", "import", "--file", str(key_file))
        assert said.status == 1
        assert "64 hexadecimal digits" in said.err
        assert "hunter2" not in said.err

    def test_list_says_how_to_make_one(self, emporion: Emporion) -> None:
        said = emporion("keys", "list")
        assert said.status == 0
        assert "emporion keys new" in said.err


class TestWallet:
    def test_takes_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_PRIVATE_KEY", SECRET)
        assert wallet(prepared(), None).address == LocalKey(bytes.fromhex(SECRET)).address

    def test_prefers_a_file(self, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_KEY_FILE", str(key_file))
        monkeypatch.setenv("EMPORION_PRIVATE_KEY", "43" * 32)
        assert wallet(prepared(), None).address == LocalKey(bytes.fromhex(SECRET)).address

    def test_knows_the_roles_of_a_devnet(self) -> None:
        settings = prepared(devnet=True)
        assert wallet(settings, "provider").address != wallet(settings, None).address
        assert wallet(settings, "buyer").address == wallet(settings, None).address


class TestScan:
    def test_ends_with_1_where_there_is_one(self, emporion: Emporion, tmp_path: Path) -> None:
        made = make_key("live")
        text, key_id = made.text, made.key_id
        place = tmp_path / "project"
        place.mkdir()
        assert emporion("keys", "scan", str(place)).status == 0
        (place / "a.py").write_text(f"k = '{text}'")
        said = emporion("keys", "scan", str(place))
        assert said.status == 1
        assert f"a.py:1: live key {key_id}" in said.out
        assert text not in said.out + said.err
        assert emporion("keys", "scan", str(place), "--json").json["leaks"][0]["key_id"] == key_id
