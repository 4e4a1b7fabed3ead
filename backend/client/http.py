"""The gateway over HTTP: JSON in and out, its errors as exceptions."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from backend.client.closing import Closing
from backend.core.errors import EmporionError

TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class GatewayError(EmporionError):
    """The gateway refused: its status, stable code, words, and details (offers, for a 402)."""

    code = "gateway_error"

    def __init__(self, status: int, code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {code}: {message}", **dict(details))
        self.answer_status = status
        self.answer_code = code

    @property
    def offers(self) -> list[dict[str, Any]]:
        """What would help: plans to buy, credits to deposit, with call data. Empty but for a 402."""
        found = self.details.get("offers")
        return list(found) if isinstance(found, list) else []


class GatewayUnreachable(EmporionError):
    """No answer from the gateway."""

    code = "gateway_unreachable"
    retryable = True


class Http(Closing):
    """One gateway. `token` is sent as a bearer once there is a session or a key."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = ""
        self._client = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """GET with a query; None values are left out."""
        asked = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", path, params=asked)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST JSON."""
        return await self._ask("POST", path, json=dict(body or {}))

    async def put(self, path: str, body: Any) -> Any:
        """PUT JSON, or bytes as they are."""
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self._ask("PUT", path, **given)

    async def delete(self, path: str) -> Any:
        """DELETE."""
        return await self._ask("DELETE", path)

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = await self._client.request(method, self.base_url + path, headers=headers, **given)
        except httpx.HTTPError as error:
            raise GatewayUnreachable(f"no answer from {self.base_url}: {type(error).__name__}") from error
        return self.read(answer.status_code, answer.content)

    @staticmethod
    def read(status: int, raw: bytes) -> Any:
        """The JSON of an answer. Raises GatewayError for a refusal."""
        if status >= 400:
            raise refusal(status, raw)
        return orjson.loads(raw) if raw else None


def refusal(status: int, raw: bytes) -> GatewayError:
    """The error in either of the gateway's two envelopes (OpenAI's, RFC 9457)."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    outer = body if isinstance(body, dict) else {}
    inner = outer.get("error")
    told: Mapping[str, Any] = inner if isinstance(inner, dict) else outer
    details = told.get("details")
    words = told.get("message") or told.get("detail") or raw[:200].decode("utf-8", "replace")
    found = details if isinstance(details, dict) else {}
    return GatewayError(status, str(told.get("code") or "unknown"), str(words), found)
