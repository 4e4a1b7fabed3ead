"""Hops of the money: settlement, claims, rewards, a fork, and the sum of it all."""

from dataclasses import replace
from typing import Any, Final

from backend.cli.demo.gateway_hops import ask_model
from backend.cli.demo.market_hops import CREDITS_PLAN, MONTH_PLAN, dollars
from backend.cli.demo.report import Figures, require
from backend.cli.demo.world import Person, World, until
from backend.cli.devnet.faucet import Gift
from backend.cli.receipt_commands import evidence_of
from backend.cli.wiring import Chain
from backend.client.verification import Finding, verify_receipt
from backend.core.units import MICRO, Then

EMP: Final = 10**18
DAY: Final = 86_400


async def settle(world: World) -> Figures:
    """The usage settles on chain in whole credits; a receipt is proved against the root."""
    buyer, plan = world["buyer"], world.plans[CREDITS_PLAN]
    left = await until(lambda: _settled_units(world), 30, "the settlement to be mined and indexed")
    used = (await world.devnet.contracts.escrow.tab(plan, buyer.key.address)).settled
    receipt = await buyer.gateway.ask("GET", f"/v1/receipts/{world.notes['request']}")
    proof = await buyer.gateway.ask("GET", f"/v1/receipts/{world.notes['request']}/proof")
    chain = Chain(world.devnet.client, world.devnet.deployment, world.devnet.contracts)
    known = await evidence_of(chain, receipt)
    evidence = replace(known, response=world.notes["answer"], proof=proof)
    verdicts = {one.check: one.finding for one in verify_receipt(receipt, evidence)}
    require(Finding.FALSE not in verdicts.values(), "no check of the receipt to fail", **verdicts)
    require(verdicts["settlement"] is Finding.TRUE, "the receipt under a settled root", **verdicts)
    return {
        "credits": used,
        "left": left,
        "transaction": proof["transaction"][:18] + "…",
        "receipt": f"{list(verdicts.values()).count(Finding.TRUE)} checks true",
    }


async def _settled_units(world: World) -> int:
    """Credits left in the tab once everything whole is settled; 0 before."""
    buyer, plan = world["buyer"], world.plans[CREDITS_PLAN]
    tab = await world.devnet.contracts.escrow.tab(plan, buyer.key.address)
    spent = (tab.balance + tab.settled) * MICRO - world.notes["left"]
    return tab.balance if tab.settled and tab.settled == spent // MICRO else 0


async def claim(world: World) -> Figures:
    """Provider and co-owner take their parts; with the fee they add up to what was consumed."""
    contracts, service = world.devnet.contracts, world.service_id
    plan = world.plans[CREDITS_PLAN]
    settled = (await contracts.escrow.tab(plan, world["buyer"].key.address)).settled
    gross = settled * (await contracts.access.terms(plan)).unit_price
    shared = await contracts.shares.distributed(service, 0)
    received = [await _claim(world, world[name]) for name in ("provider", "co_owner")]
    fee = gross - shared
    dust = shared - sum(received)
    require(0 <= dust <= 1, "claims that add up", gross=gross, fee=fee, received=received)
    require(fee == gross * 250 // 10_000, "a fee of 2.5 %", fee=fee, gross=gross)
    return {"consumed": dollars(gross), "fee": dollars(fee), "provider": dollars(received[0]),
            "co_owner": dollars(received[1])}  # fmt: skip


async def _claim(world: World, person: Person) -> int:
    currency = world.devnet.contracts.currency(0)
    before = await currency.balance(person.key.address)
    await person.trader.claim_revenue([(world.service_id, 0)])
    return await currency.balance(person.key.address) - before


async def lock_stake(world: World) -> None:
    """Somebody locks EMP before there are fees."""
    staker = await world.meet("staker", Gift(dollars=0, emp=5_000 * EMP))
    await staker.trader.lock(5_000 * EMP, 90 * DAY)


async def stake_claim(world: World) -> Figures:
    """The protocol's fees are streamed to the stakers by score; the staker claims its part."""
    contracts, staker = world.devnet.contracts, world["staker"]
    await until(lambda: _no_fees(world), 40, "the fees to be flushed to the vault")
    await world.devnet.controls.advance(8 * DAY)
    due = await contracts.vault.claimable(staker.key.address, 0)
    before = await contracts.currency(0).balance(staker.key.address)
    await staker.trader.claim_rewards([0])
    got = await contracts.currency(0).balance(staker.key.address) - before
    require(got > 0 and got >= due, "the streamed fees", got=got, due=due)
    score = await contracts.vault.score(staker.key.address)
    return {"score": score // EMP, "of": await contracts.vault.total_score() // EMP, "rewards": dollars(got)}


async def _no_fees(world: World) -> bool:
    return await world.devnet.contracts.shares.fees(0) == 0


async def reorg(world: World) -> Figures:
    """A fork takes a purchase away, and the access with it."""
    latecomer = await world.meet("latecomer", Gift(dollars=100 * 10**6, emp=0))
    await latecomer.sign_in()
    bought = await latecomer.trader.buy(world.plans[MONTH_PLAN], 1, Then.ACTIVATE)
    await until(lambda: _serves(world, latecomer, 200), 10, "the purchase to give access")
    async with world.devnet.controls.instant_mining():
        depth = await world.devnet.client.block_number() - bought.receipt.block_number + 1
        await world.devnet.controls.reorg(depth)
    await until(lambda: _serves(world, latecomer, 402), 10, "the access to end with the purchase")
    status = await latecomer.gateway.ask("GET", "/readyz", token="")
    balance = await world.devnet.contracts.currency(0).balance(latecomer.key.address)
    require(balance == 100 * 10**6, "the money back in the wallet", balance=balance)
    return {"depth": depth, "access": "gone", "gateway_ready": status["ready"]}


async def _serves(world: World, person: Person, wanted: int) -> bool:
    status, _ = await ask_model(world, person)
    return status == wanted


async def conservation(world: World) -> Figures:
    """Money in = backing + refunded + released, per plan, to the unit; AccessToken holds its backings."""
    contracts, deployment = world.devnet.contracts, world.devnet.deployment
    latest = await world.devnet.client.block_number()
    addresses = [contracts.access.address, contracts.shares.address]
    logs = await world.devnet.client.logs(addresses, deployment.start_block, latest)
    events = [event for event in (contracts.events.decode(log) for log in logs) if event is not None]
    paid = backing = released = refunded = 0
    for plan in sorted(set(world.plans.values())):
        part = {
            "paid": _total(events, "Bought", plan, "cost"),
            "refunded": _total(events, "Refunded", plan, "amount"),
            "released": _total(events, "Released", plan, "gross"),
            "backing": await contracts.access.backing(plan),
        }
        whole = part["refunded"] + part["released"] + part["backing"]
        require(part["paid"] == whole, f"plan {plan} to balance", **part)
        paid, backing = paid + part["paid"], backing + part["backing"]
        released, refunded = released + part["released"], refunded + part["refunded"]
    held = await contracts.currency(0).balance(contracts.access.address)
    require(held >= backing, "AccessToken to hold every backing", held=held, backing=backing)
    return {
        "paid": dollars(paid),
        "released": dollars(released),
        "refunded": dollars(refunded),
        "backing": dollars(backing),
        "AccessToken_holds": dollars(held),
    }


def _total(events: list[Any], name: str, plan: int, value: str) -> int:
    return sum(
        int(event.args[value])
        for event in events
        if event.name == name and int(event.args.get("planId", -1)) == plan
    )
