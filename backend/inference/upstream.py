"""What answers requests, as the router sees it; and one that answers by script."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from backend.core.errors import EmporionError


class UpstreamReply(Protocol):
    """An answer whose head has arrived."""

    status: int
    content_type: str

    def chunks(self) -> AsyncIterator[bytes]:
        """Bytes as they arrive, unmodified. Raises UpstreamError when the answer breaks off."""
        ...

    def close(self) -> None:
        """Drop the connection: the upstream stops working on it. Harmless after the end."""
        ...


class Upstream(Protocol):
    """One place that can serve a service's requests."""

    @property
    def name(self) -> str:
        """Its id, for logs and usage rows; no secret."""
        ...

    @property
    def model(self) -> str:
        """What it calls the model; empty where requests name none."""
        ...

    async def request(self, path: str, body: bytes, *, stream: bool, request_id: str) -> UpstreamReply:
        """Send a body to one of its paths. Raises UpstreamError and its kind before the head arrives."""
        ...

    async def healthy(self) -> bool:
        """Whether it answers now; True where that cannot be asked without causing work."""
        ...


class ScriptedReply:
    """Gives its chunks, then raises `fault` if there is one."""

    def __init__(
        self,
        chunks: Sequence[bytes] = (),
        *,
        status: int = 200,
        content_type: str = "application/json",
        fault: EmporionError | None = None,
    ) -> None:
        self.status = status
        self.content_type = content_type
        self.closed = False
        self._chunks = chunks
        self._fault = fault

    async def chunks(self) -> AsyncIterator[bytes]:
        """The script's bytes."""
        for chunk in self._chunks:
            yield chunk
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class ScriptedUpstream:
    """Answers each request with the next of its script, for tests and dry runs."""

    def __init__(self, name: str, script: Sequence[ScriptedReply | EmporionError], model: str = "m") -> None:
        self.name = name
        self.model = model
        self.well = True
        self.asked: list[tuple[str, bytes]] = []
        self._script = list(script)

    async def request(self, path: str, body: bytes, *, stream: bool, request_id: str) -> UpstreamReply:
        """Play the next part. Raises what the script says."""
        self.asked.append((path, body))
        part = self._script.pop(0)
        if isinstance(part, EmporionError):
            raise part
        return part

    async def healthy(self) -> bool:
        """As set."""
        return self.well
