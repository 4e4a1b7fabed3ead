"""Where a devnet keeps its files, and the file that points a second terminal at it."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from backend.cli.devnet.accounts import devnet_secret
from backend.core.units import hex_of

POWERSHELL: Final = sys.platform == "win32"
NAME: Final = "env.ps1" if POWERSHELL else "env"
_STORES: Final = ("chain.db", "gateway.db")


def devnet_home(home: Path) -> Path:
    """EMPORION_HOME where that is a devnet's folder already (its `env` was read), else `devnet` in it.

    So the records and stores of a live deployment are never in a devnet's way.
    """
    return home if (home / NAME).exists() else home / "devnet"


def variables(home: Path, rpc_url: str, gateway_url: str, database_url: str = "") -> dict[str, str]:
    """The settings with which any command works on a running devnet."""
    found = {
        "EMPORION_HOME": str(home),
        "EMPORION_DEVNET": "true",
        "EMPORION_NETWORK": "dev",
        "EMPORION_RPC_URLS": rpc_url,
        "EMPORION_PUBLIC_URL": gateway_url,
        "EMPORION_METER_KEY": hex_of(devnet_secret("meter")),
        "EMPORION_DATABASE_URL": database_url,
    }
    return {name: value for name, value in found.items() if value}


def write_environment(home: Path, values: Mapping[str, str]) -> Path:
    """Write the file that a shell reads with a dot; gives its path."""
    path = home / NAME
    path.write_text("\n".join(line(name, value) for name, value in values.items()) + "\n", encoding="utf-8")
    return path


def line(name: str, value: str, *, powershell: bool = POWERSHELL) -> str:
    """A setting as the shell writes it."""
    if powershell:
        return f"$env:{name} = '{value.replace(chr(39), 2 * chr(39))}'"
    return f"export {name}={shlex.quote(value)}"


def forget_stores(home: Path) -> None:
    """Remove the SQLite files of a chain that is gone: a fresh chain begins with empty ones."""
    for name in _STORES:
        for suffix in ("", "-wal", "-shm"):
            path = home / (name + suffix)
            if os.path.lexists(path):
                path.unlink()
