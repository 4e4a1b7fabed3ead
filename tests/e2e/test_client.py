"""The client library against a devnet with everything running.

AsyncEmporion
    finds, buys, calls and verifies; a plan of a kind that is not sold is named
    deposits a little at a time behind vouchers, and holds the receipt against what was settled on chain
    gives credits back: withdrawn, offered to others and sold, refunded
    probes services with a tab it paid for, within a budget
    publishes a service, closes its sale, takes what it earned; stakes and unlocks
    sells a plan from a time on, to stakers before it; pauses, resumes and retires a service
Emporion
    does the same without `await`
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from backend.cli.demo.world import World, until
from backend.cli.devnet.faucet import Gift
from backend.cli.probe_calls import WalletCaller, targets
from backend.client import (
    EMP,
    AsyncEmporion,
    Emporion,
    GatewayError,
    NewPlan,
    NewService,
    Plan,
    RateCard,
    Wallet,
)
from backend.client.buying import SMALL_DEPOSIT
from backend.client.node import NodeRefused
from backend.core.clock import SystemClock
from backend.core.errors import InsufficientFunds, NotFound
from backend.core.settings import load_settings
from backend.core.units import ChainId
from backend.db.stores import open_gateway_store
from backend.probing.prober import Budget, Prober
from backend.probing.service import Measurements
from tests.e2e.stage import published

DAY = 86_400
CARD = RateCard(100_000, 10_000, 50_000)
WORTH_A_CREDIT = "Say yes, please. " * 40
"""Its input alone costs more than a credit, however short the answer: only whole credits are settled."""
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with published(tmp_path_factory.mktemp("client")) as cast:
        yield cast


async def funded(stage: World) -> Wallet:
    wallet = Wallet.create()
    await stage.devnet.faucet.fund(wallet.address, Gift(dollars=50 * 10**6, emp=0))
    return wallet


class TestClient:
    async def test_buys_calls_and_verifies(self, stage: World) -> None:
        wallet = await funded(stage)
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
            service = (await market.search("smollm2"))[0]
            bought = await market.buy(service.plan("metered"), units=100)
            assert bought.cost == 100 * service.plan("metered").unit_price
            async with await market.openai() as client:
                raw = await client.chat.completions.with_raw_response.create(
                    model=service.model, messages=[{"role": "user", "content": "Say yes."}], max_tokens=4
                )
            verdicts = await market.verify_receipt(raw.headers["x-request-id"], answer=raw.content)
            found = {verdict.check for verdict in verdicts if verdict.finding == "true"}
            assert found >= {"digest", "signature", "response", "charge"}

    async def test_poor_wallet_is_told_before_it_signs(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, Wallet.create()) as market:
            service = await market.service(stage.service_id)
            with pytest.raises(InsufficientFunds):
                await market.buy(service.plan("pass"))

    async def test_unknown_service_is_a_404(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url) as market:
            with pytest.raises(GatewayError, match="404"):
                await market.service(999)

    async def test_kind_that_is_not_sold_is_named(self, stage: World) -> None:
        async with AsyncEmporion(stage.services.url) as market:
            service = await market.service(stage.service_id)
            with pytest.raises(NotFound, match="sells no dataset"):
                service.plan("dataset")

    async def test_works_without_await(self, stage: World) -> None:
        wallet = await funded(stage)

        def ten_lines() -> str:
            with Emporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
                service = market.search("smollm2")[0]
                market.buy(service.plan("metered"), units=20)
                with market.openai() as client:
                    answer = client.chat.completions.create(
                        model=service.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=4
                    )
                return answer.choices[0].message.content or ""

        assert await asyncio.to_thread(ten_lines)


class TestBuyer:
    async def test_deposits_a_little_behind_vouchers(self, stage: World) -> None:
        wallet = await funded(stage)
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
            plan = (await market.service(stage.service_id)).plan("metered")
            await market.buy(plan, 3 * SMALL_DEPOSIT, hold=True)
            async with await market.openai() as client:
                raw = await client.chat.completions.with_raw_response.create(
                    model=stage.model, messages=[{"role": "user", "content": WORTH_A_CREDIT}], max_tokens=60
                )
            assert await standing(stage, market, plan) == (2 * SMALL_DEPOSIT, SMALL_DEPOSIT, True)
            await market.buy(plan, SMALL_DEPOSIT + 50)
            held, deposited, _ = await standing(stage, market, plan)
            assert (held, SMALL_DEPOSIT < deposited <= 2 * SMALL_DEPOSIT) == (2 * SMALL_DEPOSIT + 50, True)
            await until(lambda: settled(market, raw.headers["x-request-id"]), 60, "the settlement")
            verdicts = await market.verify_receipt(raw.headers["x-request-id"], answer=raw.content)
            found = {verdict.check: verdict.finding for verdict in verdicts}
            assert {found[name] for name in ("signature", "charge", "proof", "settlement")} == {"true"}

    async def test_gives_back_and_sells_what_is_left(self, stage: World) -> None:
        seller, buyer = await funded(stage), await funded(stage)
        place = (stage.services.url, stage.devnet.rpc_url)
        async with AsyncEmporion(*place, seller) as market, AsyncEmporion(*place, buyer) as other:
            plan = (await market.service(stage.service_id)).plan("metered")
            await market.buy(plan, 50, vouchers=False)
            await market.request_withdrawal(plan)
            await market.cancel_withdrawal(plan)
            await market.request_withdrawal(plan)
            await stage.devnet.controls.advance(await stage.devnet.contracts.escrow.withdrawal_delay() + 1)
            await market.withdraw(plan)
            assert await standing(stage, market, plan) == (50, 0, False)
            listing = await market.offer(plan.id, 20, 2 * plan.unit_price)
            await until(lambda: listed(other, listing), 30, "the offer to be indexed")
            assert await other.fill(listing, 5) == 10 * plan.unit_price
            await market.cancel(listing)
            await market.refund(plan, 45)
            assert await standing(stage, market, plan) == (0, 0, False)
            assert await standing(stage, other, plan) == (5, 0, False)


class TestProber:
    async def test_pays_for_its_calls_within_its_budget(self, stage: World, tmp_path: Path) -> None:
        wallet, clock = await funded(stage), SystemClock()
        store = await open_gateway_store(load_settings(home=tmp_path, devnet=True))
        measurements = Measurements(store, ChainId(stage.devnet.deployment.chain_id), clock)
        async with AsyncEmporion(stage.services.url, stage.devnet.rpc_url, wallet) as market:
            async with WalletCaller.opened(market, deposits=True) as caller:
                (target,) = await targets(market, [stage.service_id])
                poor = Prober(caller, measurements, wallet.address, Budget("tUSD", 9_999), clock)
                assert (await poor.probe(target)).state == "unpaid"
                budget = Budget("tUSD", 50_000)
                told = await Prober(caller, measurements, wallet.address, budget, clock).probe(target)
            assert told.state == "up", told.reason
            assert told.figures is not None
            assert told.figures.uptime_ppm == 1_000_000
        left = await stage.devnet.contracts.currency(0).balance(wallet.address)
        assert 0 < budget.spent == 50 * 10**6 - left <= 50_000
        await store.close()


class TestProvider:
    async def test_publishes_earns_and_stakes(self, stage: World) -> None:
        owner, buyer = Wallet.create(), await funded(stage)
        await stage.devnet.faucet.fund(owner.address, Gift(dollars=0, emp=1_500 * EMP))
        place = (stage.services.url, stage.devnet.rpc_url)
        async with AsyncEmporion(*place, owner) as provider, AsyncEmporion(*place, buyer) as customer:
            plans = [NewPlan("pass", 5_000_000), NewPlan("metered", 10_000, card=CARD, refundable=True)]
            service = await provider.publish(NewService("Client's own", "clients-own", plans))
            assert [plan.kind for plan in service.plans] == ["pass", "metered"]
            assert service.plan("metered").card == CARD
            await customer.buy(service.plan("pass"))
            async with await customer.openai() as client:
                answer = await client.chat.completions.create(
                    model=service.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=4
                )
            assert answer.usage
            await provider.set_sale(service.plan("pass").id, is_open=False)
            before = await stage.devnet.contracts.currency(0).balance(owner.address)
            await provider.claim_revenue(service.id)
            earned = await stage.devnet.contracts.currency(0).balance(owner.address) - before
            assert earned == 5_000_000 * 39 // 40  # less the fee of 2.5 %
            position = await provider.stake(100 * EMP, 7 * DAY)
            assert await provider.score() > 0
            await stage.devnet.controls.advance(7 * DAY + 1)
            await provider.claim_rewards()
            await provider.unlock(position)
            assert await stage.devnet.contracts.emp.balance(owner.address) >= 500 * EMP

    async def test_sells_to_stakers_first_and_ends_a_service(self, stage: World) -> None:
        owner, staker, buyer = Wallet.create(), await funded(stage), await funded(stage)
        for wallet in (owner, staker):
            await stage.devnet.faucet.fund(wallet.address, Gift(dollars=0, emp=1_500 * EMP))
        place = (stage.services.url, stage.devnet.rpc_url)
        provider, early, late = (AsyncEmporion(*place, wallet) for wallet in (owner, staker, buyer))
        async with provider, early, late:
            start = await stage.devnet.controls.now() + DAY
            plan = NewPlan("pass", 1_000_000, sale_start=start, early_seconds=2 * DAY, early_score=50 * EMP)
            service = await provider.publish(NewService("Stakers first", "stakers-first", [plan]))
            (sold,) = service.plans
            assert (sold.sale_start, sold.early_seconds, sold.early_score) == (start, 2 * DAY, 50 * EMP)
            with pytest.raises(NodeRefused, match="ScoreTooLow"):
                await late.buy(sold)
            await early.stake(50 * EMP, 7 * DAY)
            assert (await early.buy(sold)).units == 1
            await stage.devnet.controls.advance(DAY + 1)
            assert (await late.buy(sold)).units == 1
            await self.ends(provider, late, sold, service.id)

    async def ends(self, provider: AsyncEmporion, buyer: AsyncEmporion, sold: Plan, service_id: int) -> None:
        await provider.pause(service_id)
        with pytest.raises(NodeRefused, match="ServiceNotSelling"):
            await buyer.buy(sold)
        await provider.resume(service_id)
        await buyer.buy(sold)
        with pytest.raises(NodeRefused, match="ServiceRegistry_NotProvider"):
            await buyer.retire(service_id)
        await provider.retire(service_id)
        with pytest.raises(NodeRefused, match="ServiceNotSelling"):
            await buyer.buy(sold)
        with pytest.raises(NodeRefused, match="ServiceRegistry_Retired"):
            await provider.resume(service_id)


async def standing(stage: World, market: AsyncEmporion, plan: Plan) -> tuple[int, int, bool]:
    """Credits held, credits in the tab, whether it demands vouchers: as the chain has it."""
    wallet = bytes.fromhex(market.address[2:])
    tab = await stage.devnet.contracts.escrow.tab(plan.id, wallet)
    return await stage.devnet.contracts.access.balance(wallet, plan.id), tab.balance, bool(tab.flags)


async def settled(market: AsyncEmporion, request_id: str) -> bool:
    verdicts = await market.verify_receipt(request_id)
    return any(one.check == "settlement" and one.finding == "true" for one in verdicts)


async def listed(market: AsyncEmporion, listing: int) -> bool:
    return listing in {offer.id for offer in await market.offers()}
