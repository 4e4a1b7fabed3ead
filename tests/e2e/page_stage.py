"""Chromium before a devnet with everything running: what the tests of the page share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from backend.cli.demo.world import World
from tests.e2e.injected_wallet import InjectedWallet
from tests.e2e.stage import published

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROGRAMS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
SOON = 60_000.0
"""Milliseconds that a step may take on a busy machine."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("page")) as cast:
        yield cast


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = next((path for path in PROGRAMS if Path(path).exists()), None)
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    expect.set_options(timeout=SOON)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context()
    context.set_default_timeout(SOON)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, stage: World) -> AsyncIterator[Page]:
    page = await context.new_page()
    troubles = list[str]()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    await page.goto(stage.services.url)
    yield page
    assert not [line for line in troubles if "402" not in line and "404" not in line]


@pytest_asyncio.fixture(loop_scope="module")
async def wallet(context: BrowserContext, stage: World) -> InjectedWallet:
    wallet = InjectedWallet(stage.devnet.rpc_url)
    await wallet.enter(context)
    return wallet
