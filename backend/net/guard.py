"""Which places on the network this program may speak to (server-side request forgery, OWASP A10).

Checked twice: the URL before anything happens, and every address a name resolves to when the connection is
made, in the very call that connects. A name that resolves to something else on its second look-up gains
nothing.
"""

import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yarl import URL

from backend.core.errors import AddressBlocked

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

TRANSLATED: Final = tuple(ipaddress.ip_network(block) for block in ("64:ff9b::/96", "64:ff9b:1::/48"))
"""IPv6 blocks that a NAT64 gateway turns into IPv4 addresses, private ones too (RFC 6052, RFC 8215)."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What is reachable.

    Public addresses over https at `ports`, if `public`; addresses of this machine over http or https at any
    port, if `loopback`. The embedded engine's client has loopback alone, a production client public alone,
    a devnet's both. `trusted` lifts all of it but the form of a URL: for addresses that the operator wrote
    into the settings, such as a node in a private network; never for what a stranger can name.
    """

    public: bool = True
    loopback: bool = False
    ports: frozenset[int] = frozenset({443, 8443})
    trusted: bool = False


LOOPBACK_ONLY: Final = NetworkPolicy(public=False, loopback=True)
PUBLIC_ONLY: Final = NetworkPolicy()
DEVNET: Final = NetworkPolicy(loopback=True)
OPERATOR: Final = NetworkPolicy(trusted=True)


def literal_address(host: str) -> IpAddress | None:
    """The address a host spells out, None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def embedded_address(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in block for block in TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: IpAddress) -> bool:
    """Whether an address is one of the open internet, seen through its translations."""
    inner = embedded_address(address)
    return inner.is_global and not inner.is_multicast and not inner.is_reserved and not inner.is_unspecified


def is_loopback_name(host: str) -> bool:
    """`localhost`, a name below it (RFC 6761), or a loopback address written out."""
    address = literal_address(host)
    if address is not None:
        return address.is_loopback
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def check_address(text: str, policy: NetworkPolicy) -> None:
    """Raise AddressBlocked unless the policy lets us connect to this address."""
    address = literal_address(text)
    if policy.trusted and address is not None:
        return
    if address is not None and policy.loopback and address.is_loopback:
        return
    if address is not None and policy.public and is_public(address):
        return
    raise AddressBlocked(f"{text} is not an address this program may connect to", address=text)


def check_resolved(host: str, addresses: list[str], policy: NetworkPolicy) -> None:
    """Raise AddressBlocked unless every address is allowed; only loopback names may mean this machine."""
    local = is_loopback_name(host)
    for address in addresses:
        found = literal_address(address)
        if not policy.trusted and found is not None and found.is_loopback != local:
            raise AddressBlocked(
                f"{host} resolves to {address}, which it may not", host=host, address=address
            )
        check_address(address, policy)


@lru_cache(maxsize=1_024)
def check_url(url: URL, policy: NetworkPolicy) -> URL:
    """Return the URL if its scheme, host and port are allowed; no name is resolved here, so what was allowed
    once is remembered: the same few upstreams are asked again and again.

    Raises AddressBlocked with what is wrong and what would be right.
    """
    if not url.absolute or not url.host:
        raise AddressBlocked(f"{str(url)[:200]!r} is not a full URL: write https://host/path")
    if url.user is not None or url.password is not None:
        raise AddressBlocked("a URL may not carry a user or password: give the secret in its own field")
    host = url.host
    if policy.trusted or (policy.loopback and is_loopback_name(host)):
        _check_scheme(url, ("http", "https"))
        return url
    _check_scheme(url, ("https",))
    if url.port not in policy.ports:
        allowed = ", ".join(str(port) for port in sorted(policy.ports))
        raise AddressBlocked(f"port {url.port} is not allowed: use one of {allowed}", port=url.port)
    if not policy.public or is_loopback_name(host):
        raise AddressBlocked(f"{host} is outside what this program may connect to", host=host)
    if literal_address(host) is not None:
        check_address(host, policy)
    return url


def _check_scheme(url: URL, allowed: tuple[str, ...]) -> None:
    if url.scheme not in allowed:
        raise AddressBlocked(
            f"scheme {url.scheme!r} is not allowed: use {' or '.join(allowed)}", scheme=url.scheme
        )


class BlockedAtConnectError(OSError):
    """An address refused in the connecting call itself; `OSError`, so that connectors treat it as a
    failure.
    """


SocketAddress = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]
"""One row of `socket.getaddrinfo`."""


def guarded_socket(row: SocketAddress, policy: NetworkPolicy) -> socket.socket:
    """A fresh socket for one resolved address, or BlockedAtConnectError: the last check, on what is
    connected to.
    """
    family, kind, protocol, _, address = row
    try:
        check_address(str(address[0]), policy)
    except AddressBlocked as error:
        raise BlockedAtConnectError(error.message) from error
    return socket.socket(family, kind, protocol)
