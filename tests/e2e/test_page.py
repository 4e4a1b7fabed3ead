"""The page in Chromium against a devnet with everything running.

buyer
    from an empty wallet to an answer: connects, buys with a permit and one transaction, signs in, asks;
    every signature is explained before it is asked; then sees what it has and makes a key
    declines: nothing is sent
    lets an app in: sees what it could do, signs, and is sent back with a code; a screen's code is asked for
page
    works from the keyboard, fits a phone, is readable in the dark, and logs no error
"""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_defunct
from playwright.async_api import Browser, Page, async_playwright, expect

from backend.cli.demo.world import World
from tests.e2e.stage import published

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("page")) as cast:
        yield cast


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = next((path for path in PROGRAMS if Path(path).exists()), None)
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, stage: World) -> AsyncIterator[Page]:
    context = await browser.new_context()
    page = await context.new_page()
    troubles = list[str]()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    await page.goto(stage.services.url)
    yield page
    await context.close()
    assert not [line for line in troubles if "402" not in line and "404" not in line]


async def connect(page: Page) -> None:
    await page.get_by_role("button", name="Test wallet").click()
    await expect(page.get_by_role("button", name="Leave")).to_be_visible(timeout=20_000)


class TestBuyer:
    async def test_from_an_empty_wallet_to_an_answer(self, page: Page) -> None:
        await connect(page)
        await page.get_by_role("link", name="SmolLM2 135M Instruct").click()
        await (
            page.locator("li.card", has=page.get_by_role("heading", name="Credits"))
            .get_by_role("button", name="Buy")
            .click()
        )
        dialog = page.locator("dialog[open]")
        await expect(dialog).to_contain_text("You pay 1 tUSD for 100 units.")
        await expect(dialog).to_contain_text("can be refunded")
        await dialog.get_by_role("button", name="Continue").click()
        await expect(page.get_by_text("Done.")).to_be_visible(timeout=20_000)
        await page.get_by_role("button", name="Ask").click()
        await expect(dialog).to_contain_text("It costs nothing")
        await dialog.get_by_role("button", name="Sign the text").click()
        await expect(page.get_by_text(re.compile(r"credits left"))).to_be_visible(timeout=60_000)
        assert (await page.get_by_label("Answer").inner_text()).strip()
        await page.get_by_role("link", name="My access").click()
        await expect(page.get_by_text("100 credits")).to_be_visible()
        await page.get_by_label("Name of a new key").fill("laptop")
        await page.get_by_role("button", name="Make a key").click()
        await expect(page.locator("#new-key")).to_have_text(re.compile(r"^emp_dev_"))

    async def test_declining_sends_nothing(self, page: Page) -> None:
        await connect(page)
        await page.get_by_role("link", name="SmolLM2 135M Instruct").click()
        await page.get_by_role("button", name="Buy").first.click()
        await page.get_by_role("button", name="Not now").click()
        await expect(page.locator("dialog[open]")).to_have_count(0)
        await page.get_by_role("link", name="My access").click()
        await expect(page.get_by_text("Nothing yet")).to_be_visible()


class TestConsent:
    async def test_lets_an_app_in(self, page: Page, stage: World) -> None:
        url = stage.services.url
        query = await asked_by_an_app(url)
        await page.goto(f"{url}/v1/oauth/authorize?{query}")
        await expect(page.get_by_role("heading", name="Let Notes use your account?")).to_be_visible()
        await expect(page.get_by_role("listitem")).to_contain_text("spend the credits")
        await connect(page)
        await page.get_by_label("Most credits it may spend a day").fill("5")
        await page.get_by_role("button", name="Sign and let it in").click()
        await page.wait_for_url(re.compile(r"/healthz\?code=emc_.*&state=s1&iss="), timeout=20_000)

    async def test_asks_for_the_code_of_a_screen(self, page: Page, stage: World) -> None:
        await page.goto(f"{stage.services.url}/device")
        await page.get_by_label("Code").fill("BCDF-GHJK")
        async with page.expect_response("**/v1/oauth/review") as answer:
            await page.get_by_role("button", name="Continue").click()
        assert (await answer.value).status == 404
        await expect(page.get_by_text("no app waits with this code")).to_be_visible()


async def asked_by_an_app(url: str) -> str:
    """The query of an app that was registered with a wallet's session; it is answered at /healthz."""
    wallet = Account.create()
    async with httpx.AsyncClient(base_url=url) as http:
        said = (await http.get("/v1/auth/nonce")).json()
        message = (
            f"{said['domain']} wants you to sign in with your Ethereum account:\n{wallet.address}\n\n"
            f"{said['statement']}\n\nURI: {said['uri']}\nVersion: 1\nChain ID: {said['chain_id']}\n"
            f"Nonce: {said['nonce']}\nIssued At: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        )
        signature = wallet.sign_message(encode_defunct(text=message)).signature.hex()
        session = await http.post("/v1/auth/siwe", json={"message": message, "signature": signature})
        app = await http.post(
            "/v1/oauth/apps",
            json={"client_name": "Notes", "redirect_uris": [f"{url}/healthz"]},
            headers={"authorization": f"Bearer {session.json()['token']}"},
        )
    return urlencode(
        {
            "response_type": "code",
            "client_id": app.json()["client_id"],
            "redirect_uri": f"{url}/healthz",
            "scope": "inference",
            "state": "s1",
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
    )


class TestPage:
    async def test_works_from_the_keyboard(self, page: Page) -> None:
        await expect(page.get_by_role("heading", name="Services on sale")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()

    @pytest.mark.parametrize("view", ["", "mine", "provider", "stake", "market", "network"])
    async def test_fits_a_phone(self, page: Page, stage: World, view: str) -> None:
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(f"{stage.services.url}/#/{view}")
        await expect(page.locator("main h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    async def test_is_readable_in_the_dark(self, page: Page) -> None:
        await page.emulate_media(color_scheme="dark")
        ground, ink = await page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert contrast(ground, ink) >= 7


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two CSS colours (WCAG 2.2, 1.4.6)."""

    def light(text: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", text)[:3]]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
