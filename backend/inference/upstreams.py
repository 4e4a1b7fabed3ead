"""The three kinds of upstream."""

from collections.abc import Mapping
from typing import Final, Protocol

from backend.core.errors import EmporionError, UpstreamError
from backend.inference.media import MediaRoute
from backend.inference.operations import Operation
from backend.inference.upstream import UpstreamReply
from backend.net.client import HttpClient, Timeouts
from backend.net.target import Target

PROBE: Final = Timeouts(connect=2, read=3, total=3)
VERSION_PREFIX: Final = "/v1"
OPENAI_PATHS: Final = frozenset(
    {*(route.value.removeprefix(VERSION_PREFIX) for route in (*Operation, *MediaRoute)), "/models"}
)
"""Below a base URL that ends in `/v1`, as OpenAI's own does."""
ENDPOINT: Final = ""


class Engine(Protocol):
    """What the embedded upstream needs of its engine."""

    @property
    def http(self) -> HttpClient:
        """A client that may speak to this machine."""
        ...

    @property
    def target(self) -> Target:
        """Where the engine listens now. Raises UpstreamUnavailable."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What the engine wants to see."""
        ...

    @property
    def model(self) -> str:
        """The name the model answers to."""
        ...

    async def healthy(self) -> bool:
        """Whether it answers now."""
        ...


class EmbeddedUpstream:
    """The gateway's own model."""

    def __init__(self, name: str, engine: Engine, timeouts: Timeouts | None = None) -> None:
        self.name = name
        self.model = engine.model
        self._engine = engine
        self._timeouts = timeouts

    async def request(self, path: str, body: bytes, *, stream: bool, request_id: str) -> UpstreamReply:
        """POST to the engine. Raises UpstreamError and its kind."""
        headers = {**self._engine.headers, "X-Request-Id": request_id}
        if stream:
            headers["Connection"] = "close"  # as llama.cpp does after a stream, without saying so
        url = self._engine.target.url(path)
        return await self._engine.http.send(
            "POST", url, headers=headers, body=body, timeouts=self._timeouts, repeatable=True
        )

    async def healthy(self) -> bool:
        """Whether the engine answers now."""
        return await self._engine.healthy()


class OpenAiUpstream:
    """Any OpenAI-compatible server: vLLM, Ray Serve LLM, llama-server, Ollama, a hosted one."""

    def __init__(
        self, name: str, model: str, http: HttpClient, base: str, secret: str | None, timeouts: Timeouts
    ) -> None:
        self.name = name
        self.model = model
        self._http = http
        self._target = Target.at(base, OPENAI_PATHS, http.policy)
        self._headers = _headers(secret)
        self._timeouts = timeouts

    async def request(self, path: str, body: bytes, *, stream: bool, request_id: str) -> UpstreamReply:
        """POST to one of OpenAI's paths (`/v1/...`). Raises UpstreamError and its kind."""
        url = self._target.url(path.removeprefix(VERSION_PREFIX))
        accept = "text/event-stream" if stream else "application/json"
        headers = {**self._headers, "Accept": accept, "X-Request-Id": request_id}
        return await self._http.send(
            "POST", url, headers=headers, body=body, timeouts=self._timeouts, repeatable=True
        )

    async def relay(self, path: str, body: bytes, media_type: str, request_id: str) -> UpstreamReply:
        """POST a body of any type. Raises UpstreamError and its kind."""
        url = self._target.url(path.removeprefix(VERSION_PREFIX))
        own = {"Content-Type": media_type, "Accept": "*/*", "X-Request-Id": request_id}
        return await self._http.send(
            "POST", url, headers={**self._headers, **own}, body=body, timeouts=self._timeouts, repeatable=True
        )

    async def healthy(self) -> bool:
        """Whether the list of models is answered with anything but a server's fault."""
        try:
            async with self._http.stream(
                "GET", self._target.url("/models"), headers=self._headers, timeouts=PROBE
            ) as reply:
                return reply.status < 500
        except EmporionError:
            return False


class PlainUpstream:
    """One endpoint of any service that takes and gives JSON; requests reach its URL whatever their route."""

    def __init__(self, name: str, http: HttpClient, url: str, secret: str | None, timeouts: Timeouts) -> None:
        self.name = name
        self.model = ""
        self._http = http
        self._target = Target.at(url, frozenset({ENDPOINT}), http.policy)
        self._headers = _headers(secret)
        self._timeouts = timeouts

    async def request(self, path: str, body: bytes, *, stream: bool, request_id: str) -> UpstreamReply:
        """POST to the endpoint, once: it may not be safe to repeat. Raises UpstreamError and its kind."""
        headers = {**self._headers, "X-Request-Id": request_id}
        url = self._target.url(ENDPOINT)
        return await self._http.send(
            "POST", url, headers=headers, body=body, timeouts=self._timeouts, fresh=True
        )

    async def read(self, path: str, start: int, length: int, size: int, request_id: str) -> UpstreamReply:
        """GET `length` bytes from `start` of a file of `size` bytes below the endpoint; `path` is one the
        service's document lists. Raises UpstreamError and its kind, also where another range came.
        """
        whole = length == size
        headers = {**self._headers, "Accept": "*/*", "X-Request-Id": request_id}
        if not whole:
            headers["Range"] = f"bytes={start}-{start + length - 1}"
        url = Target(self._target.base, frozenset({f"/{path}"})).url(f"/{path}")
        reply = await self._http.send("GET", url, headers=headers, timeouts=self._timeouts, repeatable=True)
        given = reply.header("Content-Range")
        other = reply.status == 206 and given != _range(start, length, size)
        if other or (reply.status == 200 and not whole):
            reply.close()
            raise UpstreamError("the data's server sent another range than it was asked for")
        return reply

    async def healthy(self) -> bool:
        """True: asking would be a call; the circuit breaker learns from real ones."""
        return True


def _range(start: int, length: int, size: int) -> str:
    return f"bytes {start}-{start + length - 1}/{size}"


def _headers(secret: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    return headers
