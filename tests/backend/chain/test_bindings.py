"""Every typed call against the deployed contracts: one purchase's whole life.

Contracts
├── given a published service with a plan of each kind
│   ├── it should read back the terms as they were written
│   └── it should buy, deposit, settle, refund, activate, claim, lock, list and fill
└── when a contract refuses
    └── it should name the error, its values and what to do
"""

from dataclasses import replace

import pytest

from backend.chain.bindings.structs import Entry, PlanTerms
from backend.cli.devnet.network import Devnet
from backend.core.errors import ContractRevert, DeploymentMismatch
from backend.core.units import (
    SHARES_WHOLE,
    BaseUnits,
    Hash32,
    Measure,
    PlanKind,
    ServiceKind,
    Then,
    keccak,
    plan_kind,
)
from backend.signing.eip712 import Domain
from backend.signing.permit import Order, Permit

pytestmark = [pytest.mark.devnet, pytest.mark.integration]

PRICE = BaseUnits(1_000_000)
METERED = PlanTerms(
    PlanKind.METERED,
    PRICE,
    refundable=True,
    measure=Measure.KIB,
    per_request=7,
    per_unit_in=8,
    per_unit_out=9,
)
FOREVER = 2**39


class Market:
    """A service with a provider, its meter, and a buyer who has dollars."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.contracts = devnet.contracts
        self.provider = devnet.accounts["provider"].address
        self.buyer = devnet.accounts["buyer"].address
        self.service = 0

    async def publish(self) -> None:
        for role in ("provider", "buyer", "staker"):
            await self.devnet.faucet.fund(self.devnet.accounts[role].address)
        sender, registry = self.devnet.sender("provider"), self.contracts.registry
        bond = await registry.min_bond()
        await sender.send(self.contracts.emp.approve(registry.address, bond))
        meter = self.devnet.accounts["meter"].address
        transaction = registry.register(
            ServiceKind.MODEL, "data:,a", Hash32(keccak(b"a")), meter=meter, bond=bond
        )
        receipt = await sender.send(transaction)
        self.service = self.contracts.event(receipt, "ServiceRegistered")["serviceId"]
        for token in (self.contracts.access, self.contracts.escrow, self.contracts.market):
            await self.devnet.sender("buyer").send(self.contracts.currency(0).approve(token.address, 10**12))

    async def plan(self, terms: PlanTerms) -> int:
        receipt = await self.devnet.sender("provider").send(
            self.contracts.access.create_plan(self.service, terms)
        )
        return int(self.contracts.event(receipt, "PlanCreated")["planId"])

    async def buy(self, plan: int, units: int, then: Then) -> None:
        order = self.contracts.access.buy(plan, units, self.buyer, units * PRICE, FOREVER, then)
        await self.devnet.sender("buyer").send(order)


@pytest.fixture
async def market(devnet: Devnet) -> Market:
    market = Market(devnet)
    await market.publish()
    return market


class TestAccessToken:
    async def test_reads_back_the_terms_it_wrote(self, market: Market) -> None:
        plan = await market.plan(METERED)
        assert await market.contracts.access.terms(plan) == METERED
        assert plan_kind(plan) is PlanKind.METERED

    async def test_buys_and_refunds(self, market: Market) -> None:
        plan, access = await market.plan(METERED), market.contracts.access
        await market.buy(plan, 5, Then.HOLD)
        assert await access.backing(plan) == 5 * PRICE
        await market.devnet.sender("buyer").send(access.refund(plan, 2, market.buyer))
        assert await access.balance(market.buyer, plan) == 3
        assert (await access.plan_state(plan)).sold == 3

    async def test_activates(self, market: Market) -> None:
        plan = await market.plan(PlanTerms(PlanKind.TIMED, PRICE, period=3_600))
        await market.buy(plan, 2, Then.ACTIVATE)
        until = (await market.contracts.access.access(plan, market.buyer)).until
        assert until == await market.devnet.controls.now() + 7_200

    async def test_names_the_error_and_what_to_do(self, market: Market) -> None:
        plan = await market.plan(METERED)
        order = market.contracts.access.buy(plan, 5, market.buyer, 1, FOREVER)
        with pytest.raises(ContractRevert, match=r"AccessToken_.*maxCost=1.*; \w+") as caught:
            await market.devnet.sender("buyer").send(order)
        assert caught.value.arguments["maxCost"] == 1


class TestPurchaseBySignature:
    async def test_buys_and_deposits_with_a_permit_in_one_transaction(self, market: Market) -> None:
        plan, contracts, key = await market.plan(METERED), market.contracts, market.devnet.accounts["staker"]
        dollar, access = contracts.dollar, contracts.access
        name, version = await dollar.domain()
        domain = Domain(name, version, contracts.deployment.chain_id, dollar.address)
        nonce = await dollar.permit_nonce(key.address)
        permit = Permit(key.address, access.address, 5 * PRICE, nonce, FOREVER)
        signature = key.sign(permit.digest(domain))
        order = access.buy_with_permit(plan, 5, key.address, 5 * PRICE, FOREVER, Then.DEPOSIT, signature)
        await market.devnet.sender("staker").send(order)
        assert (await contracts.escrow.tab(plan, key.address)).balance == 5

    async def test_buys_for_a_payer_without_gas(self, market: Market) -> None:
        plan, contracts, key = await market.plan(METERED), market.contracts, market.devnet.accounts["staker"]
        dollar, access, salt = contracts.dollar, contracts.access, Hash32(b"\4" * 32)
        domain = Domain(*await dollar.domain(), contracts.deployment.chain_id, dollar.address)
        parts = (plan, 2, key.address, Then.HOLD, 2 * PRICE, FOREVER, salt)
        order = Order(contracts.deployment.chain_id, access.address, *parts)
        signature = key.sign(order.authorization(key.address).digest(domain))
        transaction = access.buy_with_authorization(
            key.address, plan, 2, key.address, 2 * PRICE, FOREVER, Then.HOLD, salt, signature
        )
        await market.devnet.sender("buyer").send(transaction)
        assert await access.balance(key.address, plan) == 2


class TestUsageEscrow:
    async def test_deposits_and_settles(self, market: Market) -> None:
        plan, escrow = await market.plan(METERED), market.contracts.escrow
        await market.buy(plan, 5, Then.DEPOSIT)
        entry = Entry(market.devnet.accounts["buyer"].address, 3, Hash32(b"\5" * 32))
        receipt = await market.devnet.sender("meter").send(escrow.settle(plan, [entry]))
        assert market.contracts.event(receipt, "Settled")["receiptsRoot"] == b"\5" * 32
        tab = await escrow.tab(plan, market.buyer)
        assert (tab.balance, tab.settled) == (2, 3)

    async def test_withdraws_after_the_delay(self, market: Market) -> None:
        plan, escrow = await market.plan(METERED), market.contracts.escrow
        await market.buy(plan, 5, Then.DEPOSIT)
        buyer = market.devnet.sender("buyer")
        await buyer.send(escrow.request_withdrawal(plan))
        assert await escrow.spendable(plan, market.buyer) == 0
        await market.devnet.controls.advance(await escrow.withdrawal_delay())
        await buyer.send(escrow.withdraw(plan, market.buyer))
        assert await market.contracts.access.balance(market.buyer, plan) == 5


class TestRevenue:
    async def test_pays_provider_and_staker_all_that_a_pass_cost(self, market: Market) -> None:
        contracts, staker = market.contracts, market.devnet.sender("staker")
        await staker.send(contracts.emp.approve(contracts.vault.address, 10**21))
        await staker.send(contracts.vault.lock(10**21, 86_400))
        plan = await market.plan(PlanTerms(PlanKind.PASS, PRICE))
        await market.buy(plan, 1, Then.HOLD)
        fee = await contracts.shares.fees(0)
        await market.devnet.sender("provider").send(
            contracts.shares.claim([(market.service, 0)], market.provider)
        )
        await staker.send(contracts.shares.flush_fees(0))
        assert await contracts.vault.streaming(0)
        await market.devnet.controls.advance(3_600)
        owed = await contracts.vault.claimable(staker.address, 0)
        receipt = await staker.send(contracts.vault.claim([0], staker.address))
        assert contracts.event(receipt, "RewardsClaimed")["amount"] == owed
        assert 0 <= fee - owed <= 1, "rounding is against the staker, by less than a base unit a step"
        assert await contracts.shares.distributed(market.service, 0) == PRICE - fee
        assert await contracts.shares.balance(market.provider, market.service) == SHARES_WHOLE


class TestTokenMarket:
    async def test_swaps_a_pass_for_money(self, market: Market) -> None:
        contracts, provider = market.contracts, market.devnet.sender("provider")
        plan = await market.plan(PlanTerms(PlanKind.PASS, PRICE, royalty_bps=1_000))
        await market.buy(plan, 1, Then.HOLD)
        buyer = market.devnet.sender("buyer")
        await buyer.send(contracts.access.approve_all(contracts.market.address))
        offer = contracts.market.offer(contracts.access.address, plan, 1, PRICE, 0, FOREVER)
        listing = contracts.event(await buyer.send(offer), "Listed")["listingId"]
        assert (await contracts.market.listing(listing)).units == 1
        await provider.send(contracts.dollar.approve(contracts.market.address, PRICE))
        receipt = await provider.send(contracts.market.fill(listing, 1, PRICE, FOREVER))
        assert contracts.event(receipt, "Filled")["royalty"] == PRICE // 10
        assert await contracts.access.balance(market.provider, plan) == 1


class TestContracts:
    async def test_says_when_an_event_is_missing(self, market: Market) -> None:
        receipt = await market.devnet.sender("buyer").send(market.contracts.dollar.mint(market.buyer, 1))
        with pytest.raises(DeploymentMismatch, match="no Bought"):
            market.contracts.event(receipt, "Bought")

    async def test_says_when_a_currency_is_missing(self, market: Market) -> None:
        short = replace(market.contracts, deployment=replace(market.devnet.deployment, currencies=[]))
        with pytest.raises(DeploymentMismatch, match="no currency 1"):
            short.currency(1)
