"""Gas of those who judge, review, vote and give EMP out: the whole set under its own government."""

from __future__ import annotations

from typing import Any

from tests.contracts.governed import COURT_PERIOD, DELAY, VOTING_PERIOD, Governed, deploy_governed
from tests.contracts.protocol import DAY, EMP, HASH, METERED, URI, Protocol
from tests.contracts.stage import Stage

Figures = dict[str, int]
START = 2_000_000_000


def used(stage: Stage, contract: Any, function: str, *arguments: Any, sender: str) -> int:
    """Gas of one call, some time after the one before."""
    stage.advance(100)
    return int(stage.send(contract.functions[function](*arguments), sender)["gasUsed"])


def government(_: Protocol) -> Figures:
    """On a chain of its own, because here the timelock owns what governance owns."""
    governed = deploy_governed(Stage())
    governed.stage.travel(START)
    return {**_court(governed), **_decision(governed)}


def _court(g: Governed) -> Figures:
    """A dispute upheld by two voters; then a review by somebody who used what was bought."""
    plan = g.p.create_plan(METERED)
    g.p.buy(plan, 5)
    g.p.send(g.p.access, "consume", plan, 1, sender=g.p.buyer)
    names = {
        "open": (plan, 100 * EMP, HASH, URI), "respond": (1, HASH, URI), "vote": (1, True), "resolve": (1,),
    }  # fmt: skip
    senders = {"open": g.p.buyer, "respond": g.p.provider, "vote": g.voter, "resolve": g.p.stranger}
    figures = {}
    for name, arguments in names.items():
        if name == "resolve":
            g.stage.advance(COURT_PERIOD)
        figures[f"DisputeCourt.{name}"] = used(g.stage, g.court, name, *arguments, sender=senders[name])
    review = used(g.stage, g.reviews, "review", plan, 5, HASH, sender=g.p.buyer)
    return {**figures, "ServiceReviews.review": review}


def _decision(g: Governed) -> Figures:
    """One parameter, from the proposal to its execution."""
    call = ([g.p.access.address], [0], [g.p.access.encode_abi("setFeeBps", [300])])
    propose = used(g.stage, g.governor, "propose", *call, "because", sender=g.voter)
    hashed = (*call, bytes(g.stage.web3.keccak(text="because")))
    identifier = g.governor.functions.hashProposal(*hashed).call()
    g.stage.advance(2 * DAY)
    vote = used(g.stage, g.governor, "castVote", identifier, 1, sender=g.voter)
    g.stage.advance(VOTING_PERIOD)
    queue = used(g.stage, g.governor, "queue", *hashed, sender=g.p.stranger)
    g.stage.advance(DELAY)
    execute = used(g.stage, g.governor, "execute", *hashed, sender=g.p.stranger)
    return {
        "EmporionGovernor.propose": propose,
        "EmporionGovernor.castVote": vote,
        "EmporionGovernor.queue": queue,
        "EmporionGovernor.execute": execute,
    }


def distribution(p: Protocol) -> Figures:
    """An airdrop of one leaf, a vesting, and what nobody claimed; EMP that is burnt."""
    emp = p.emp.address
    packed = p.stage.web3.codec.encode(["uint256", "address", "uint256"], [0, p.buyer, EMP])
    leaf = bytes(p.stage.web3.keccak(p.stage.web3.keccak(packed)))
    deadline = p.stage.now + 30 * DAY
    vesting = (p.staker, 100 * EMP, p.stage.now, 365 * DAY)
    site = p.stage.deploy("EmporionDistributor", emp, p.governance, leaf, 10 * EMP, deadline, [vesting])
    p.send(p.emp, "transfer", site.address, 110 * EMP, sender=p.operator)
    figures = {
        "EmporionToken.burn": used(p.stage, p.emp, "burn", EMP, sender=p.buyer),
        "EmporionDistributor.claim": used(p.stage, site, "claim", 0, p.buyer, EMP, [], sender=p.stranger),
        "EmporionDistributor.release": used(p.stage, site, "release", 0, sender=p.stranger),
    }
    p.stage.travel(deadline + 1)
    return {**figures, "EmporionDistributor.sweep": used(p.stage, site, "sweep", sender=p.stranger)}
