"""Gas of every entry point, as receipts tell it.

Warm plan, steady state, one live currency, no upstream, unlimited allowance; what a first time costs has a
key of its own. Time passes between transactions, because two in one second read low.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.contracts.gas import government, peers
from tests.contracts.protocol import (
    ACTIVATE,
    DAY,
    DEPOSIT,
    EMP,
    EMP_INDEX,
    HASH,
    HOLD,
    METERED,
    MIN_BOND,
    PASS,
    PAUSED,
    TERMS,
    TIMED,
    URI,
    USD,
    USD_INDEX,
    Protocol,
)
from tests.contracts.typed_data import PERMIT, RECEIVE, joined, order_nonce, signed

Figures = dict[str, int]
BUYER: Final = 5  # number of the buyer's account
START: Final = 2_000_000_000
VOUCHER: Final = "payer:address,planId:uint256,cumulativeUnits:uint256"


def used(p: Protocol, contract: Any, function: str, *arguments: Any, sender: str) -> int:
    """Gas of one call, some time after the one before."""
    p.stage.advance(100)
    return int(p.send(contract, function, *arguments, sender=sender)["gasUsed"])


def buy(p: Protocol, plan: int, units: int = 5, then: int = HOLD, sender: str | None = None) -> int:
    """Gas of a purchase with the figures an honest order has."""
    sender = sender or p.buyer
    arguments = (plan, units, sender, units * USD, p.stage.now + 3_600, then)
    return used(p, p.access, "buy", *arguments, sender=sender)


def warm(p: Protocol) -> dict[int, int]:
    """One plan a kind that sold, released and settled already, to others; gives plan ids by kind."""
    plans = {kind: p.create_plan(kind) for kind in (PASS, TIMED, METERED)}
    for kind, plan in plans.items():
        p.buy(plan, 50, sender=p.stranger)
        if kind == TIMED:
            p.send(p.access, "activate", plan, 1, p.stranger, sender=p.stranger)
    p.deposit(plans[METERED], 500, p.stranger)
    p.settle(plans[METERED], (p.stranger, 1))
    p.send(p.shares, "distribute", 1, USD_INDEX, USD, sender=p.stranger)
    p.send(p.shares, "claim", [1], [USD_INDEX], p.provider, sender=p.provider)
    p.send(p.shares, "distribute", 1, USD_INDEX, USD, sender=p.stranger)
    return plans


def purchases(p: Protocol) -> Figures:
    plans = warm(p)
    name = "AccessToken.buy:"
    return {
        f"{name}metered-new": buy(p, plans[METERED]),
        f"{name}metered-repeat": buy(p, plans[METERED]),
        f"{name}deposit-new": buy(p, plans[METERED], 50, DEPOSIT),
        f"{name}deposit-repeat": buy(p, plans[METERED], 50, DEPOSIT),
        f"{name}pass-new": buy(p, plans[PASS], 1),
        f"{name}pass-repeat": buy(p, plans[PASS], 1),
        f"{name}activate": buy(p, plans[TIMED], 1, ACTIVATE),
        f"{name}activate-repeat": buy(p, plans[TIMED], 1, ACTIVATE),
    }


def signed_purchases(p: Protocol) -> Figures:
    plan = warm(p)[METERED]
    p.send(p.usd, "approve", p.access.address, 0, sender=p.buyer)
    deadline, key = p.stage.now + DAY, p.stage.key(BUYER)
    permit = signed(
        p.usd, "Test Dollar", "Permit", PERMIT, (p.buyer, p.access.address, 50 * USD, 0, deadline), key
    )
    order = (plan, 50, p.buyer, 50 * USD, deadline, DEPOSIT)
    return {
        "AccessToken.buyWithPermit:deposit-new": used(
            p, p.access, "buyWithPermit", *order, *permit, sender=p.buyer
        )
    }


def authorized_purchase(p: Protocol) -> Figures:
    """Signed by the buyer, sent by a stranger."""
    plan, deadline = warm(p)[METERED], p.stage.now + DAY
    order = (plan, 50, p.buyer, 50 * USD, deadline, DEPOSIT)
    nonce = order_nonce(p.access, *order, HASH)
    values = (p.buyer, p.access.address, 50 * USD, 0, deadline, nonce)
    signature = joined(
        *signed(p.usd, "Test Dollar", "ReceiveWithAuthorization", RECEIVE, values, p.stage.key(BUYER))
    )
    call = (p.access, "buyWithAuthorization", p.buyer, *order, HASH, signature)
    return {"AccessToken.buyWithAuthorization:deposit-new": used(p, *call, sender=p.stranger)}


def uses(p: Protocol) -> Figures:
    plans = warm(p)
    timed, metered = plans[TIMED], plans[METERED]
    p.buy(timed, 10)
    p.buy(metered, 10)
    activate = (p.access, "activate", timed, 1, p.buyer)
    give = (p.buyer, p.staker, metered, 1, b"")
    return {
        "AccessToken.activate:first": used(p, *activate, sender=p.buyer),
        "AccessToken.activate:repeat": used(p, *activate, sender=p.buyer),
        "AccessToken.refund": used(p, p.access, "refund", metered, 2, p.buyer, sender=p.buyer),
        "AccessToken.consume:first": used(p, p.access, "consume", metered, 1, sender=p.buyer),
        "AccessToken.consume:repeat": used(p, p.access, "consume", metered, 1, sender=p.buyer),
        "AccessToken.safeTransferFrom:new": used(p, p.access, "safeTransferFrom", *give, sender=p.buyer),
        "AccessToken.safeTransferFrom:repeat": used(p, p.access, "safeTransferFrom", *give, sender=p.buyer),
    }


def tabs(p: Protocol) -> Figures:
    plan = warm(p)[METERED]
    p.send(p.access, "setApprovalForAll", p.escrow.address, True, sender=p.buyer)
    p.buy(plan, 50)
    deposit = (p.escrow, "deposit", plan, 10)
    figures = {
        "UsageEscrow.setTabOptions": used(p, p.escrow, "setTabOptions", plan, False, 9, sender=p.staker),
        "UsageEscrow.deposit:new": used(p, *deposit, sender=p.buyer),
        "UsageEscrow.deposit:repeat": used(p, *deposit, sender=p.buyer),
        "UsageEscrow.requestWithdrawal": used(p, p.escrow, "requestWithdrawal", plan, sender=p.buyer),
        "UsageEscrow.cancelWithdrawal": used(p, p.escrow, "cancelWithdrawal", plan, sender=p.buyer),
    }
    p.send(p.escrow, "requestWithdrawal", plan, sender=p.buyer)
    figures |= {
        "UsageEscrow.close": used(p, p.escrow, "close", plan, p.buyer, sender=p.meter),
    }
    figures["UsageEscrow.withdraw"] = used(p, p.escrow, "withdraw", plan, p.buyer, sender=p.buyer)
    return figures


def settlements(p: Protocol) -> Figures:
    plan = warm(p)[METERED]
    payers = [p.buyer, p.stranger, p.staker, p.provider]
    for payer in payers:
        p.deposit(plan, 50, payer)
    p.settle(plan, *[(payer, 5) for payer in payers])

    def settle(count: int, units: int) -> int:
        lines = [(payer, units, HASH, b"") for payer in payers[:count]]
        return used(p, p.escrow, "settle", plan, lines, sender=p.meter)

    one, all_of_them = settle(1, 6), settle(len(payers), 7)
    further = (all_of_them - one) // (len(payers) - 1)
    return {"UsageEscrow.settle:one": one, "UsageEscrow.settle:each-further": further}


def settlements_with_vouchers(p: Protocol) -> Figures:
    plan = warm(p)[METERED]
    accounts = {p.stage.account(number): number for number in range(4, 9)}
    for payer in list(accounts)[1:]:
        if payer == p.stranger:
            continue
        p.send(p.escrow, "setTabOptions", plan, True, 0, sender=payer)
        p.deposit(plan, 50, payer)
    payers = [a for a in accounts if p.tab(plan, a)["flags"]]

    def line(payer: str, units: int) -> tuple[Any, ...]:
        values, key = (payer, plan, units), p.stage.key(accounts[payer])
        voucher = joined(*signed(p.escrow, "Emporion Usage Escrow", "UsageVoucher", VOUCHER, values, key))
        return (payer, units, HASH, units.to_bytes(32, "big") + voucher)

    def settle(count: int, units: int) -> int:
        lines = [line(payer, units) for payer in payers[:count]]
        return used(p, p.escrow, "settle", plan, lines, sender=p.meter)

    settle(len(payers), 5)
    one, all_of_them = settle(1, 6), settle(len(payers), 7)
    return {"UsageEscrow.settle:each-further-voucher": (all_of_them - one) // (len(payers) - 1)}


def shares(p: Protocol) -> Figures:
    warm(p)
    give = (p.shares, "distribute", 1, USD_INDEX, 100 * USD)
    move = (p.provider, p.staker, 1, 1_000, b"")
    figures = {"RevenueShares.distribute": used(p, *give, sender=p.stranger)}
    claim = (p.shares, "claim", [1], [USD_INDEX], p.provider)
    figures["RevenueShares.claim"] = used(p, *claim, sender=p.provider)
    figures["RevenueShares.safeTransferFrom:new"] = used(
        p, p.shares, "safeTransferFrom", *move, sender=p.provider
    )
    p.send(p.shares, "distribute", 1, USD_INDEX, USD, sender=p.stranger)
    figures["RevenueShares.safeTransferFrom:repeat"] = used(
        p, p.shares, "safeTransferFrom", *move, sender=p.provider
    )
    figures["RevenueShares.flushFees:treasury"] = used(p, p.shares, "flushFees", USD_INDEX, sender=p.stranger)
    p.send(p.vault, "lock", EMP, 30 * DAY, sender=p.staker)
    p.buy(p.create_plan(PASS), 10)
    figures["RevenueShares.flushFees:stream-first"] = used(
        p, p.shares, "flushFees", USD_INDEX, sender=p.stranger
    )
    return figures


def services(p: Protocol) -> Figures:
    p.register()
    registration: tuple[Any, ...] = (0, p.meter, URI, HASH, [], MIN_BOND)
    figures = {
        "ServiceRegistry.register": used(p, p.registry, "register", *registration, sender=p.provider),
        "ServiceRegistry.bond": used(p, p.registry, "bond", 1, EMP, sender=p.provider),
        "ServiceRegistry.requestUnbond": used(p, p.registry, "requestUnbond", 1, EMP, sender=p.provider),
        "ServiceRegistry.challenge": used(p, p.registry, "challenge", 1, sender=p.stranger),
        "ServiceRegistry.answer": used(p, p.registry, "answer", 1, sender=p.provider),
        "ServiceRegistry.setMeter": used(p, p.registry, "setMeter", 1, p.staker, sender=p.provider),
        "AccessToken.createPlan": used(
            p, p.access, "createPlan", 1, tuple(TERMS.values()), sender=p.provider
        ),
    }
    p.stage.advance(60 * DAY)
    figures["ServiceRegistry.unbond"] = used(p, p.registry, "unbond", 1, p.provider, sender=p.provider)
    return figures


def ends(p: Protocol) -> Figures:
    """A service changes, stops selling, and is retired by a stranger for want of a bond."""
    plan = p.create_plan()
    figures = {
        "AccessToken.setSaleOpen": used(p, p.access, "setSaleOpen", plan, False, sender=p.provider),
        "ServiceRegistry.setMetadata": used(
            p, p.registry, "setMetadata", 1, URI, HASH[::-1], sender=p.provider
        ),
        "ServiceRegistry.setStatus": used(p, p.registry, "setStatus", 1, PAUSED, sender=p.provider),
    }
    p.send(p.registry, "requestUnbond", 1, EMP, sender=p.provider)
    figures["ServiceRegistry.flagUnderbonded"] = used(p, p.registry, "flagUnderbonded", 1, sender=p.stranger)
    p.stage.advance(31 * DAY)
    return figures | {"ServiceRegistry.retire": used(p, p.registry, "retire", 1, sender=p.stranger)}


def stakes(p: Protocol) -> Figures:
    plan = p.create_plan(PASS)
    for early in (p.stranger, p.provider):
        p.send(p.vault, "lock", EMP, 365 * DAY, sender=early)
        p.stage.advance(DAY)
    p.buy(plan, 4_000)
    p.send(p.shares, "flushFees", USD_INDEX, sender=p.stranger)
    p.stage.advance(DAY)
    lock, claim = (p.vault, "lock", EMP, 365 * DAY), (p.vault, "claim", [USD_INDEX], p.provider)
    figures = {"StakingVault.lock:first": used(p, *lock, sender=p.staker)}
    p.stage.advance(DAY)
    figures["StakingVault.lock:again"] = used(p, *lock, sender=p.staker)
    p.stage.advance(DAY)
    figures["StakingVault.claim:first"] = used(p, *claim, sender=p.provider)
    p.stage.advance(DAY)
    figures["StakingVault.claim:repeat"] = used(p, *claim, sender=p.provider)
    figures["StakingVault.increase"] = used(p, p.vault, "increase", 0, EMP, sender=p.staker)
    figures["StakingVault.extend"] = used(p, p.vault, "extend", 0, 365 * DAY, sender=p.staker)
    p.stage.advance(366 * DAY)
    figures["StakingVault.unlock"] = used(p, p.vault, "unlock", 0, p.staker, sender=p.staker)
    return figures


def stakes_kept(p: Protocol) -> Figures:
    """EMP locked by permit, votes delegated, rewards added, and the end noted by a stranger."""
    deadline = p.stage.now + DAY
    values = (p.staker, p.vault.address, EMP, p.read(p.emp, "nonces", p.staker), deadline)
    number = next(n for n in range(9) if p.stage.account(n) == p.staker)
    permit = signed(p.emp, "Emporion", "Permit", PERMIT, values, p.stage.key(number))
    lock = (p.vault, "lockWithPermit", EMP, 30 * DAY, deadline, *permit)
    figures = {"StakingVault.lockWithPermit:first": used(p, *lock, sender=p.staker)}
    figures["StakingVault.delegate"] = used(p, p.vault, "delegate", p.stranger, sender=p.staker)
    p.buy(p.create_plan(PASS, currency=EMP_INDEX, unitPrice=EMP), 1_000)
    p.send(p.shares, "flushFees", EMP_INDEX, sender=p.stranger)
    p.stage.advance(8 * DAY)
    figures["StakingVault.compound"] = used(p, p.vault, "compound", 0, sender=p.staker)
    p.stage.advance(30 * DAY)
    figures["StakingVault.expire"] = used(p, p.vault, "expire", [p.staker], [0], sender=p.stranger)
    return figures


def resale(p: Protocol) -> Figures:
    plan = warm(p)[PASS]
    p.buy(plan, 10)
    p.send(p.access, "setApprovalForAll", p.market.address, True, sender=p.buyer)
    offer = (p.access.address, plan, 5, USD, USD_INDEX, p.stage.now + 30 * DAY)
    figures = {"TokenMarket.list": used(p, p.market, "list", *offer, sender=p.buyer)}
    fill = (p.market, "fill", 1, 1, USD, p.stage.now + DAY)
    figures["TokenMarket.fill:new"] = used(p, *fill, sender=p.staker)
    figures["TokenMarket.fill:repeat"] = used(p, *fill, sender=p.staker)
    figures["TokenMarket.cancel"] = used(p, p.market, "cancel", 1, sender=p.buyer)
    return figures


SCENARIOS: Final[tuple[Callable[[Protocol], Figures], ...]] = (
    purchases, signed_purchases, authorized_purchase, uses, tabs, settlements, settlements_with_vouchers,
    shares, services, ends, stakes, stakes_kept, resale, government.government, government.distribution,
    peers.tokens, peers.shop, peers.staking,
)  # fmt: skip


def measure(p: Protocol) -> Figures:
    """All figures by key, sorted; the chain is left as it was."""
    figures: Figures = {}
    for scenario in SCENARIOS:
        point = p.stage.snapshot()
        # A fixed time, because the bytes of a deadline have their price.
        p.stage.travel(START)
        figures |= scenario(p)
        p.stage.revert(point)
    return dict(sorted(figures.items()))
