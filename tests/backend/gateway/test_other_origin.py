"""A page of another origin, in a real browser, against the gateway.

given an origin that the operator named
├── a call with a key is answered, whole and streamed, and the page reads our headers and the receipt
└── a refusal is read too: its code and its request id
given an origin that nobody named
└── the page gets nothing, and no model is asked
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from tests.backend.gateway.conftest import MODEL, House, free_socket
from tests.e2e.page_stage import PROGRAMS, QUIET

pytestmark = pytest.mark.integration

HEADERS = [
    "emporion-receipt",
    "emporion-plan",
    "emporion-block",
    "emporion-credits-remaining",
    "x-request-id",
]
ASK = """async ([url, key, body, names]) => {
  const headers = {"authorization": `Bearer ${key}`, "content-type": "application/json"};
  try {
    const reply = await fetch(url, {method: "POST", headers, body});
    const read = Object.fromEntries(names.map((name) => [name, reply.headers.get(name)]));
    return {status: reply.status, text: await reply.text(), read};
  } catch (error) {
    return {failed: error.name};
  }
}"""


@pytest.fixture
def sockets() -> Any:
    with free_socket() as named, free_socket() as other:
        yield named, other


def origin_of(opened: Any) -> str:
    return f"http://127.0.0.1:{opened.getsockname()[1]}"


@pytest.fixture
def gateway_settings(sockets: Any) -> dict[str, Any]:
    return {"cors_origins": origin_of(sockets[0])}


@asynccontextmanager
async def site(opened: Any) -> AsyncIterator[str]:
    """An empty page on a socket."""

    async def empty(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Shop</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, opened).start()
    try:
        yield origin_of(opened)
    finally:
        await runner.cleanup()


@pytest.fixture
async def pages(sockets: Any) -> AsyncIterator[tuple[Page, Page]]:
    """A page of the origin that was named, and one of another."""
    program = next((path for path in PROGRAMS if Path(path).exists()), None)
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with AsyncExitStack() as stack:
        origins = [await stack.enter_async_context(site(opened)) for opened in sockets]
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=program, args=QUIET)
        stack.push_async_callback(browser.close)
        named, other = await browser.new_page(), await browser.new_page()
        await named.goto(origins[0])
        await other.goto(origins[1])
        yield named, other


async def ask(page: Page, house: House, key: str, **changed: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8, **changed}
    sent = [f"{house.url}/v1/chat/completions", key, json.dumps(body), HEADERS]
    found: dict[str, Any] = await page.evaluate(ASK, sent)
    return found


class TestOtherOrigin:
    async def test_reads_answers_and_our_headers(
        self, house: House, paid_key: str, pages: tuple[Page, Page]
    ) -> None:
        whole = await ask(pages[0], house, paid_key)
        assert whole["status"] == 200
        assert json.loads(whole["text"])["choices"][0]["message"]["content"] == "Once upon a time"
        assert all(whole["read"].values()), whole["read"]
        assert json.loads(whole["read"]["emporion-receipt"])["micro_credits"] == "190"
        streamed = await ask(pages[0], house, paid_key, stream=True)
        assert streamed["text"].endswith("data: [DONE]\n\n")
        assert ": emporion-receipt " in streamed["text"]

    async def test_reads_a_refusal(self, house: House, pages: tuple[Page, Page]) -> None:
        refused = await ask(pages[0], house, await house.key())
        assert refused["status"] == 402
        assert json.loads(refused["text"])["error"]["code"] == "payment_required"
        assert refused["read"]["x-request-id"].startswith("req_")

    async def test_gets_nothing_where_nobody_named_it(
        self, house: House, paid_key: str, pages: tuple[Page, Page]
    ) -> None:
        assert await ask(pages[1], house, paid_key) == {"failed": "TypeError"}
        assert not house.model.asked
