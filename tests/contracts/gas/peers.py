"""Gas of comparable code, compiled by the same compiler and run on the same chain."""

from __future__ import annotations

from typing import Any

from tests.contracts.protocol import EMP, USD, Protocol
from tests.contracts.stage import MAX_UINT256

Figures = dict[str, int]


def tokens(p: Protocol) -> Figures:
    """Minting to a new holder, and to the same again."""
    figures: Figures = {}
    for name in ("SoladyTokens", "OpenZeppelinTokens"):
        contract = p.stage.deploy(name)
        p.send(contract, "mint", p.stranger, 1, 5, sender=p.stranger)
        mints = [p.send(contract, "mint", p.buyer, 1, 5, sender=p.buyer)["gasUsed"] for _ in range(2)]
        figures |= {f"{name}.mint:new": mints[0], f"{name}.mint:repeat": mints[1]}
    return figures


def shop(p: Protocol) -> Figures:
    """A sale with nothing around it."""
    contract = p.stage.deploy("PlainShop", p.usd.address, p.provider, USD)
    for account in (p.buyer, p.stranger):
        p.send(p.usd, "approve", contract.address, MAX_UINT256, sender=account)
    p.send(contract, "buy", 1, 5, sender=p.stranger)
    sales = [p.send(contract, "buy", 1, 5, sender=p.buyer)["gasUsed"] for _ in range(2)]
    return {"PlainShop.buy:new": sales[0], "PlainShop.buy:repeat": sales[1]}


def staking(p: Protocol) -> Figures:
    """One reward, streamed over a week."""
    contract = p.stage.deploy("PlainStaking", p.emp.address, p.usd.address)
    for account in (p.staker, p.stranger):
        p.send(p.emp, "approve", contract.address, MAX_UINT256, sender=account)
    p.send(contract, "stake", EMP, sender=p.stranger)
    p.send(p.usd, "mint", contract.address, 1_000 * USD, sender=p.operator)
    p.send(contract, "notifyRewardAmount", 1_000 * USD, sender=p.operator)

    def used(function: str, *arguments: Any) -> int:
        p.stage.advance(1_000)
        return int(p.send(contract, function, *arguments, sender=p.staker)["gasUsed"])

    stakes = {"PlainStaking.stake:first": used("stake", EMP), "PlainStaking.stake:again": used("stake", EMP)}
    used("getReward")
    return {**stakes, "PlainStaking.claim": used("getReward"), "PlainStaking.withdraw": used("withdraw", EMP)}
