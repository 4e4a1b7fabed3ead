"""Free ports on 127.0.0.1."""

import socket
from typing import Final

from backend.core.errors import SettingsError

LOOPBACK: Final = "127.0.0.1"
_STEPS: Final = 100


def is_free(port: int) -> bool:
    """Whether nothing listens on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(wanted: int) -> int:
    """The wanted port or the next one that is free; 0 gives any. Raises SettingsError when all are taken."""
    if wanted == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            return int(probe.getsockname()[1])
    for port in range(wanted, min(wanted + _STEPS, 65_536)):
        if is_free(port):
            return port
    raise SettingsError(f"ports {wanted} to {wanted + _STEPS - 1} are all taken; name another one")
