"""A devnet in a process of its own, and the commands a person types in a second terminal beside it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.core.units import checksum
from backend.signing.keys import LocalKey
from tests.emporion_command import Said, run_emporion

ROOT = Path(__file__).resolve().parents[2]
SETTING = re.compile(r"^export (EMPORION_\w+)=(.*)$", re.MULTILINE)


@dataclass
class Economy:
    """A devnet in a process of its own, and what it printed."""

    process: "subprocess.Popen[str]"
    home: Path
    printed: str

    @property
    def settings(self) -> dict[str, str]:
        """What its file for a second terminal sets."""
        return dict(SETTING.findall((self.home / "devnet" / "env").read_text()))

    @property
    def family(self) -> list[int]:
        """Its process and every one below it."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found

    def told_of(self) -> bool:
        """Whether the gateway has fetched every service's document, and so knows them by name."""
        with urllib.request.urlopen(
            self.settings["EMPORION_PUBLIC_URL"] + "/v1/services", timeout=10
        ) as answer:
            services = json.load(answer)["services"]
        return bool(services) and all(service["slug_model"] for service in services)

    def stop(self) -> str:
        """Ctrl-C; gives the rest of what it says."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[0]


def started(home: Path, *options: str) -> Economy:
    """`emporion devnet OPTION...`, up to the line that says how to stop it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMPORION_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli.main", "devnet", "--gateway-port", "0", *options],
        cwd=ROOT,
        env=environment | {"EMPORION_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C stops" in line:
            return Economy(process, home, printed)
    process.stdout.close()
    raise AssertionError(f"devnet ended with {process.wait()}:\n{printed}")


@contextmanager
def beside(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A command that stays, in a process of its own; ended in order, with status 0."""
    process = subprocess.Popen([sys.executable, "-m", "backend.cli.main", *arguments], cwd=ROOT, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=30)
    assert status == 0


def does(*arguments: str) -> Any:
    """What a command says as JSON; it must come out right."""
    said = run_emporion(*arguments, "--json")
    assert said.status == 0, said
    return said.json


def refuses(*arguments: str) -> Said:
    """A command that must not come out right."""
    said = run_emporion(*arguments)
    assert said.status == 1, said
    return said


def get(path: str) -> Any:
    """The gateway's answer."""
    with urllib.request.urlopen(os.environ["EMPORION_PUBLIC_URL"] + path, timeout=10) as answer:
        return json.load(answer)


def eventually(truth: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it comes true."""
    deadline = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def plan_of(slug: str, kind: str) -> str:
    """A plan of a seeded service that costs something."""
    (service,) = [entry for entry in does("search") if str(entry["slug_model"]).endswith(f"/{slug}")]
    plans = [plan for plan in service["plans"] if plan["kind"] == kind and plan["unit_price"] != "0"]
    return str(plans[0]["id"])


def funded(monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh wallet with money that signs from now on; its address."""
    secret = os.urandom(32)
    wallet = checksum(LocalKey(secret).address)
    monkeypatch.setenv("EMPORION_PRIVATE_KEY", secret.hex())
    does("devnet", "fund", wallet)
    return wallet
