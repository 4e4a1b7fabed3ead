"""Which settings are refused, and what to do about each. Pure: values in, sentences out."""

import ipaddress
import string
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from backend.core.settings import Settings

DEVNET_MASTER_KEY: Final = "de" * 32
"""Public, therefore worthless: accepted on a devnet only."""

DEVNET_KEYS: Final = frozenset(
    {
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    }
)
"""The first keys every local node prints at start."""


def problems_of(settings: "Settings") -> list[str]:
    """Every reason to refuse these settings; empty when there is none."""
    return [
        *_transport(settings),
        *_secrets(settings),
        *_signer(settings),
        *_addresses(settings),
    ]


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _transport(settings: "Settings") -> list[str]:
    problems = []
    if not is_loopback(settings.gateway_host) and not settings.trusted_proxies:
        problems.append(
            f"EMPORION_GATEWAY_HOST={settings.gateway_host} would serve plain HTTP to others; "
            "name the TLS proxy in EMPORION_TRUSTED_PROXIES or listen on 127.0.0.1"
        )
    public = urlsplit(settings.public_url)
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        problems.append("EMPORION_PUBLIC_URL is plain http; keys would travel in the clear: use https")
    if settings.allow_loopback_upstreams and not settings.devnet:
        problems.append(
            "EMPORION_ALLOW_LOOPBACK_UPSTREAMS is for a devnet; unset it or set EMPORION_DEVNET=true"
        )
    if "*" in settings.cors_origins and len(settings.cors_origins) > 1:
        problems.append("EMPORION_CORS_ORIGINS mixes * with others; name the origins or only *")
    return problems


def _signer(settings: "Settings") -> list[str]:
    problems = []
    for name in ("SIGNER", "WALLET_SIGNER"):
        given, address = (getattr(settings, f"{name.lower()}_{part}") for part in ("url", "address"))
        url = urlsplit(given)
        if bool(given) != bool(address):
            problems.append(f"EMPORION_{name}_URL and EMPORION_{name}_ADDRESS go together; set both or none")
        if given and url.scheme != "https" and not is_loopback(url.hostname or ""):
            problems.append(
                f"EMPORION_{name}_URL must be https, or on this machine: whoever reaches it can sign"
            )
    return problems


def _secrets(settings: "Settings") -> list[str]:
    problems = []
    master = settings.master_key.get_secret_value().removeprefix("0x").lower()
    if master and not _is_key(master):
        problems.append("EMPORION_MASTER_KEY is not 64 hexadecimal digits")
    earlier = settings.earlier_master_keys.get_secret_value()
    if not all(_is_key(text.strip().removeprefix("0x")) for text in earlier.split(",") if text.strip()):
        problems.append("EMPORION_EARLIER_MASTER_KEYS are not 64 hexadecimal digits each, comma separated")
    if settings.devnet:
        return problems
    if master == DEVNET_MASTER_KEY:
        problems.append("EMPORION_MASTER_KEY is the devnet's public one; make your own")
    for name in ("meter_key", "private_key"):
        key = getattr(settings, name).get_secret_value().removeprefix("0x").lower()
        if key in DEVNET_KEYS:
            problems.append(f"EMPORION_{name.upper()} is a public devnet key; use your own")
    return problems


def _is_key(text: str) -> bool:
    return len(text) == 64 and not set(text) - set(string.hexdigits)


def _addresses(settings: "Settings") -> list[str]:
    problems = []
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "postgres://")):
        problems.append("EMPORION_DATABASE_URL must start with postgresql://; leave it empty for SQLite")
    if not settings.rpc_urls:
        problems.append("EMPORION_RPC_URLS is empty; name at least one node")
    if any(urlsplit(url).scheme not in ("http", "https") for url in settings.rpc_urls):
        problems.append("EMPORION_RPC_URLS takes http:// and https:// only; ws:// goes to EMPORION_WS_URL")
    if settings.ws_url and urlsplit(settings.ws_url).scheme not in ("ws", "wss"):
        problems.append("EMPORION_WS_URL must start with ws:// or wss://")
    if settings.redis_url and urlsplit(settings.redis_url).scheme not in ("redis", "rediss", "unix"):
        problems.append("EMPORION_REDIS_URL must start with redis://, rediss:// or unix://")
    if settings.traces_url and urlsplit(settings.traces_url).scheme not in ("http", "https"):
        problems.append("EMPORION_TRACES_URL must start with http:// or https://")
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            problems.append(f"EMPORION_TRUSTED_PROXIES: {proxy} is neither an address nor a CIDR")
    return problems
