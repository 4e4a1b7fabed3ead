"""`emporion dispute`: claims against the bonds of providers, by those who paid, judged by stakers."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from backend.chain.bindings import Contracts
from backend.chain.bindings.structs import Dispute, DisputeOutcome
from backend.cli.acting import acted, sent
from backend.cli.manifest import base_units
from backend.cli.options import AsJson, KeyName, PlanArgument
from backend.cli.outcomes import EMP_DECIMALS, emp, moment, told
from backend.cli.output import money, show_rows
from backend.cli.trading import Trader
from backend.cli.wiring import chain, prepared, run
from backend.core.errors import MalformedRequest, SettingsError
from backend.core.units import Hash32, PlanId, checksum, keccak

dispute = typer.Typer(help="Claim against a provider's bond, answer, vote, resolve.", no_args_is_help=True)
DisputeArgument = Annotated[int, typer.Argument(min=1, help="Its number, from `emporion dispute list`.")]
Evidence = Annotated[Path, typer.Option("--evidence", help="The document; its keccak-256 goes on the chain.")]
Where = Annotated[str, typer.Option("--uri", help="Where those who vote read the document.")]
_SHOWN: Final = 100
_MOVED: Final = {
    "from_bond": "slashed",
    "to_claimant": "toClaimant",
    "to_provider": "toProvider",
    "burned": "burned",
}
"""What the end of a dispute moved, by the fields of its event."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(dispute, name="dispute")


@dispute.command("list")
def disputes(
    service: Annotated[int | None, typer.Option(help="Of this service only.")] = None,
    as_json: AsJson = False,
) -> None:
    """The newest hundred disputes: who claims what, how the votes stand, until when."""
    settings = prepared(quiet=True)

    async def work() -> list[dict[str, Any]]:
        async with chain(settings) as found:
            last = await found.contracts.court.count()
            numbers = range(last, max(0, last - _SHOWN), -1)
            rows = zip(numbers, await found.contracts.court.disputes(numbers), strict=True)
            return [_row(number, row) for number, row in rows if service in (None, row.service_id)]

    show_rows(run(work()), as_json=as_json, empty="there is no dispute")


@dispute.command("open")
def open_dispute(
    plan: PlanArgument,
    amount: Annotated[str, typer.Argument(help="EMP claimed, such as 250; at most the provider's bond.")],
    evidence: Evidence,
    uri: Where = "",
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Claim a part of the bond of a plan's service. A tenth of the claim, 50 EMP at least, is put up."""
    units, document = base_units(amount, EMP_DECIMALS), _hash(evidence)

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        bond = await contracts.court.bond_up(units)
        await _allow(contracts, trader, bond)
        receipt = await trader.send(contracts.court.open(PlanId(plan), units, document, uri))
        made = contracts.event(receipt, "DisputeOpened")
        facts = {"dispute": made["disputeId"], "service": made["serviceId"]}
        claim = {**emp(units, "claimed"), **emp(bond, "put_up")}
        return told(contracts, receipt, **facts, **claim, voting_ends=moment(int(made["votingEnds"])))

    acted(work, key, as_json, "opening the dispute")


@dispute.command("answer")
def answer(
    number: DisputeArgument, evidence: Evidence, uri: Where = "", key: KeyName = None, as_json: AsJson = False
) -> None:
    """Answer a dispute about a service of this wallet, while it is voted on."""
    document = _hash(evidence)
    sent(lambda c, t: t.send(c.court.respond(number, document, uri)), key, as_json, dispute=number)


@dispute.command("vote")
def vote(
    number: DisputeArgument,
    choice: Annotated[str, typer.Argument(help="uphold or reject.")],
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Vote with the score this wallet had just before the dispute was opened."""
    if choice not in ("uphold", "reject"):
        raise MalformedRequest(f"{choice!r} is no vote; it is uphold or reject")
    uphold = choice == "uphold"
    facts = {"dispute": number, "vote": choice}
    sent(lambda c, t: t.send(c.court.vote(number, uphold=uphold)), key, as_json, **facts)


@dispute.command("resolve")
def resolve(number: DisputeArgument, key: KeyName = None, as_json: AsJson = False) -> None:
    """End a dispute whose vote is over; anybody may."""

    async def work(contracts: Contracts, trader: Trader) -> dict[str, Any]:
        receipt = await trader.send(contracts.court.resolve(number))
        ended = contracts.event(receipt, "DisputeResolved")
        facts = {"dispute": number, "outcome": DisputeOutcome(int(ended["outcome"])).name.lower()}
        for name, field in _MOVED.items():
            facts |= emp(int(ended[field]), name)
        return told(contracts, receipt, **facts)

    acted(work, key, as_json, "resolving")


async def _allow(contracts: Contracts, trader: Trader, bond: int) -> None:
    """Let the court take what a claim puts up."""
    court = contracts.court.address
    if await contracts.emp.allowance(trader.address, court) < bond:
        await trader.send(contracts.emp.approve(court, bond))


def _hash(path: Path) -> Hash32:
    try:
        return keccak(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _row(number: int, row: Dispute) -> dict[str, Any]:
    return {
        "dispute": number,
        "service": row.service_id,
        "outcome": DisputeOutcome(row.outcome).name.lower(),
        "claimant": checksum(row.claimant),
        **emp(row.amount, "claimed"),
        "opened": moment(row.opened),
        "voting_ends": moment(row.voting_ends),
        "to_uphold": money(row.votes_for, EMP_DECIMALS, ""),
        "to_reject": money(row.votes_against, EMP_DECIMALS, ""),
        "quorum": money(row.quorum, EMP_DECIMALS, ""),
    }
