"""Who a request comes from, and what it may do."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from backend.core.errors import AddressNotAllowed, FreshSignatureRequired, ScopeMissing
from backend.core.units import Address, ChainId, MicroCredits, ServiceId, UnixTime


class Scope(StrEnum):
    """What a credential may be used for."""

    INFERENCE = "inference"
    """Calls that spend."""
    READ = "read"
    """The account's own usage, receipts and holdings."""
    PROVIDER = "provider"
    """Upstream bindings and revenue of the account's services."""
    KEYS = "keys"
    """Listing and revoking keys; making them needs a session with a fresh signature."""


ALL_SCOPES = frozenset(Scope)
FRESH_SECONDS = 300
"""How young a wallet's signature must be for making or rotating keys."""


@dataclass(frozen=True, slots=True)
class Principal:
    """One account on one chain, and the credential that proved it."""

    chain_id: ChainId
    address: Address
    credential: Literal["key", "session", "signature", "app"]
    credential_id: str
    """Public id of the key, or of what an app was granted; for a session the first eight bytes of its hash;
    for a signature of its nonce.
    """
    scopes: frozenset[Scope] = ALL_SCOPES
    services: frozenset[ServiceId] = field(default_factory=frozenset)
    networks: tuple[str, ...] = ()
    daily_cap: MicroCredits | None = None
    signed_at: UnixTime | None = None
    """When the wallet signed; none for a key."""
    secret_version: int | None = None
    superseded: bool = False
    """Proved by a key's old secret while a rotation overlaps."""

    @property
    def key_id(self) -> str | None:
        """The id use and caps are counted under: the key's, or an app's grant's; none for a wallet itself."""
        return self.credential_id if self.credential in ("key", "app") else None

    def require_scope(self, scope: Scope) -> None:
        """Raises ScopeMissing."""
        if scope not in self.scopes:
            raise ScopeMissing(
                f"this credential lacks the scope {scope.value}; make a key that has it", scope=scope.value
            )

    def require_service(self, service_id: ServiceId) -> None:
        """Raises ScopeMissing for a service outside the key's list."""
        if self.services and service_id not in self.services:
            raise ScopeMissing(
                f"this key is limited to other services than {service_id}", services=sorted(self.services)
            )

    def require_network(self, client: str) -> None:
        """Raises AddressNotAllowed for a caller outside the key's networks."""
        if self.networks and not is_inside(client, self.networks):
            raise AddressNotAllowed(
                "this key may not be used from your network address; see its list of networks"
            )

    def require_fresh(self, now: UnixTime) -> None:
        """Raises FreshSignatureRequired unless a wallet signed within the last five minutes."""
        if self.signed_at is None or now - self.signed_at > FRESH_SECONDS:
            raise FreshSignatureRequired(
                "sign in with the wallet again (GET /v1/auth/nonce, POST /v1/auth/siwe) and retry within "
                "five minutes"
            )


def is_inside(client: str, networks: tuple[str, ...]) -> bool:
    """Whether a network address is inside one of the CIDRs; one that cannot be read is not."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)


@lru_cache(maxsize=4_096)
def network_of(client: str) -> str:
    """The IPv4 /24 or IPv6 /48 of a caller; the text itself where it is no address."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:64]
    length = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))
