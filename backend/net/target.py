"""A place we send requests to: one origin, a base path, and the exact paths below it that may be asked."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from yarl import URL

from backend.core.errors import AddressBlocked
from backend.net.guard import NetworkPolicy, check_url


@dataclass(frozen=True, slots=True)
class Target:
    """Built by `Target.at` alone, which checks it; a request names one of `paths`, never a URL."""

    base: URL
    paths: frozenset[str]

    @classmethod
    def at(cls, base: str, paths: frozenset[str], policy: NetworkPolicy) -> Self:
        """Check `base` (`https://host[:port][/path]`) and keep it.

        Raises AddressBlocked for a query, a fragment, an escaped or dotted path and all that `check_url`
        refuses.
        """
        try:
            url = URL(base)
            url.port  # noqa: B018 - yarl reads it late
        except ValueError as error:
            raise AddressBlocked(f"{base[:200]!r} is not a URL: write https://host/path") from error
        check_url(url, policy)
        if url.query_string or url.fragment or "?" in base or "#" in base:
            raise AddressBlocked("an upstream's base URL has no query and no fragment")
        if "%" in base or "\\" in base or any(part in (".", "..") for part in base.split("/")):
            raise AddressBlocked("an upstream's base URL has a plain path, without escapes or dots")
        return cls(url.with_path(url.path.rstrip("/")), paths)

    @property
    def origin(self) -> str:
        """`https://host:port` with the port always written: what a secret is bound to."""
        return f"{self.base.scheme}://{self.base.host}:{self.base.port}"

    def url(self, path: str) -> URL:
        """The URL of an allowed path. Raises AddressBlocked for any other."""
        if path not in self.paths:
            raise AddressBlocked(f"{path[:100]!r} is not a path of this upstream", path=path[:100])
        return _below(self.base, path)


@lru_cache(maxsize=1_024)
def _below(base: URL, path: str) -> URL:
    """Remembered: joining a URL, and all that is worked out from a new one, costs more than sending it."""
    return base.with_path(base.path.rstrip("/") + path)
