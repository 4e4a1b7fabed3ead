"""What the machine must bring: Python (checked by `run.py`), Node and npm."""

import re
import shutil
import subprocess

from scripts.progress import SetupError

OLDEST_NODE = 20
INSTALL_NODE = (
    f"install Node {OLDEST_NODE} or newer, with npm (Debian 13, Ubuntu 25.04: apt install nodejs npm; macOS: "
    "brew install node; Windows: winget install OpenJS.NodeJS.LTS; elsewhere: nodejs.org), then run again"
)


def find_npm() -> str:
    """The full path of npm (`npm.cmd` on Windows).

    Raises:
        SetupError: Node or npm is not on the PATH.
    """
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise SetupError(
                f"{name} is not on the PATH; the Solidity compiler and devnet need it", INSTALL_NODE
            )
    found = shutil.which("npm")
    assert found is not None
    return found


def check_node() -> None:
    """Ask Node for its version.

    Raises:
        SetupError: Node is missing, does not answer, or is older than `OLDEST_NODE`.
    """
    node = shutil.which("node")
    if node is None:
        raise SetupError("node is not on the PATH", INSTALL_NODE)
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    require_node(answer)


def require_node(version: str) -> None:
    """Accept what `node --version` printed, such as `v20.20.2`.

    Raises:
        SetupError: it is no version, or too old.
    """
    major = re.match(r"v(\d+)\.", version)
    if major is None:
        raise SetupError(f"`node --version` answered {version!r}", INSTALL_NODE)
    if int(major[1]) < OLDEST_NODE:
        raise SetupError(f"Node {version} is too old; {OLDEST_NODE} is the oldest that works", INSTALL_NODE)
