"""A 402 cured by itself: a larger voucher handed in, held credits deposited, and the request sent again.
Imported where the `openai` package is, with whose HTTP client it works.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import httpx2 as httpx

from backend.client.cures import Cure, cure_in

TIMEOUT: Final = httpx.Timeout(600.0, connect=5.0)
MOST_CURES: Final = 3
"""A deposit, a voucher for it, and one more should others spend meanwhile."""
BrokenOff: Final = httpx.HTTPError
"""What a stream of the `openai` package raises where the connection broke."""
CureNow = Callable[[Cure], bool]
CureSoon = Callable[[Cure], Awaitable[bool]]
"""Does what is asked; false where it can do nothing."""


class CuringTransport(httpx.AsyncBaseTransport):
    """Sends requests; where the answer is a 402 that this wallet can cure, does so and sends again."""

    def __init__(self, cure: CureSoon, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._cure = cure
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, sent again after each cure."""
        for _ in range(MOST_CURES):
            answer = await self._inner.handle_async_request(request)
            if answer.status_code != httpx.codes.PAYMENT_REQUIRED:
                return answer
            body = await answer.aread()
            await answer.aclose()
            cure = cure_in(body)
            if cure is None or not await self._cure(cure):
                return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


class BlockingCuringTransport(httpx.BaseTransport):
    """As `CuringTransport`, without `await`."""

    def __init__(self, cure: CureNow, inner: httpx.BaseTransport | None = None) -> None:
        self._cure = cure
        self._inner = inner or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request, sent again after each cure."""
        for _ in range(MOST_CURES):
            answer = self._inner.handle_request(request)
            if answer.status_code != httpx.codes.PAYMENT_REQUIRED:
                return answer
            body = answer.read()
            answer.close()
            cure = cure_in(body)
            if cure is None or not self._cure(cure):
                return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


def curing_client(cure: CureSoon) -> httpx.AsyncClient:
    """A client for the `openai` package."""
    return httpx.AsyncClient(transport=CuringTransport(cure), timeout=TIMEOUT)


def blocking_curing_client(cure: CureNow) -> httpx.Client:
    """A client for the blocking `openai` package."""
    return httpx.Client(transport=BlockingCuringTransport(cure), timeout=TIMEOUT)
