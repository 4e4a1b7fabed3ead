"""Vouchers renewed by themselves: where the gateway asks for a larger one, it is handed in and the request
sent again. Imported where the `openai` package is, with whose HTTP client it works.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2 as httpx
import orjson

TIMEOUT: Final = httpx.Timeout(600.0, connect=5.0)
Renew = Callable[[int, int], Awaitable[Any]]
"""Signs and hands in a voucher: plan, credits needed in all."""


class RenewingTransport(httpx.AsyncBaseTransport):
    """Sends requests; where the answer is a 402 that a larger voucher cures, hands one in and sends again."""

    def __init__(self, renew: Renew, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._renew = renew
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, sent twice at most."""
        answer = await self._inner.handle_async_request(request)
        if answer.status_code != httpx.codes.PAYMENT_REQUIRED:
            return answer
        body = await answer.aread()
        needed = needed_in(body)
        if needed is None:
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        await answer.aclose()
        await self._renew(*needed)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


def needed_in(body: bytes) -> tuple[int, int] | None:
    """Plan and credits of the first voucher a 402 asks for, in either envelope; None for none."""
    try:
        outer = orjson.loads(body)
        inner = outer.get("error") if isinstance(outer.get("error"), dict) else outer
        wanted = inner["details"]["vouchers"][0]
        return int(wanted["plan_id"]), int(wanted["cumulative_units"])
    except (orjson.JSONDecodeError, AttributeError, KeyError, IndexError, TypeError, ValueError):
        return None


def renewing_client(renew: Renew) -> httpx.AsyncClient:
    """A client for the `openai` package."""
    return httpx.AsyncClient(transport=RenewingTransport(renew), timeout=TIMEOUT)
