"""The devnet's accounts: keys that everybody can compute. Never send anything of worth to them."""

from collections.abc import Mapping
from typing import Final

from backend.core.units import keccak
from backend.signing.keys import LocalKey

ROLES: Final = (
    "deployer",
    "operator",
    "meter",
    "provider",
    "second_provider",
    "co_owner",
    "buyer",
    "second_buyer",
    "third_buyer",
    "staker",
    "second_staker",
)
"""Who is on a devnet. The operator holds the EMP and stands in for governance, guardian and treasury."""


def devnet_secret(role: str) -> bytes:
    """The private key of a role: keccak256("emporion devnet <role>")."""
    return keccak(f"emporion devnet {role}".encode())


def devnet_accounts() -> Mapping[str, LocalKey]:
    """A key for each role."""
    return {role: LocalKey(devnet_secret(role)) for role in ROLES}
