"""Where a request comes from: the peer, or what a trusted proxy says about it."""

import ipaddress
from collections.abc import Sequence

from backend.gateway.asgi import Scope


class ClientAddress:
    """Reads the caller's address; `trusted` are addresses or CIDRs of proxies whose header is believed."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = [ipaddress.ip_network(entry, strict=False) for entry in trusted]

    def of(self, scope: Scope) -> str:
        """The rightmost address of X-Forwarded-For that is no proxy of ours; the peer where none is
        trusted.
        """
        peer = scope["client"][0] if scope.get("client") else ""
        if not self._trusted or not self._is_proxy(peer):
            return peer
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = [hop.strip() for hop in b",".join(values).decode("latin-1").split(",") if hop.strip()]
        for hop in reversed(hops):
            if not self._is_proxy(hop):
                return hop
        return hops[0] if hops else peer

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)
