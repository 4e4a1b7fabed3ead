"""How a JSON-RPC body reaches a node: a port, and the real one over `backend.net`."""

from typing import Final, Protocol

from yarl import URL

from backend.core.errors import BodyTooLarge, LogsRefused, NodeThrottled, NodeUnreachable, UpstreamError
from backend.net.client import HttpClient, Reply, Timeouts

_MAX_ANSWER: Final = 256 * 1024 * 1024
_HEADERS: Final = {"Content-Type": "application/json"}
_JSON_STARTS: Final = (b"{", b"[")


class Transport(Protocol):
    """What carries a body to a node and its answer back."""

    async def post(self, url: str, body: bytes) -> bytes:
        """Send and wait. Raises NodeUnreachable, NodeThrottled, LogsRefused (answer too large)."""
        ...


class HttpTransport:
    """JSON-RPC over the one HTTP client. Messages name the host: the path may hold a secret."""

    def __init__(
        self, http: HttpClient, timeouts: Timeouts | None = None, most_bytes: int = _MAX_ANSWER
    ) -> None:
        self._http = http
        self._most_bytes = most_bytes
        self._timeouts = timeouts or Timeouts(connect=5.0, read=30.0, total=60.0)

    async def post(self, url: str, body: bytes) -> bytes:
        """Send and wait. Raises NodeUnreachable, NodeThrottled, LogsRefused (answer too large)."""
        target = URL(url)
        try:
            async with self._http.stream(
                "POST", target, headers=_HEADERS, body=body, timeouts=self._timeouts
            ) as reply:
                return await _read(target, reply, self._most_bytes)
        except UpstreamError as error:
            raise NodeUnreachable(
                f"no answer from the node at {target.host}:{target.port} ({error.message}); start it, "
                "or name another in EMPORION_RPC_URLS"
            ) from error
        except BodyTooLarge as error:
            raise LogsRefused(f"the node at {target.host} sent too much: {error.message}") from error


async def _read(target: URL, reply: Reply, most_bytes: int) -> bytes:
    """The body, if it is JSON-RPC whatever its status; nodes send their errors with 400 and 500 too."""
    if reply.status == 429:
        wait = reply.header("Retry-After") or "0"
        raise NodeThrottled(
            f"the node at {target.host} wants fewer requests", int(wait) if wait.isdigit() else 0
        )
    body = await reply.read(most_bytes)
    if reply.status != 200 and not body.lstrip().startswith(_JSON_STARTS):
        raise NodeUnreachable(
            f"the node at {target.host} answered {reply.status}; check its URL in EMPORION_RPC_URLS",
            status=reply.status,
        )
    return body
