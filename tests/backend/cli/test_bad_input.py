"""What is wrong is said with the way out, in words and as JSON, and the status is 1.

settings
├── given a wrong value, an unknown name, an unsafe combination: each is named
└── given a public key or master key outside a devnet: refused
keys
├── given none, a malformed one, a missing file, a strange name: what to set or make
└── given a wrong password: which file it does not open
deployment record
├── given none, or a damaged one: deploy
└── given another chain's (by id, by first block): which is which
node, database, gateway that do not answer
└── where they were looked for and what to change
arguments
├── given an address, duration, plan or manifest that is none: what to write
└── given a command nobody knows: status 2
"""

import os
from pathlib import Path
from typing import Any

import pytest

from backend.cli.devnet.accounts import devnet_secret
from backend.core.safety import DEVNET_KEYS, DEVNET_MASTER_KEY
from tests.emporion_command import Emporion

from .conftest import Node

GOOD_KEY = "0x" + "42" * 32


def refused(said: Any, *words: str) -> None:
    """Status 1, nothing on standard output, and an error with these words on the other stream."""
    assert said.status == 1, said
    assert said.out == ""
    assert said.err.startswith(("error: ", "signing as")) or "\nerror: " in said.err, said.err
    for word in words:
        assert word in said.err, said.err


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("GATEWAY_PORT", "eighty", "EMPORION_GATEWAY_PORT"),
            ("RPC_URL", "http://127.0.0.1:1", "did you mean EMPORION_RPC_URLS"),
            ("DATABASE_URL", "mysql://x", "must start with postgresql://"),
            ("WS_URL", "http://x", "must start with ws://"),
            ("MASTER_KEY", "short", "64 hexadecimal digits"),
            ("ALLOW_LOOPBACK_UPSTREAMS", "true", "set EMPORION_DEVNET=true"),
            ("GATEWAY_HOST", "0.0.0.0", "EMPORION_TRUSTED_PROXIES"),
        ],
    )
    def test_are_named(
        self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
    ) -> None:
        monkeypatch.setenv(f"EMPORION_{name}", value)
        refused(emporion("status"), words)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("MASTER_KEY", DEVNET_MASTER_KEY),
            ("PRIVATE_KEY", min(DEVNET_KEYS)),
            ("PRIVATE_KEY", devnet_secret("provider").hex()),
            ("METER_KEY", "0x" + devnet_secret("meter").hex()),
        ],
    )
    def test_refuse_public_secrets_outside_a_devnet(
        self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(f"EMPORION_{name}", value)
        said = emporion("status")
        refused(said, f"EMPORION_{name}", "your own")
        assert value not in said.err

    def test_are_told_as_json(self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_GATEWAY_PORT", "eighty")
        said = emporion("status", "--json")
        assert said.status == 1
        assert said.json["error"]["code"] == "settings_error"
        assert "EMPORION_GATEWAY_PORT" in said.json["error"]["message"]


class TestKeys:
    def test_missing_wallet_says_how_to_make_one(self, emporion: Emporion) -> None:
        refused(emporion("buyer", "key"), "emporion keys new", "EMPORION_KEY_FILE")

    def test_missing_meter_says_how_to_make_one(self, emporion: Emporion) -> None:
        refused(emporion("settle", "--once"), "emporion keys new meter", "EMPORION_METER_KEYSTORE")

    def test_strange_name_says_where_it_looked(self, emporion: Emporion, home: Path) -> None:
        refused(emporion("buyer", "key", "--key", "nobody"), f"no key nobody in {home / 'keys'}")

    def test_malformed_key_is_not_repeated(self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_PRIVATE_KEY", "0xsecretish")
        said = emporion("buyer", "key")
        refused(said, "64 hexadecimal digits")
        assert "secretish" not in said.err

    def test_missing_file_is_named(self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_KEY_FILE", "/nowhere/key")
        refused(emporion("buyer", "key"), "/nowhere/key")

    def test_roles_of_a_devnet_sign_on_a_devnet_only(self, emporion: Emporion) -> None:
        refused(emporion("buyer", "key", "--key", "provider"), "no key provider")


@pytest.mark.usefixtures("nothing_listens")
class TestNode:
    @pytest.mark.parametrize("command", ["index --once", "stake claim", "settle --once", "up"])
    @pytest.mark.usefixtures("record")
    def test_unreachable_says_where(
        self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        for name in ("PRIVATE_KEY", "METER_KEY"):
            monkeypatch.setenv(f"EMPORION_{name}", GOOD_KEY)
        refused(emporion(*command.split()), "127.0.0.1:1", "EMPORION_RPC_URLS")

    def test_unreachable_for_a_deployment(
        self, emporion: Emporion, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EMPORION_PRIVATE_KEY", GOOD_KEY)
        refused(emporion("deploy", "--no-government"), "127.0.0.1:1", "EMPORION_RPC_URLS")
        assert not (home / "deployment.json").exists()


class TestRecord:
    def test_missing_says_deploy(self, emporion: Emporion, home: Path) -> None:
        refused(emporion("index", "--once"), f"{home / 'deployment.json'}", "emporion deploy")

    @pytest.mark.parametrize("text", ["{", '{"format": 9}', '{"format": 1}'])
    def test_damaged_says_deploy(self, emporion: Emporion, home: Path, text: str) -> None:
        (home / "deployment.json").write_text(text)
        refused(emporion("index", "--once"), "deploy again")

    @pytest.mark.usefixtures("record")
    def test_of_another_chain_id(self, emporion: Emporion, node: type[Node]) -> None:
        node.chain_id = 5
        refused(emporion("index", "--once"), "chain 5", "31337", "EMPORION_RPC_URLS")

    @pytest.mark.usefixtures("record")
    def test_of_another_chain_behind_a_node_that_is_away(
        self, emporion: Emporion, node: type[Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EMPORION_RPC_URLS", "http://127.0.0.1:1," + os.environ["EMPORION_RPC_URLS"])
        node.chain_id = 5
        refused(emporion("index", "--once"), "chain 5")

    @pytest.mark.usefixtures("record")
    def test_of_another_chain_with_the_same_id(self, emporion: Emporion, node: type[Node]) -> None:
        node.genesis = "0x" + "22" * 32
        refused(emporion("index", "--once"), "0x11111111", "0x22222222", "away and deploy")


class TestDatabase:
    def test_unreachable_says_where(self, emporion: Emporion, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMPORION_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/emporion")
        said = emporion("status")
        refused(said, "127.0.0.1", "EMPORION_DATABASE_URL")
        assert "hush" not in said.err


class TestGateway:
    def test_unreachable_says_where(self, emporion: Emporion, nothing_listens: str) -> None:
        refused(emporion("search"), nothing_listens, "emporion up", "--gateway")

    @pytest.mark.usefixtures("nothing_listens")
    def test_status_without_one_is_no_error(self, emporion: Emporion) -> None:
        said = emporion("status", "--json")
        assert said.status == 0
        assert said.json["chains"] == []
        assert said.json["gateway"]["ready"] is False


class TestArguments:
    def test_address_that_is_none(self, emporion: Emporion) -> None:
        refused(emporion("devnet", "fund", "0x12"), "'0x12'", "40 hexadecimal digits")

    def test_address_with_a_wrong_digit(self, emporion: Emporion) -> None:
        refused(emporion("devnet", "fund", "0x24648F31E5db20c1eE5B6566d4D2a0925a29E423"), "EIP-55")

    @pytest.mark.parametrize("text", ["soon", "-3d", "1.5h"])
    def test_duration_that_is_none(self, emporion: Emporion, text: str) -> None:
        refused(emporion("devnet", "advance", "--", text), "write 90s, 15m, 12h, 30d or 2w")

    def test_plan_that_is_none(self, emporion: Emporion) -> None:
        refused(emporion("buyer", "buy", "99"), "99 is not a plan id")

    def test_amount_that_is_none(self, emporion: Emporion) -> None:
        refused(emporion("stake", "lock", "much", "90d"), "'much' is no amount")

    def test_no_devnet_runs(self, emporion: Emporion, home: Path) -> None:
        refused(emporion("devnet", "snapshot"), f"no devnet runs from {home / 'devnet'}", "emporion devnet")

    def test_manifest_that_is_missing(self, emporion: Emporion) -> None:
        refused(emporion("provider", "publish", "nowhere.toml"), "nowhere.toml", "service.toml")

    def test_manifest_with_mistakes_names_their_lines(self, emporion: Emporion, tmp_path: Path) -> None:
        path = tmp_path / "service.toml"
        path.write_text('[service]\nname = "x"\nslug = "X y"\n\n[[plan]]\nname = "p"\nkind = "pas"\n')
        refused(
            emporion("provider", "publish", str(path)), f"{path}:3: service.slug", f"{path}:7: plan.0.kind"
        )

    def test_command_nobody_knows(self, emporion: Emporion) -> None:
        said = emporion("bye")
        assert said.status == 2
        assert "No such command 'bye'" in said.err

    def test_missing_argument_is_a_matter_of_usage(self, emporion: Emporion) -> None:
        said = emporion("buyer", "deposit", "1048614")
        assert said.status == 2
        assert "units" in said.err
