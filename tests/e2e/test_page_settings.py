"""What people set on the page, in Chromium against a devnet with everything running.

alerts
    a channel is confirmed by the code that arrives there; a kind with its threshold and quiet hours are kept,
    and what happens then arrives, signed by the secret that was shown once
    what Slack, Discord, Telegram and mail programs call a place is written as the gateway reads it
a plan's sale
    begins when its provider said, for stakers of a score before; who has less is told before signing
a chain that is no devnet
    offers neither test wallet nor test money, and says where EMP comes from
on the way each form has no serious fault that axe finds, light or dark, and fits a phone
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from playwright.async_api import Page, Route, expect

from backend.alerts.targets import read_target
from backend.cli.demo.world import World, until
from backend.client.webhooks import MemorySeen, check_webhook
from backend.core.clock import SystemClock
from backend.net.guard import PUBLIC_ONLY
from tests.e2e.injected_wallet import NAME, InjectedWallet
from tests.e2e.page_stage import browser, context, page, stage, wallet
from tests.e2e.page_steps import (
    agree,
    connect,
    connected,
    dialog,
    faults,
    find,
    plan,
    section,
    told,
    with_money,
)

__all__ = ["browser", "context", "page", "stage", "wallet"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
SCHEMES: tuple[Any, ...] = ("dark", "light")
MODEL = "SmolLM2 135M Instruct"
LOW = "Deposited credits of a plan fell below the threshold."
PLACES = {
    "slack": "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx",
    "discord": f"https://discord.com/api/webhooks/123456789012345678/{'d' * 68}",
    "telegram": f"123456789:{'t' * 35}/-1001234567",
    "mail": "owner@shop.example",
}
"""As their programs show them."""


@asynccontextmanager
async def web_hook(got: list[tuple[dict[str, str], bytes]]) -> AsyncIterator[str]:
    """The URL of a web hook that keeps what it gets."""

    async def answer(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


async def is_sound(page: Page) -> None:
    """As it stands it has no serious fault in either scheme, and fits a phone."""
    size = page.viewport_size
    assert size is not None
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await faults(page) == []
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    await page.set_viewport_size(size)


async def signed_in(page: Page) -> None:
    await page.get_by_role("link", name="My access").click()
    await page.get_by_role("button", name="Sign in").click()
    await agree(page, "Sign the text")


class TestAlerts:
    async def test_are_confirmed_kept_and_sent(self, wallet: InjectedWallet, page: Page) -> None:
        got: list[tuple[dict[str, str], bytes]] = []
        async with web_hook(got) as url:
            await with_money(page)
            await signed_in(page)
            await self.ticks(page)
            secret = await self.adds_a_channel(page, url, got)
            begin = await self.chooses(page)
            await page.reload()
            await connected(page)
            alerts = section(page, "Alerts")
            await expect(alerts.get_by_label("Threshold, credits")).to_have_value("200")
            await expect(alerts.get_by_label("From", exact=True)).to_have_value(begin)
            await find(page, "", MODEL)
            await plan(page, "Credits").get_by_role("button", name="Buy for 1 tUSD").click()
            await agree(page, "Continue")
            await told(page, "Done.")
            await until(lambda: arrived(got, 2), 90, "the alert")
        headers, body = got[1]
        check_webhook(headers, body, [secret], SystemClock().now(), MemorySeen())
        assert orjson.loads(body)["type"] == "alert.credits_low"
        await page.get_by_role("link", name="My access").click()
        await expect(page.get_by_role("table", name="Told lately")).to_contain_text("credits")

    async def adds_a_channel(self, page: Page, url: str, got: list[Any]) -> str:
        """The secret of its messages."""
        alerts = section(page, "Alerts")
        await alerts.get_by_label("Its URL").fill(url)
        await alerts.get_by_role("button", name="Add it").click()
        await expect(page.locator("#new-secret")).to_have_text(re.compile("^whsec_"))
        secret = await page.locator("#new-secret").inner_text()
        await dialog(page).get_by_role("button", name="I have kept it").click()
        await expect(alerts.get_by_label("Code that arrived at")).to_be_visible()
        await is_sound(page)
        await alerts.get_by_label("Code that arrived at").fill(orjson.loads(got[0][1])["data"]["code"])
        await alerts.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("table", name="Channels")).to_contain_text("confirmed")
        return secret

    async def ticks(self, page: Page) -> None:
        """Low credits, and does not keep it yet."""
        alerts = section(page, "Alerts")
        await alerts.get_by_role("checkbox", name=LOW).check()
        await alerts.get_by_label("Threshold, credits").fill("200")

    async def chooses(self, page: Page) -> str:
        """What was ticked, and quiet hours that are not now; when they begin."""
        alerts = section(page, "Alerts")
        await expect(alerts.get_by_role("checkbox", name=LOW)).to_be_checked()
        await expect(alerts.get_by_label("Threshold, credits")).to_have_value("200")
        await expect(alerts.get_by_role("group", name=LOW).get_by_label("http://127")).to_be_checked()
        await alerts.get_by_label("Quiet hours").check()
        begin, end = (f"{datetime.now(UTC) + timedelta(hours=away):%H:%M}" for away in (2, 3))
        await alerts.get_by_label("From", exact=True).fill(begin)
        await alerts.get_by_label("To", exact=True).fill(end)
        await is_sound(page)
        await alerts.get_by_role("button", name="Keep these settings").click()
        await told(page, "Kept.")
        return begin

    async def test_write_a_place_as_the_gateway_reads_it(self, page: Page) -> None:
        sent = list[str]()

        async def kept(route: Route) -> None:
            sent.append(json.loads(route.request.post_data or "")["target"])
            await route.fulfill(status=201, json={"id": "0" * 16, "secret": None})

        await connect(page)
        await connected(page)
        await signed_in(page)
        await page.route("**/v1/alerts/channels", kept)
        alerts = section(page, "Alerts")
        for number, (scheme, place) in enumerate(PLACES.items(), 1):
            await alerts.get_by_label("New channel").select_option(scheme)
            await alerts.get_by_label(re.compile("^(URL of|The bot's|Address)")).fill(place)
            await alerts.get_by_role("button", name="Add it").click()
            await until(lambda: arrived(sent, number), 30, "the request")  # noqa: B023 - awaited here
            await expect(alerts.get_by_label("Its URL")).to_be_visible()
        assert [read_target(target, PUBLIC_ONLY).scheme for target in sent] == list(PLACES)


async def arrived(got: list[Any], number: int) -> bool:
    return len(got) >= number


class TestSale:
    async def test_begins_with_stakers(self, wallet: InjectedWallet, page: Page) -> None:
        await with_money(page)
        await page.get_by_role("link", name="Provide", exact=True).click()
        await page.get_by_label("Name", exact=True).fill("Stakers first")
        await page.get_by_label("Slug").fill("stakers-first")
        await page.get_by_label("Description").fill("On sale tomorrow.")
        await self.says_when(page, hours=48)
        await page.get_by_role("button", name="Publish").click()
        await agree(page, "Sign the text")
        await agree(page, "Continue", "1,000 EMP once")
        await agree(page, "Continue", "put up as its bond")
        await agree(page, "Continue", "to stakers with a score of 50", "can never be changed")
        await expect(page.get_by_text("It is on sale.")).to_be_visible()
        service = page.locator("ol.steps a").first
        number = (await service.inner_text()).split()[1]
        await service.click()
        await self.sells_to_stakers(page, wallet)
        await self.adds_one_for_later(page, number)

    async def says_when(self, page: Page, hours: int) -> None:
        await page.get_by_text("When it goes on sale").click()
        await page.get_by_label("On sale from").fill(
            f"{datetime.now(UTC).astimezone() + timedelta(days=1):%Y-%m-%dT%H:%M}"
        )
        await page.get_by_label("Stakers before that, hours").fill(str(hours))
        await page.get_by_label("Their score, at least").fill("50")
        await is_sound(page)

    async def sells_to_stakers(self, page: Page, wallet: InjectedWallet) -> None:
        card, signed = plan(page, "Credits"), len(wallet.signed)
        await expect(card).to_contain_text("Until then to stakers with a score of 50 or more.")
        await card.get_by_role("button", name="Buy for").click()
        await told(page, "your staking score is 0")
        assert len(wallet.signed) == signed
        here = page.url
        await page.get_by_role("link", name="Stake", exact=True).click()
        await page.get_by_role("button", name="Lock", exact=True).click()
        await agree(page, "Continue", "once, not more")
        await agree(page, "Continue", "cannot leave before")
        await expect(page.get_by_role("table", name="Positions")).to_contain_text("100 EMP")
        await page.goto(here)
        await card.get_by_role("button", name="Buy for").click()
        await agree(page, "Continue", "You get 100 credits")
        await expect(page.get_by_text("It is yours.")).to_be_visible()

    async def adds_one_for_later(self, page: Page, service: str) -> None:
        await page.goto(f"{page.url.split('#')[0]}#/provider/{service}")
        await page.get_by_label("What is sold").select_option("pass")
        await self.says_when(page, hours=1)
        await page.get_by_role("button", name="Create the plan").click()
        await agree(page, "Continue", "A pass at 0.01 tUSD a unit", "to stakers with a score of 50")
        await told(page, "Done.")
        await page.goto(f"{page.url.split('#')[0]}#/service/{service}")
        await expect(plan(page, "Pass")).to_contain_text("Not on sale yet.")
        await expect(plan(page, "Pass")).to_contain_text(re.compile(r"From .+ to stakers with a score of 50"))


class TestWithoutDevnet:
    async def test_says_where_emp_comes_from(self, wallet: InjectedWallet, page: Page, stage: World) -> None:
        async def of_a_market(route: Route) -> None:
            answer = await route.fetch()
            said = await answer.json()
            said["chains"][0] |= {"devnet": False, "rpc_url": None}
            await route.fulfill(response=answer, json=said)

        await page.route("**/v1/deployment", of_a_market)
        wallet.known, wallet.chain_id = {31337}, 31337
        await page.reload()
        await page.locator("#wallet").get_by_role("button", name="Connect a wallet").click()
        await expect(dialog(page).get_by_role("button", name="Test wallet")).to_have_count(0)
        await dialog(page).get_by_role("button", name=NAME).click()
        await connected(page)
        await expect(page.get_by_text("nothing here has any worth")).to_be_hidden()
        for view in ("Stake", "Provide"):
            await page.get_by_role("link", name=view, exact=True).click()
            await page.get_by_text("Where do I get EMP?").click()
            token = stage.devnet.deployment.address("EmporionToken")
            await expect(page.get_by_text("An exchange must name the token")).to_contain_text(token)
            await expect(page.get_by_role("button", name=re.compile("Give me"))).to_have_count(0)
        await find(page, "", MODEL)
        await plan(page, "Pass").get_by_role("button", name="Buy for").click()
        await told(page, "the wallet has less than 25 tUSD")
        assert wallet.signed == []
