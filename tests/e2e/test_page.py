"""The page in Chromium against a devnet with everything running.

buyer, with an injected wallet that knows neither the chain nor has a coin
    finds a service, is led to the chain and to test money, buys, asks, makes a key and calls with it, sees
    the credits fall, verifies the receipt, and gets back what it did not use; nothing is signed unexplained
    declines, in the dialog or in the wallet: nothing is sent
provider, with an injected wallet
    publishes from the empty form, sees a sale, its use by day, hour and plan, claims the revenue, closes
    the plan
others
    a staker locks and sees the score; a holder offers a pass, a watcher's list is kept
    an app is let in: sees what it could do, signs, and is sent back with a code; a screen's code is asked for
page
    has no serious fault that axe finds, in the light and in the dark, on any view
    keeps still under a pressed pointer: what arrives meanwhile is shown after the click
    works from the keyboard, fits a phone, logs no error, and lets in no script of elsewhere
"""

import asyncio
import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, Route, expect

from backend.cli.demo.world import World
from backend.core.units import PlanId, Then, to_address
from tests.e2e.injected_wallet import InjectedWallet
from tests.e2e.page_stage import browser, context, page, stage, wallet
from tests.e2e.page_steps import (
    agree,
    asked_by_an_app,
    calls,
    connect,
    connected,
    dialog,
    faults,
    find,
    left_to_use,
    plan,
    redrawn,
    section,
    with_money,
)

