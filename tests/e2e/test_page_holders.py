"""Journeys of holders, stakers and providers in Chromium, each with what the chain then says.

holder
    keeps a period for later, and gets the money back for it in one go; both are in the statement it downloads
    buys in the market what another offered, and rates what it bought
    takes back what it let an app do
staker
    compounds the EMP that its position earned, then locks it for longer
provider
    publishes with a parent, limits and a promise of equal answers; answers a dispute about it, and ends it
    once the vote is over; retires for good, and asks for the bond
"""

import csv
import re

import httpx
import pytest
from playwright.async_api import Page, expect

from backend.chain.bindings.structs import DisputeOutcome, PlanTerms
from backend.cli.demo.world import World, until
from backend.cli.devnet.faucet import Gift
from backend.core.units import (
    Address,
    BaseUnits,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceStatus,
    Then,
    keccak,
    to_address,
)
from tests.e2e.injected_wallet import InjectedWallet
from tests.e2e.page_stage import browser, context, page, stage, wallet
from tests.e2e.page_steps import (
    agree,
    asked_by_an_app,
    connect,
    connected,
    dialog,
    find,
    plan,
    redrawn,
    section,
    told,
    with_money,
)

__all__ = ["browser", "context", "page", "stage", "wallet"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
EMP = 10**18
DAY = 86_400
MODEL = "SmolLM2 135M Instruct"


def address_of(wallet: InjectedWallet) -> Address:
    return to_address(wallet.account.address)


async def dollars(stage: World, wallet: InjectedWallet) -> int:
    return await stage.devnet.contracts.currency(0).balance(address_of(wallet))


class TestHolder:
    async def test_gets_money_back_for_a_period_not_begun(
        self, wallet: InjectedWallet, page: Page, stage: World
    ) -> None:
        await with_money(page)
        await find(page, "", MODEL)
        month = plan(page, "Time, by 30 days")
        await month.get_by_label("Begin later").check()
        await month.get_by_role("button", name="Buy for 9.9 tUSD").click()
        await agree(page, "Continue", "get your money back there")
        await told(page, "Done.")
        before = await dollars(stage, wallet)
        account = await stage.devnet.contracts.access.account(stage.plans["Month"], address_of(wallet))
        assert account.access_until == 0
        await page.get_by_role("link", name="My access").click()
        await page.get_by_role("button", name="Get my money back").click()
        await agree(page, "Get it back", "at most 9.9 tUSD", "ask you once")
        await expect(dialog(page)).to_contain_text("Done: 9.9 tUSD are in your wallet.")
        await dialog(page).get_by_role("button", name="Close").click()
        assert await dollars(stage, wallet) == before + 9_900_000
        assert wallet.signed[-1] == "eth_sendTransaction"
        await expect(section(page, "Wallet")).to_contain_text("1,000")
        await self.downloads_its_statement(page)

    async def downloads_its_statement(self, page: Page) -> None:
        await page.get_by_role("button", name="Sign in").click()
        await agree(page, "Sign the text")
        async with page.expect_download() as begun:
            await section(page, "Statement for accounts and tax").get_by_role("button").click()
        file = await (await begun.value).path()
        lines = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        kinds = [one["Kind"] for one in lines]
        assert [kind for kind in kinds if kind in ("purchase", "refund")] == ["purchase", "refund"]

    async def test_fills_an_offer_and_rates_the_service(
        self, wallet: InjectedWallet, page: Page, stage: World
    ) -> None:
        contracts, passes = stage.devnet.contracts, stage.plans["Pass"]
        seller = await stage.meet("seller of a pass", Gift(dollars=50 * 10**6, emp=0))
        await seller.trader.buy(passes, 1)
        await seller.trader.offer(passes, 1, 18_000_000)
        earned = await contracts.currency(0).balance(seller.key.address)
        await with_money(page)
        await page.get_by_role("link", name="Market").click()
        offer = page.get_by_role("table", name="Offers").get_by_role("row", name="18 tUSD")
        await offer.get_by_role("button", name="Buy").click()
        await agree(page, "Continue", "once, not more")
        await agree(page, "Continue", "You pay 18 tUSD", "royalty")
        await expect(page.get_by_role("table", name="Offers")).to_have_count(0)
        assert (await contracts.access.access(passes, address_of(wallet))).units == 1
        assert await dollars(stage, wallet) == 982_000_000
        assert await contracts.currency(0).balance(seller.key.address) == earned + 18_000_000 * 95 // 100
        await self.buys_and_rates(page, stage)
        shown = await rating_of(stage, wallet)
        assert shown == 4

    async def buys_and_rates(self, page: Page, stage: World) -> None:
        """Only who paid the provider may rate: a resale is none of it."""
        await find(page, "", MODEL)
        await expect(section(page, "Ratings")).to_contain_text("Only wallets that paid")
        await expect(page.get_by_role("button", name="Rate it")).to_have_count(0)
        await plan(page, "Pass").get_by_role("button", name="Buy for 25 tUSD").click()
        await agree(page, "Continue", "Not refundable")
        await told(page, "Done.")
        await page.reload()
        await connected(page)
        await page.get_by_label("Your rating").select_option("4")
        await page.get_by_label("In words").fill("Quick, <b>and</b> right.")
        await page.get_by_role("button", name="Rate it").click()
        await agree(page, "Sign the text")
        await agree(page, "Continue", "4 of 5, in words too", "public")
        await expect(section(page, "Ratings")).to_contain_text("4.0 of 5 from 1 wallet")
        said = page.get_by_role("table", name="Ratings").get_by_role("row", name="4 of 5")
        await expect(said).to_contain_text("Quick, <b>and</b> right.")
        await self.finds_it_by_its_rating(page)

    async def finds_it_by_its_rating(self, page: Page) -> None:
        await page.get_by_role("link", name="Services", exact=True).click()
        await page.get_by_text("More filters").click()
        await page.get_by_label("Rated").select_option("4")
        await page.get_by_role("button", name="Find").click()
        card = page.locator("li.card", has=page.get_by_role("link", name=MODEL))
        await expect(card).to_contain_text("★ 4.0 of 5, from 1 who paid and used it")
        await page.get_by_label("Rated").select_option("5")
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_text("Nothing matches.")).to_be_visible()

    async def test_takes_back_what_it_let_an_app_do(self, page: Page, stage: World) -> None:
        url, redirect = stage.services.url, re.compile(r"/healthz\?code=emc_.*&state=s1&iss=")
        query, verifier = await asked_by_an_app(url)
        await page.goto(f"{url}/v1/oauth/authorize?{query}")
        await connect(page)
        await connected(page)
        await page.get_by_label("Most credits it may spend a day").fill("5")
        await page.get_by_role("button", name="Sign and let it in").click()
        await page.wait_for_url(redirect)
        token = await exchanged(page.url, query, verifier)
        await page.goto(f"{url}/#/mine")
        await page.get_by_role("button", name="Sign in").click()
        await agree(page, "Sign the text")
        apps = page.get_by_role("table", name="Apps you let in")
        await expect(apps.get_by_role("row", name="Notes")).to_contain_text("5 credits a day")
        assert await status_of(url, token) == 402
        await page.get_by_role("button", name="Take back what Notes may do").click()
        await agree(page, "Take it back", "refused everywhere within a second")
        await expect(apps).to_have_count(0)
        assert await status_of(url, token) == 401


