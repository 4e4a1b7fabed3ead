"""Hops on the chain's side: deploy, publish, buy, refund."""

import tempfile
from pathlib import Path
from typing import Final

from backend.cli.demo.report import Figures, require
from backend.cli.demo.world import World, until
from backend.cli.devnet.faucet import Gift
from backend.cli.manifest import read_manifest
from backend.cli.output import money
from backend.cli.publishing import Publisher
from backend.core.units import MICRO, SHARES_WHOLE, Then, checksum
from backend.meter.pricing import units_up

CREDITS: Final = 300
CO_OWNED: Final = SHARES_WHOLE // 4
CREDITS_PLAN: Final = "Credits"
LASTING_PLAN: Final = "Pass"
MONTH_PLAN: Final = "Month"
SERVICE_TOML: Final = """\
[service]
name = "SmolLM2 135M Instruct"
slug = "smollm2"
description = "A small instruction-tuned language model, served by the embedded engine."
kind = "model"
tags = ["chat", "small"]
bond = "1000"
deterministic = true

[upstream]
kind = "embedded"

[[plan]]
name = "Pass"
kind = "pass"
currency = "tUSD"
price = "25"
royalty_bps = 500

[[plan]]
name = "Month"
kind = "timed"
currency = "tUSD"
price = "9.90"
period = "30d"
refundable = true

[[plan]]
name = "Credits"
kind = "metered"
currency = "tUSD"
price = "0.01"
refundable = true
rates = { request = 100000, unit_in = 10000, unit_out = 50000 }
"""
GAS_ONLY: Final = Gift(dollars=0, emp=0)


def dollars(amount: int) -> str:
    """Base units of the devnet's dollar, as people write them."""
    return money(amount, 6, "tUSD")


async def deploy(world: World) -> Figures:
    """The contracts stand where they were predicted."""
    deployment = world.devnet.deployment
    codes = await world.devnet.client.codes(
        [bytes.fromhex(made.address[2:]) for made in deployment.contracts.values()]
    )
    require(all(codes), "code at every address", contracts=len(codes))
    return {
        "contracts": len(codes),
        "chain": deployment.chain_id,
        "AccessToken": deployment.address("AccessToken"),
        "rpc": world.devnet.rpc_url,
    }


async def publish(world: World) -> Figures:
    """A provider lists the embedded model with three plans, and gives a quarter of it to a co-owner."""
    provider = await world.meet("provider")
    co_owner = await world.meet("co_owner", GAS_ONLY)
    await provider.gateway.sign_in(provider.key)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.toml"
        path.write_text(SERVICE_TOML, encoding="utf-8")
        manifest = read_manifest(path)
    contracts = world.devnet.contracts
    made = await Publisher(contracts, provider.gateway, provider.trader, lambda _: None).publish(manifest)
    world.service_id, world.model, world.plans = made.service_id, made.model, made.plans
    shares = contracts.shares
    given = shares.transfer(provider.key.address, co_owner.key.address, made.service_id, CO_OWNED)
    await provider.trader.send(given)
    require(
        set(made.plans) == {LASTING_PLAN, MONTH_PLAN, CREDITS_PLAN}, "three plans", plans=list(made.plans)
    )
    page = await until(lambda: _listed(world), 10, "the service to be listed")
    return {
        "service": made.service_id,
        "model": made.model,
        "plans": len(page["plans"]),
        "gas": made.gas_used,
    }


async def _listed(world: World) -> dict[str, list[object]] | None:
    gateway = world["provider"].gateway
    found = await gateway.ask("GET", "/v1/services?q=smollm2")
    if world.service_id not in {entry["id"] for entry in found["services"]}:
        return None
    page: dict[str, list[object]] = await gateway.ask("GET", f"/v1/services/{world.service_id}")
    return page if len(page["plans"]) == len(world.plans) else None


async def buy(world: World) -> Figures:
    """A fresh wallet buys credits and deposits them, in one transaction, with a signed permit."""
    buyer = await world.meet("buyer", Gift(dollars=100 * 10**6, emp=0))
    plan = world.plans[CREDITS_PLAN]
    contracts = world.devnet.contracts
    before = await contracts.currency(0).balance(buyer.key.address)
    bought = await buyer.trader.buy(plan, CREDITS, Then.DEPOSIT)
    tab = await contracts.escrow.tab(plan, buyer.key.address)
    paid = before - await contracts.currency(0).balance(buyer.key.address)
    require(tab.balance == CREDITS, f"{CREDITS} credits in the tab", credits=tab.balance)
    require(paid == bought.cost, "the price paid", paid=paid, cost=bought.cost)
    world.notes["bought_block"] = bought.receipt.block_number
    return {
        "buyer": checksum(buyer.key.address),
        "credits": tab.balance,
        "paid": dollars(paid),
        "transactions": 1,
        "gas": bought.receipt.gas_used,
    }


async def refund(world: World) -> Figures:
    """The rest of the credits: asked back, waited for, withdrawn, refunded at the price paid."""
    buyer, plan = world["buyer"], world.plans[CREDITS_PLAN]
    contracts = world.devnet.contracts
    await buyer.trader.request_withdrawal(plan)
    await until(lambda: _settled_up(world), 30, "the last usage to be settled")
    await world.devnet.controls.advance(await contracts.escrow.withdrawal_delay() + 1)
    await buyer.trader.withdraw(plan)
    left = await contracts.access.balance(buyer.key.address, plan)
    before = await contracts.currency(0).balance(buyer.key.address)
    await buyer.trader.refund(plan, left)
    back = await contracts.currency(0).balance(buyer.key.address) - before
    price = (await contracts.access.terms(plan)).unit_price
    require(back == left * price, "the price of every credit left", back=back, credits=left)
    return {"credits": left, "refunded": dollars(back)}


async def _settled_up(world: World) -> bool:
    """Whether all that was served is settled, the last fraction rounded up since the payer leaves."""
    tab = await world.devnet.contracts.escrow.tab(world.plans[CREDITS_PLAN], world["buyer"].key.address)
    return tab.settled == units_up(CREDITS * MICRO - world.notes["left"])
