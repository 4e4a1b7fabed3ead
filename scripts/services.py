"""PostgreSQL and Redis on this machine: without one its tests are skipped, and that is said aloud."""

import socket

from scripts.progress import say

SERVERS = {"PostgreSQL": 5432, "Redis": 6379}


def reachable(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def tell_servers() -> None:
    """Name each server whose tests will be skipped."""
    for name, port in SERVERS.items():
        if not reachable(port):
            say(f"NOTE: {name} does not answer on 127.0.0.1:{port}; its tests will be SKIPPED.")
