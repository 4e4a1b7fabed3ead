"""What metadata needs from outside: a way to fetch bytes."""

from typing import Protocol

from yarl import URL


class Fetcher(Protocol):
    """An outgoing request behind the SSRF guard."""

    async def fetch(self, url: URL, *, limit: int) -> bytes:
        """The body of a document, at most `limit` bytes. Raises UpstreamError and its kind."""
        ...
