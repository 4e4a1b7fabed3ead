"""Whether a change gives a key more than it has. Pure: rights in, names of what grew out."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final


def widening(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """Names of the rights that `wanted` would widen; what it does not name stays as it is."""
    return {name for name, wider in _WIDER.items() if name in wanted and wider(had[name], wanted[name])}


def _more_scopes(had: list[str], wanted: list[str]) -> bool:
    return not set(wanted) <= set(had)


def _more_services(had: list[int], wanted: list[int]) -> bool:
    """An empty list is every service."""
    return bool(had) and (not wanted or not set(wanted) <= set(had))


def _more_networks(had: list[str], wanted: list[str]) -> bool:
    """An empty list is every network."""
    return bool(had) and (not wanted or not all(_inside(network, had) for network in wanted))


def _inside(network: str, networks: list[str]) -> bool:
    inner = ipaddress.ip_network(network)
    outer = [ipaddress.ip_network(one) for one in networks]
    return any(inner.version == one.version and inner.subnet_of(one) for one in outer)  # type: ignore[arg-type]


def _longer(had: int | None, wanted: int | None) -> bool:
    """None is without end, or without limit."""
    return had is not None and (wanted is None or wanted > had)


_WIDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "scopes": _more_scopes,
    "services": _more_services,
    "networks": _more_networks,
    "daily_cap": _longer,
    "expires_at": _longer,
}
