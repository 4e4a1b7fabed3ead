"""PostgreSQL, Redis and nginx on this machine: without one its tests are skipped, and that is said aloud."""

import shutil
import socket
from pathlib import Path

from scripts.progress import say

SERVERS = {"PostgreSQL": 5432, "Redis": 6379}
PROGRAMS = {"pg_ctl": "postgresql", "redis-server": "redis-server", "nginx": "nginx"}
"""Programs that tests start for themselves, and Debian's packages that have them."""


def reachable(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def installed(name: str) -> bool:
    """Whether a program is where Debian puts it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    return bool(found) or any(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))


def tell_servers() -> None:
    """Name each server whose tests will be skipped."""
    for name, port in SERVERS.items():
        if not reachable(port):
            say(f"NOTE: {name} does not answer on 127.0.0.1:{port}; its tests will be SKIPPED.")
    for name, package in PROGRAMS.items():
        if not installed(name):
            say(f"NOTE: there is no {name} (package {package}); the tests of replicas will be SKIPPED.")