async def rating_of(stage: World, wallet: InjectedWallet) -> int:
    """What the newest `Reviewed` of this wallet says on chain; 0 for none."""
    devnet = stage.devnet
    reviews = to_address(devnet.deployment.address("ServiceReviews"))
    logs = await devnet.client.logs(
        [reviews], devnet.deployment.start_block, await devnet.client.block_number()
    )
    events = [event for event in (devnet.contracts.events.decode(log) for log in logs) if event is not None]
    mine = [one for one in events if one.args["account"] == address_of(wallet)]
    return int(mine[-1].args["rating"]) if mine else 0


async def exchanged(url: str, query: str, verifier: str) -> str:
    """The access token an app gets for the code it was sent back with."""
    sent = httpx.QueryParams(query)
    form = {
        "grant_type": "authorization_code",
        "code": httpx.URL(url).params["code"],
        "client_id": sent["client_id"],
        "redirect_uri": sent["redirect_uri"],
        "code_verifier": verifier,
    }
    async with httpx.AsyncClient() as http:
        reply = await http.post(f"{url.split('/healthz')[0]}/v1/oauth/token", data=form)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


async def status_of(url: str, token: str) -> int:
    body = {"model": "31337/1", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient() as http:
        return (await http.post(f"{url}/v1/chat/completions", json=body, headers=headers)).status_code


class TestStaker:
    async def test_compounds_and_extends(self, wallet: InjectedWallet, page: Page, stage: World) -> None:
        vault, staker = stage.devnet.contracts.vault, address_of(wallet)
        await with_money(page)
        await page.get_by_role("link", name="Stake", exact=True).click()
        await page.get_by_role("button", name="Lock", exact=True).click()
        await agree(page, "Continue", "once, not more")
        await agree(page, "Continue", "cannot leave before")
        positions = page.get_by_role("table", name="Positions")
        await expect(positions).to_contain_text("100 EMP")
        locked = await vault.position(staker, 0)
        await self.earns_emp(stage)
        await page.reload()
        await connected(page)
        await page.get_by_role("button", name="Compound position 0").click()
        await agree(page, "Continue", "join this position")
        await told(page, "Done.")
        grown = await vault.position(staker, 0)
        assert grown.amount > locked.amount
        assert grown.end == locked.end
        await page.get_by_role("button", name="Lock a year from now position 0").click()
        await agree(page, "Continue", "365 days from now", "cannot leave before")
        await told(page, "Done.")
        longer = await vault.position(staker, 0)
        assert longer.amount == grown.amount
        assert longer.end >= locked.end + 200 * DAY
        assert longer.score > grown.score
        assert len(wallet.allowed) == wallet.signed.count("eth_sendTransaction")
        assert min(wallet.allowed) > 50_000, "a stream that begins before the block would take all the gas"

    async def earns_emp(self, stage: World) -> None:
        """A pass priced in EMP is sold, its fee is flushed to the stakers and streams for a week."""
        devnet, provider = stage.devnet, stage["provider"]
        terms = PlanTerms(PlanKind.PASS, BaseUnits(100 * EMP), currency=1)
        made = await provider.trader.send(devnet.contracts.access.create_plan(stage.service_id, terms))
        plan_id = PlanId(int(devnet.contracts.event(made, "PlanCreated")["planId"]))
        buyer = await stage.meet("buyer in EMP", Gift(dollars=0, emp=200 * EMP))
        await buyer.trader.buy(plan_id, 1, Then.HOLD)

        async def flushed() -> bool:
            return await devnet.contracts.shares.fees(1) == 0 and await devnet.contracts.vault.streaming(1)

        await until(flushed, 60, "the EMP fee to be flushed to the vault")
        await devnet.controls.advance(DAY)


class TestProvider:
    async def test_publishes_in_full_and_retires(
        self, wallet: InjectedWallet, page: Page, stage: World
    ) -> None:
        await with_money(page)
        await page.get_by_role("link", name="Provide", exact=True).click()
        await page.get_by_label("Name", exact=True).fill("Derived model")
        await page.get_by_label("Slug").fill("derived")
        await page.get_by_label("Description").fill("Stands on another one.")
        await page.get_by_label("Built on").fill(f"{stage.service_id}: 2.5")
        await page.get_by_label("The same request always gives the same answer").check()
        await page.get_by_text("What it promises at most").click()
        await page.get_by_label("Requests a minute").fill("30")
        await page.get_by_label("Tokens an answer").fill("64")
        await page.get_by_role("button", name="Publish").click()
        await agree(page, "Sign the text")
        await agree(page, "Continue", "1,000 EMP once")
        await agree(page, "Continue", f"2.5 % of its revenue goes to service {stage.service_id}, for good")
        await agree(page, "Continue", "can never be changed")
        await expect(page.get_by_text("It is on sale.")).to_be_visible()
        link = page.locator("ol.steps a").first
        service = int((await link.inner_text()).split()[1])
        await link.click()
        await expect(plan(page, "Credits")).to_contain_text(
            "At most 30 requests a minute, 64 tokens an answer"
        )
        await expect(section(page, "What it is built on")).to_contain_text("2.5 %")
        async with httpx.AsyncClient() as http:
            shown = (await http.get(f"{stage.services.url}/v1/services/{service}")).json()
        assert shown["metadata"]["model"]["deterministic"] is True
        await self.is_disputed(page, stage, PlanId(shown["plans"][0]["id"]))
        await self.retires(page, stage, ServiceId(service))

    async def is_disputed(self, page: Page, stage: World, plan_id: PlanId) -> None:
        contracts = stage.devnet.contracts
        court, claim = contracts.court, 600 * EMP
        claimant = await stage.meet("claimant", Gift(dollars=10**6, emp=100 * EMP))
        await claimant.trader.buy(plan_id, 10, Then.HOLD)
        await claimant.trader.send(contracts.emp.approve(court.address, await court.bond_up(claim)))
        await claimant.trader.send(court.open(plan_id, claim, keccak(b"late"), "data:,late"))
        await page.get_by_role("link", name="Provide", exact=True).click()
        row = page.get_by_role("table", name="Disputes").get_by_role("row", name="600 EMP")
        await expect(row).to_contain_text("voted on until")
        await row.get_by_role("button", name="Answer dispute").click()
        await dialog(page).get_by_label("Your answer").fill("It was late: the line was down.")
        await dialog(page).get_by_role("button", name="Go on").click()
        await agree(page, "Continue", "written to the chain")
        await expect(row).to_contain_text("You answered.")
        await stage.devnet.controls.advance(600)
        await page.reload()
        await row.get_by_role("button", name="End dispute").click()
        await agree(page, "Continue", "votes are counted")
        await expect(row).to_contain_text("ended without enough votes")
        (ended,) = await court.disputes([await court.count()])
        assert ended.outcome == DisputeOutcome.NO_QUORUM

    async def retires(self, page: Page, stage: World, service: ServiceId) -> None:
        registry = stage.devnet.contracts.registry
        await page.goto(f"{stage.services.url}/#/provider/{service}")
        await page.get_by_role("button", name="Retire for good").click()
        await agree(page, "Continue", "cannot be undone")
        await told(page, "Done.")
        sale = section(page, "Sale and bond")
        await expect(sale).to_contain_text("It is retired")
        assert (await registry.service(service)).status is ServiceStatus.RETIRED
        async with redrawn(page, sale.get_by_label("EMP"), f"**/v1/services/{service}"):
            await sale.get_by_label("EMP").select_text()  # and types on, whatever comes meanwhile
        await page.keyboard.insert_text("1000")
        await expect(sale.get_by_label("EMP")).to_have_value("1000")
        await sale.get_by_role("button", name="Ask for it back").click()
        await agree(page, "Continue", "liable during the waiting time")
        await told(page, "Done.")
        assert (await registry.service(service)).unbonding == 1_000 * EMP
        await page.get_by_role("link", name="Back to your services").click()
        await expect(section(page, "Your services")).to_contain_text("Bond on its way out")
