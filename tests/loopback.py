"""No test talks to anything but this machine: an attempt fails at once, and names the address."""

import ipaddress
import socket
import sys


class InternetClosed(OSError):
    """A test reached for an address that is not this machine's."""


def close_the_internet() -> None:
    """From now on, in this process and for good, refuse connections and look-ups beyond loopback."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_here(str(address[0])):
            raise InternetClosed(f"tests talk to loopback only, not to {address[0]}:{address[1]}")
    elif event == "socket.getaddrinfo" and not is_known_without_asking(arguments[0]):
        raise InternetClosed(f"tests look up no names of the internet, and not {arguments[0]!r}")


def is_here(host: str) -> bool:
    """Whether the host is this machine's loopback."""
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def is_known_without_asking(host: object) -> bool:
    """Whether a look-up stays on this machine: a literal address, localhost, or the machine's own name."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost", socket.gethostname()):
        return True
    try:
        ipaddress.ip_address(str(name).split("%")[0])
    except ValueError:
        return False
    return True
