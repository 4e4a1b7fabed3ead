"""Files of a devnet's home.

devnet_home: a folder of its own in EMPORION_HOME, and itself once its `env` was read
variables, line: what a second terminal reads, in the words of its shell
forget_stores: the SQLite files of a chain that is gone, nothing else
Presence.require_none: one devnet a home; what a killed one left is passed over
Snapshots: the newest first, those after it forgotten
"""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from backend.cli.devnet.environment import devnet_home, forget_stores, line, variables, write_environment
from backend.cli.devnet.ports import LOOPBACK
from backend.cli.devnet.presence import Presence, Snapshots
from backend.core.errors import Conflict, MalformedRequest


class TestDevnetHome:
    def test_is_apart_from_what_is_live(self, tmp_path: Path) -> None:
        assert devnet_home(tmp_path) == tmp_path / "devnet"

    def test_is_itself_once_its_settings_were_read(self, tmp_path: Path) -> None:
        (tmp_path / "devnet").mkdir()
        write_environment(tmp_path / "devnet", {})
        assert devnet_home(tmp_path) == tmp_path / "devnet"
        assert devnet_home(tmp_path / "devnet") == tmp_path / "devnet"


class TestWriteEnvironment:
    @pytest.mark.skipif(os.name != "posix", reason="needs sh")
    def test_is_read_by_a_shell(self, tmp_path: Path) -> None:
        home = tmp_path / "a home's"
        home.mkdir()
        values = variables(home, "http://127.0.0.1:8545", "http://127.0.0.1:8080")
        path = write_environment(home, values)
        asked = f'. "{path}"; echo "$EMPORION_HOME $EMPORION_DEVNET $EMPORION_RPC_URLS $EMPORION_PUBLIC_URL"'
        said = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True).stdout
        assert said == f"{home} true http://127.0.0.1:8545 http://127.0.0.1:8080\n"

    def test_speaks_powershell_too(self) -> None:
        assert line("EMPORION_HOME", "C:\\a'b", powershell=True) == "$env:EMPORION_HOME = 'C:\\a''b'"


class TestForgetStores:
    def test_keeps_the_rest(self, tmp_path: Path) -> None:
        for name in ("chain.db", "chain.db-wal", "gateway.db", "anvil-state.json", "keys"):
            (tmp_path / name).write_text("")
        forget_stores(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["anvil-state.json", "keys"]


class TestRequireNone:
    def test_lets_a_first_one_start(self, tmp_path: Path) -> None:
        Presence.require_none(tmp_path)

    def test_refuses_a_second_one(self, tmp_path: Path) -> None:
        with socket.create_server((LOOPBACK, 0)) as chain:
            url = f"http://{LOOPBACK}:{chain.getsockname()[1]}"
            Presence(url, 1, os.getpid()).write(tmp_path)
            with pytest.raises(Conflict, match=f"at {url}.*EMPORION_HOME"):
                Presence.require_none(tmp_path)

    def test_passes_over_what_a_killed_one_left(self, tmp_path: Path) -> None:
        with socket.create_server((LOOPBACK, 0)) as chain:
            port = chain.getsockname()[1]
        Presence(f"http://{LOOPBACK}:{port}", 1, os.getpid()).write(tmp_path)
        Presence.require_none(tmp_path)


class TestSnapshots:
    def test_go_back_from_the_newest(self, tmp_path: Path) -> None:
        known = Snapshots(tmp_path)
        for snapshot in ("0x0", "0x1", "0x2"):
            known.add(snapshot)
        assert known.newest() == "0x2"
        known.forget("0x1")
        assert known.newest() == "0x0"
        known.forget("0x77")
        assert known.newest() == "0x0"

    def test_say_when_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(MalformedRequest, match="devnet snapshot"):
            Snapshots(tmp_path).newest()
