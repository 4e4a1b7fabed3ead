"""`emporion govern`: what stakers decide, from the proposal to its execution."""

from typing import Annotated, Any, Final

import typer

from backend.chain.bindings import Contracts
from backend.chain.bindings.emporion_governor import Proposal, Support
from backend.chain.contract import decode_call, read_all
from backend.cli.acting import acted
from backend.cli.options import AsJson, KeyName
from backend.cli.outcomes import EMP_DECIMALS, moment, told
from backend.cli.output import money, show_rows
from backend.cli.parameters import PARAMETERS, decision, views
from backend.cli.trading import Trader
from backend.cli.wiring import chain, prepared, run
from backend.core.errors import Conflict, EmporionError, MalformedRequest, NotFound
from backend.core.units import Address, checksum, hex_of

govern = typer.Typer(help="Propose, vote on and carry out changes of parameters.", no_args_is_help=True)
ADDRESS: Final = 20
ProposalArgument = Annotated[str, typer.Argument(help="Its number, from `emporion govern list`.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(govern, name="govern")


@govern.command("parameters")
def parameters(as_json: AsJson = False) -> None:
    """What governance can set, how it stands, and within which bounds."""
    settings = prepared(quiet=True)

    async def work() -> dict[str, Any]:
        async with chain(settings) as found:
            asked = views(found.contracts)
            return dict(zip(asked, await read_all(found.contracts.client, list(asked.values())), strict=True))

    now = run(work())
    rows = [
        {"parameter": name, "now": p.write(now[name]) if name in now else None, "bounds": p.bounds}
        for name, p in PARAMETERS.items()
    ]
    show_rows(rows, as_json=as_json)


@govern.command("list")
def proposals(as_json: AsJson = False) -> None:
    """Every proposal, the newest first: what it would do, how it stands, until when."""
    settings = prepared(quiet=True)

    async def work() -> list[dict[str, Any]]:
        async with chain(settings) as found:
            contracts = found.contracts
            made = await contracts.governor.proposals(contracts.deployment.start_block)
            return [await _row(contracts, proposal) for proposal in reversed(made)]

    show_rows(run(work()), as_json=as_json, empty="nobody proposed anything yet")


@govern.command("propose")
def propose(
    parameter: Annotated[str, typer.Argument(help="Which, from `emporion govern parameters`.")],
    value: Annotated[str, typer.Argument(help="The new value, written as that command writes it.")],
    why: Annotated[str, typer.Option(help="Words for those who vote.")] = "",
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Propose a change; it takes the score of the threshold."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        target, call = decision(contracts.deployment, parameter, value)
        words = f"Set {parameter} to {value}." + (f" {why}" if why else "")
        receipt = await trader.send(contracts.governor.propose(target, call, words))
        made = contracts.event(receipt, "ProposalCreated")
        times = {"voting_starts": moment(int(made["voteStart"])), "voting_ends": moment(int(made["voteEnd"]))}
        return told(contracts, receipt, proposal=str(made["proposalId"]), **times)

    acted(work, key, as_json, "proposing")


@govern.command("vote")
def vote(
    proposal: ProposalArgument,
    choice: Annotated[str, typer.Argument(help="for, against or abstain.")],
    why: Annotated[str, typer.Option(help="Words that stand beside the vote.")] = "",
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Vote with the score this wallet had when voting began."""
    known = {support.name.lower(): support for support in Support}
    if choice not in known:
        raise MalformedRequest(f"{choice!r} is no vote; it is one of {', '.join(known)}")

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        found = await _proposal(contracts, proposal)
        receipt = await trader.send(contracts.governor.vote(found.number, known[choice], why))
        weight = int(contracts.event(receipt, "VoteCast")["weight"])
        return told(contracts, receipt, proposal=proposal, vote=choice, score=_score(weight))

    acted(work, key, as_json, "voting")


@govern.command("queue")
def queue(proposal: ProposalArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Hand a proposal that won to the timelock; anybody may."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        found = await _proposal(contracts, proposal)
        receipt = await trader.send(contracts.governor.queue(found))
        ready = int(contracts.event(receipt, "ProposalQueued")["etaSeconds"])
        return told(contracts, receipt, proposal=proposal, ready_at=moment(ready))

    acted(work, key, as_json, "queueing")


@govern.command("execute")
def execute(proposal: ProposalArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """Carry out a proposal whose time in the timelock is over; anybody may."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        found = await _proposal(contracts, proposal)
        standing = await contracts.governor.standing(found.number)
        if standing.eta > await contracts.client.timestamp():
            raise Conflict(f"the timelock holds it until {moment(standing.eta)}; execute it then")
        return told(contracts, await trader.send(contracts.governor.execute(found)), proposal=proposal)

    acted(work, key, as_json, "executing")


async def _proposal(contracts: Contracts, number: str) -> Proposal:
    made = await contracts.governor.proposals(contracts.deployment.start_block)
    for proposal in made:
        if str(proposal.number) == number:
            return proposal
    raise NotFound(f"there is no proposal {number}; `emporion govern list` has their numbers")


async def _row(contracts: Contracts, proposal: Proposal) -> dict[str, Any]:
    standing = await contracts.governor.standing(proposal.number)
    return {
        "proposal": str(proposal.number),
        "state": standing.state.name.lower(),
        "what": proposal.description,
        "does": [_call(contracts, *call) for call in zip(proposal.targets, proposal.calls, strict=True)],
        "by": checksum(proposal.proposer),
        "voting_ends": moment(proposal.vote_end),
        "ready_at": moment(standing.eta) if standing.eta else None,
        "for": _score(standing.support),
        "against": _score(standing.against),
        "abstain": _score(standing.abstain),
    }


def _score(units: int) -> str:
    """Scores are counted like EMP."""
    return money(units, EMP_DECIMALS, "")


def _call(contracts: Contracts, target: Address, call: bytes) -> str:
    """What a call really does, whatever its proposer's words say."""
    names = {made.address: name for name, made in contracts.deployment.contracts.items()}
    name = names.get(checksum(target))
    if name is None:
        return f"a call of {checksum(target)}, which is none of our contracts"
    try:
        function, arguments = decode_call(name, call)
    except EmporionError:
        return f"{name}: call data that none of its functions takes"
    return f"{name}.{function}({', '.join(_value(value) for value in arguments.values())})"


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return checksum(Address(value)) if len(value) == ADDRESS else hex_of(value)
    return str(value)
