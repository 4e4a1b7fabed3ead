"""Statements of a seeded devnet against the contracts

given a month of history with a resale, gifts, royalties, claims, a withdrawal and staking
├── gas should be what the receipts say
└── for every account, to the unit
    ├── units of each plan should be those in its wallet and its tab
    ├── shares should be those in its wallet
    ├── EMP should be what its wallet holds
    ├── dollars should be what its wallet holds, less what it was given
    └── claims should add up to what the contract paid, royalties told apart from revenue
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from backend.cli.devnet.accounts import ROLES
from backend.cli.devnet.catalogue import CHAT, DAY, EMP, WEATHER
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import Seeded, seed
from backend.core.units import Address, Then
from backend.db.session import Store
from backend.statements.entries import Category
from backend.statements.periods import Period
from backend.statements.ports import FixedPrices, Price
from backend.statements.replies import gas_missing
from backend.statements.service import Statement, Statements
from indexer.loop import index_once

pytestmark = [pytest.mark.devnet, pytest.mark.integration]

DOLLAR, TOKEN = 0, 1
GIVEN: Final = {
    "buyer": 5_000,
    "second_buyer": 5_000,
    "third_buyer": 5_000,
    "staker": 100,
    "second_staker": 100,
}
PRICES = FixedPrices({"tUSD": Price(10**8, 8), "EMP": Price(5 * 10**7, 8)})
LATER: Final = 2**39
QUIET: Final = ("deployer", "meter")
"""Roles that own nothing here but gas."""


@pytest.fixture
async def devnet(tmp_path: Path) -> AsyncIterator[Devnet]:
    async with Devnet.start(tmp_path / "devnet", port=0, history_days=30) as running:
        yield running


async def more(devnet: Devnet, seeded: Seeded) -> None:
    """What the seed has not: a resale with a royalty, gifts, a withdrawal, rewards, shares sold."""
    c, accounts = devnet.contracts, devnet.accounts

    async def do(role: str, *acts: object) -> None:
        for act in acts:
            await devnet.sender(role).send(act)  # type: ignore[arg-type]

    async with devnet.controls.instant_mining():
        metered = seeded.plans[CHAT.slug, "credits"]
        chat, third = seeded.services[CHAT.slug], accounts["third_buyer"].address
        await do("third_buyer", c.dollar.approve(c.market.address, LATER), c.market.fill(1, 1, LATER, LATER))
        await do("buyer", c.access.buy(metered, 7, third, LATER, LATER, Then.HOLD))
        await do("third_buyer", c.access.transfer(third, accounts["buyer"].address, metered, 3))
        await do("third_buyer", c.access.refund(metered, 2, accounts["second_buyer"].address))
        await do(
            "buyer", c.dollar.approve(c.shares.address, LATER), c.shares.distribute(chat, DOLLAR, 1_000_003)
        )
        await do("co_owner", c.shares.claim([(chat, DOLLAR)], accounts["co_owner"].address))
        await do("provider", c.shares.claim([(chat, DOLLAR)], accounts["buyer"].address))
        await do("co_owner", c.shares.approve_all(c.market.address))
        await do("co_owner", c.market.offer(c.shares.address, chat, 40_000, 100, DOLLAR, LATER))
        await do("third_buyer", c.market.fill(2, 1_000, LATER, LATER))
        await do("staker", c.vault.claim([DOLLAR, TOKEN], accounts["staker"].address))
        await do("second_staker", c.vault.claim([DOLLAR, TOKEN], accounts["staker"].address))
        rows = seeded.plans[WEATHER.slug, "rows"]
        await do("second_buyer", c.escrow.request_withdrawal(rows))
        await devnet.controls.advance(2 * DAY)
        await do("second_buyer", c.escrow.withdraw(rows, third))
        await do("staker", c.emp.transfer(third, 5 * EMP))


def total(statement: Statement, kind: str, identity: int) -> int:
    return sum(line.entry.held for line in statement.lines if line.entry.asset == (kind, identity))


def cash(statement: Statement, currency: int) -> int:
    return sum(line.entry.cash for line in statement.lines if line.entry.currency == currency)


class TestEveryAccount:
    async def test_adds_up_to_what_the_contracts_hold(self, devnet: Devnet, store: Store) -> None:
        seeded = await seed(devnet)
        await more(devnet, seeded)
        await index_once(store, devnet.client, devnet.deployment)
        statements = Statements(store, devnet.deployment, PRICES)
        differences = []
        for role in ROLES:
            account = Address(devnet.accounts[role].address)
            for method in ("fifo", "average"):
                statement = await statements.statement(account, Period(), method)
                assert statement.lines or role in QUIET
                differences += await compared(devnet, seeded, role, account, statement)
        assert differences == []

    async def test_tells_where_claims_came_from(self, devnet: Devnet, store: Store) -> None:
        seeded = await seed(devnet)
        await more(devnet, seeded)
        await index_once(store, devnet.client, devnet.deployment)
        statements = Statements(store, devnet.deployment, PRICES)
        owner = Address(devnet.accounts["co_owner"].address)
        lines = (await statements.statement(owner, Period())).lines
        parts = {line.entry.kind: line.entry.amount for line in lines if line.entry.asset.kind == "currency"}
        royalty = 15 * 10**6 * CHAT.plans["pass"].royalty_bps // 10_000
        assert parts["royalty"] == royalty // 10
        assert parts["distribution received"] in (100_000, 100_001)
        assert parts["revenue"] > 0
        seller = Address(devnet.accounts["second_buyer"].address)
        sold = [
            line
            for line in (await statements.statement(seller, Period())).lines
            if line.entry.kind == "resale"
        ]
        price = CHAT.plans["pass"].unit_price
        assert [(s.entry.amount, s.gain) for s in sold] == [
            (15 * 10**6 - royalty, 15 * 10**6 - royalty - price)
        ]
        assert sold[0].entry.category is Category.DISPOSAL
        assert sold[0].gain_value == sold[0].gain * 100  # type: ignore[operator] # 6 decimals to 8, at 1

    async def test_tells_what_gas_cost(self, devnet: Devnet, store: Store) -> None:
        await seed(devnet)
        await devnet.controls.mine(70)
        await index_once(store, devnet.client, devnet.deployment)
        statements = Statements(store, devnet.deployment, PRICES)
        account = Address(devnet.accounts["second_buyer"].address)
        statement = await statements.statement(account, Period())
        paid = [line.entry for line in statement.lines if line.entry.kind == "gas"]
        known = await devnet.client.receipts([entry.event.tx for entry in paid])
        assert len(paid) >= 4
        assert [-entry.cash for entry in paid] == [
            one.gas_used * one.gas_price for one in known if one is not None
        ]
        assert gas_missing(statement) == 0

    async def test_counts_time_in_periods(self, devnet: Devnet, store: Store) -> None:
        await seed(devnet)
        await index_once(store, devnet.client, devnet.deployment)
        statements = Statements(store, devnet.deployment, PRICES)
        account = Address(devnet.accounts["second_buyer"].address)
        whole = (await statements.statement(account, Period())).lines
        middle = int(time.time()) - 12 * DAY
        parts = [
            (await statements.statement(account, period)).lines
            for period in (Period(0, middle), Period(middle, LATER))
        ]
        assert all(parts)
        assert parts[0] + parts[1] == whole


async def compared(
    devnet: Devnet, seeded: Seeded, role: str, account: Address, statement: Statement
) -> list[tuple[str, str, int, int]]:
    """(role, what, stated, held) wherever they differ."""
    c, found = devnet.contracts, []
    for (slug, name), plan in seeded.plans.items():
        held = await c.access.balance(account, plan)
        if name in ("credits", "trial", "rows"):
            held += (await c.escrow.tab(plan, account)).balance
        found.append((role, f"{slug} {name}", total(statement, "plan", plan), held))
    for slug, service in seeded.services.items():
        held = await c.shares.balance(account, service)
        found.append((role, f"shares {slug}", total(statement, "shares", service), held))
        owns = int(await c.registry.owner(service) == account)
        found.append((role, f"service {slug}", total(statement, "service", service), owns))
    found.append((role, "EMP", cash(statement, TOKEN), await c.emp.balance(account)))
    given = GIVEN.get(role, 0) * 10**6
    claimed_by_others = ("buyer", "provider")
    if role not in claimed_by_others:
        found.append((role, "dollars", given + cash(statement, DOLLAR), await c.dollar.balance(account)))
    return [one for one in found if one[2] != one[3]]