__all__ = ["browser", "context", "page", "stage", "wallet"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
FRAMES = "new Promise((go) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(go)), 100))"
"""Time in which the page draws what has arrived."""
VIEWS = ("", "service/1", "mine", "provider", "stake", "market", "network")


class TestBuyer:
    async def test_from_nothing_to_an_answer_and_back(
        self, wallet: InjectedWallet, page: Page, stage: World
    ) -> None:
        await with_money(page)
        assert wallet.asked.count("wallet_addEthereumChain") == 1
        assert wallet.signed == []
        await find(page, "instruct", "SmolLM2 135M Instruct")
        await plan(page, "Credits").get_by_role("button", name="Buy for 1 tUSD").click()
        await expect(dialog(page)).to_contain_text("pay 1 tUSD")
        assert wallet.signed == []
        await agree(page, "Continue", "refundable at the price paid", "ask twice", "exactly 1 tUSD")
        await expect(page.get_by_text("Done.")).to_be_visible()
        assert wallet.signed == ["eth_signTypedData_v4", "eth_sendTransaction"]
        await self.asks(page)
        await page.get_by_role("link", name="My access").click()
        before = await left_to_use(page)
        assert before < 100
        key = await self.makes_a_key(page)
        await calls(stage, key)
        await page.reload()
        await connected(page)
        await expect(
            section(page, "Receipts").get_by_role("cell", name=re.compile("^✓ right"))
        ).to_have_count(3)
        assert await left_to_use(page) < before
        assert "personal_sign" in wallet.signed
        await self.gets_the_rest_back(page, wallet, stage)

    async def asks(self, page: Page) -> None:
        await page.get_by_role("button", name="Ask").click()
        await agree(page, "Sign the text", "It costs nothing")
        await expect(page.get_by_text(re.compile(r"credits left"))).to_be_visible()
        assert (await page.get_by_label("Answer").inner_text()).strip()
        receipt = section(page, "Its receipt").last
        await expect(receipt).to_contain_text(
            "Right: its fields, the meter's signature, and the charge. Its settlement on chain comes later"
        )
        await receipt.get_by_text("What was checked, and how").click()
        checks = page.get_by_role("table", name="What was checked")
        await expect(checks.get_by_role("row", name="Signature")).to_contain_text("true")
        await expect(checks.get_by_role("row", name="Charge")).to_contain_text("what the plan's rates say")
        await expect(checks.get_by_text("✗ false")).to_have_count(0)

    async def makes_a_key(self, page: Page) -> str:
        await page.get_by_label("Name of a new key").fill("laptop")
        await page.get_by_role("button", name="Make a key").click()
        await expect(page.locator("#new-key")).to_have_text(re.compile(r"^emp_dev_"))
        key = await page.locator("#new-key").inner_text()
        await dialog(page).get_by_role("button", name="I have kept it").click()
        await page.get_by_role("button", name="Rotate laptop").click()
        await agree(page, "Rotate", "new secret")
        await expect(page.locator("#new-key")).not_to_have_text(key)
        await dialog(page).get_by_role("button", name="I have kept it").click()
        await expect(section(page, "Keys for your programs")).to_contain_text("old secret until")
        return key

    async def gets_the_rest_back(self, page: Page, wallet: InjectedWallet, stage: World) -> None:
        """One press: out of the tab once what was used is settled, then refunded."""
        signed, currency = len(wallet.signed), stage.devnet.contracts.currency(0)
        await page.get_by_role("button", name="Get my money back").click()
        await agree(
            page, "Get it back", "stop giving access", "settled first", "refunded at the price", "three times"
        )
        done = dialog(page).get_by_text(re.compile(r"^Done: 0\.\d+ tUSD are in your wallet\.$"))
        await expect(done).to_be_visible()
        worth = (await done.inner_text()).split()[1]
        await dialog(page).get_by_role("button", name="Close").click()
        assert wallet.signed[signed:] == ["eth_sendTransaction"] * 3
        left = await currency.balance(to_address(wallet.account.address))
        assert left == 999 * 10**6 + int(float(worth) * 10**6)
        await expect(section(page, "Wallet")).to_contain_text(f"999{worth[1:]}")

    async def test_declining_sends_nothing(self, wallet: InjectedWallet, page: Page) -> None:
        await with_money(page)
        await find(page, "", "SmolLM2 135M Instruct")
        buy = plan(page, "Pass").get_by_role("button", name="Buy for")
        await buy.click()
        await agree(page, "Not now", "Not refundable")
        await expect(dialog(page)).to_have_count(0)
        assert wallet.signed == []
        wallet.declines = True
        await buy.click()
        await agree(page, "Continue")
        await expect(page.get_by_text("You declined in the wallet; nothing was sent.")).to_be_visible()
        assert wallet.signed == ["eth_signTypedData_v4"]
        await page.get_by_role("link", name="My access").click()
        await expect(page.get_by_text("Nothing yet.")).to_be_visible()


class TestProvider:
    async def test_publishes_sees_a_sale_and_claims(
        self, wallet: InjectedWallet, page: Page, stage: World
    ) -> None:
        await with_money(page)
        await page.get_by_role("link", name="Provide", exact=True).click()
        await page.get_by_label("Name", exact=True).fill("Helpful model")
        await page.get_by_label("Slug").fill("helpful")
        await page.get_by_label("Description").fill("Answers whatever it can.")
        await page.get_by_label("Credits a request").fill("2")
        await page.get_by_role("button", name="Publish").click()
        await agree(page, "Sign the text")
        await agree(page, "Continue", "1,000 EMP once")
        await agree(page, "Continue", "put up as its bond", "1,000,000 shares")
        await agree(page, "Continue", "can never be changed")
        await expect(page.get_by_text("It is on sale.")).to_be_visible()
        assert wallet.signed == ["personal_sign", *["eth_sendTransaction"] * 3]
        await self.is_sold_and_used(page, stage)
        money = section(page, "Money")
        await money.get_by_role("button", name=re.compile("^Claim 0.")).click()
        await agree(page, "Continue", "go to your wallet")
        await expect(money.get_by_role("button")).to_have_count(0)
        await self.sees_the_use(page)
        await self.closes_the_plan(page)

    async def is_sold_and_used(self, page: Page, stage: World) -> None:
        service = int((await page.locator("ol.steps a").first.inner_text()).split()[1])
        async with httpx.AsyncClient() as http:
            shown = (await http.get(f"{stage.services.url}/v1/services/{service}")).json()
        customer = await stage.meet("page customer")
        bought = stage.devnet.contracts.access.buy(
            PlanId(shown["plans"][0]["id"]), 50, customer.key.address, 10**9, 2**39, Then.DEPOSIT
        )
        dollar, access = stage.devnet.contracts.dollar, stage.devnet.contracts.access
        await customer.trader.send(dollar.approve(access.address, 10**9))
        await customer.trader.send(bought)
        await expect(section(page, "Your services")).to_contain_text("0.5 tUSD")
        await customer.sign_in()
        model, stage.model = stage.model, f"31337/{service}"
        await calls(stage, customer.api_key)
        stage.model = model

    async def sees_the_use(self, page: Page) -> None:
        """By day, hour and plan."""
        use = section(page, "Use and errors")
        await expect(use.locator("figcaption", has_text="Calls by day")).to_contain_text("2, 0 failed")
        await expect(use).to_contain_text("90 in 100 within")
        await self.chooses_during_a_refresh(page, use)
        await expect(use.locator("figcaption", has_text="Tokens by hour")).to_contain_text("in, ")
        await use.get_by_label("Figures by").select_option("plan")
        row = page.get_by_role("table", name="Helpful model by plan").get_by_role("row", name="Credits")
        await expect(row).to_contain_text("2, 0 failed")
        await expect(row).to_contain_text("50 to 1 for 0.5 tUSD")

    async def chooses_during_a_refresh(self, page: Page, use: Locator) -> None:
        """A choice made while the part is on its way anew is not taken back."""
        async with redrawn(page, use.get_by_label("Figures by"), "**/analytics?by=day*"):
            await use.get_by_label("Figures by").select_option("hour")
            await expect(use.locator("figcaption", has_text="Calls by hour")).to_contain_text("2, 0 failed")
        await expect(use.get_by_label("Figures by")).to_have_value("hour")
        await expect(use.locator("figcaption", has_text="Calls by hour")).to_contain_text("2, 0 failed")

    async def closes_the_plan(self, page: Page) -> None:
        await page.get_by_role("link", name="Change").click()
        await page.get_by_role("button", name=re.compile(r"^Close plan \d+")).click()
        await agree(page, "Continue", "sells no more")
        await expect(page.get_by_role("button", name=re.compile(r"^Open plan \d+"))).to_be_visible()


class TestOthers:
    async def test_lock_offer_and_watch(self, page: Page) -> None:
        await connect(page)
        await connected(page)
        await expect(page.locator("#wallet")).to_contain_text("test wallet")
        await page.get_by_role("link", name="Stake", exact=True).click()
        await page.get_by_role("button", name="Lock", exact=True).click()
        await agree(page, "Continue", "once, not more")
        await agree(page, "Continue", "cannot leave before")
        await expect(page.get_by_role("table", name="Positions")).to_contain_text("100 EMP")
        await find(page, "", "SmolLM2 135M Instruct")
        await page.get_by_role("button", name="Watch SmolLM2 135M Instruct").click()
        await plan(page, "Pass").get_by_role("button", name="Buy for 25 tUSD").click()
        await agree(page, "Continue")
        await expect(page.get_by_text("Done.")).to_be_visible()
        await page.get_by_role("link", name="Market").click()
        await page.get_by_label("Price a unit").fill("19.50")
        await page.get_by_role("button", name="Offer", exact=True).click()
        await agree(page, "Continue", "only to whoever pays")
        await agree(page, "Continue", "1 at 19.5 tUSD each")
        offer = page.get_by_role("table", name="Offers").get_by_role(
            "row", name="Pass of SmolLM2 135M Instruct"
        )
        await expect(offer).to_contain_text("you")
        await page.get_by_role("link", name="Network").click()
        await expect(page.get_by_role("table", name="Watched services")).to_contain_text("SmolLM2")
        await expect(section(page, "Last 30 days")).to_contain_text("EMP staked")


class TestConsent:
    async def test_lets_an_app_in(self, page: Page, stage: World) -> None:
        url = stage.services.url
        query, _ = await asked_by_an_app(url)
        await page.goto(f"{url}/v1/oauth/authorize?{query}")
        await expect(page.get_by_role("heading", name="Let Notes use your account?")).to_be_visible()
        await expect(page.get_by_role("listitem")).to_contain_text("spend the credits")
        await connect(page)
        await connected(page)
        await page.get_by_label("Most credits it may spend a day").fill("5")
        await page.get_by_role("button", name="Sign and let it in").click()
        await page.wait_for_url(re.compile(r"/healthz\?code=emc_.*&state=s1&iss="))

    async def test_asks_for_the_code_of_a_screen(self, page: Page, stage: World) -> None:
        await page.goto(f"{stage.services.url}/device")
        await page.get_by_label("Code").fill("BCDF-GHJK")
        async with page.expect_response("**/v1/oauth/review") as answer:
            await page.get_by_role("button", name="Continue").click()
        assert (await answer.value).status == 404
        await expect(page.get_by_text("no app waits with this code")).to_be_visible()


class TestPage:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_has_no_serious_fault(self, page: Page, stage: World, scheme: Any) -> None:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.locator("#wallet").get_by_role("button", name="Connect a wallet").click()
        await expect(dialog(page)).to_be_visible()
        assert await faults(page) == []
        await dialog(page).get_by_role("button", name="Test wallet").click()
        await connected(page)
        await page.get_by_role("link", name="My access").click()
        await page.get_by_role("button", name="Sign in").click()
        await agree(page, "Sign the text")
        await expect(page.get_by_label("Name of a new key")).to_be_visible()
        for view in VIEWS:
            await page.goto(f"{stage.services.url}/#/{view}")
            await expect(page.locator("main h1")).to_be_visible()
            await expect(page.locator("main").get_by_text("Loading.")).to_have_count(0)
            assert await faults(page) == [], f"{view or 'services'} in the {scheme}"

    async def test_works_from_the_keyboard(self, page: Page) -> None:
        await expect(page.get_by_role("heading", name="Services on sale")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await expect(page.locator("#wallet button")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(dialog(page)).to_contain_text("Nothing is signed")
        await page.keyboard.press("Escape")
        await expect(dialog(page)).to_have_count(0)
        await expect(page.locator("#wallet button")).to_be_focused()

    async def test_moves_nothing_under_a_pressed_pointer(self, page: Page) -> None:
        await connect(page)
        await connected(page)
        pressed = asyncio.Event()

        async def held(route: Route) -> None:
            await pressed.wait()
            await route.continue_()

        await page.route("**/v1/network", held)
        await page.get_by_role("link", name="Stake", exact=True).click()
        lock = page.get_by_role("button", name="Lock", exact=True)
        await lock.hover()
        before = await lock.bounding_box()
        await page.mouse.down()
        async with page.expect_event("requestfinished", lambda asked: asked.url.endswith("/v1/network")):
            pressed.set()
        await page.evaluate(FRAMES)
        assert await lock.bounding_box() == before
        await page.mouse.up()
        await agree(page, "Continue", "once, not more")
        await expect(section(page, "Yours")).to_contain_text("5,000")

    async def test_fits_a_phone(self, page: Page, stage: World) -> None:
        await page.set_viewport_size({"width": 360, "height": 740})
        await connect(page)
        await connected(page)
        for view in VIEWS:
            await page.goto(f"{stage.services.url}/#/{view}")
            await expect(page.locator("main h1")).to_be_visible()
            await expect(page.locator("main").get_by_text("Loading.")).to_have_count(0)
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{view or 'services'} is {wide} pixels too wide"

    async def test_lets_in_nothing_of_elsewhere(self, page: Page, stage: World) -> None:
        async with httpx.AsyncClient() as http:
            policy = (await http.get(stage.services.url)).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert f"connect-src 'self' {stage.devnet.rpc_url};" in policy
        asked = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
        assert {"/".join(url.split("/")[:3]) for url in asked} == {stage.services.url}
