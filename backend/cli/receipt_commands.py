"""`emporion verify-receipt`: hold a receipt against files and the chain, trusting nobody in between."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from backend.cli.options import AsJson
from backend.cli.output import print_json, say, show_rows
from backend.cli.wiring import Chain, chain, prepared, run
from backend.client.models import RateCard
from backend.client.verification import Evidence, Finding, Verdict, verify_receipt
from backend.core.errors import MalformedRequest
from backend.core.units import Address, Hash32, PlanId, to_address
from backend.signing.messages import receipt_domain


def _file(words: str) -> Any:
    return typer.Option(exists=True, dir_okay=False, readable=True, help=words)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("verify-receipt")(verify)


def verify(
    receipt: Annotated[
        Path, typer.Argument(help="The JSON of GET /v1/receipts/ID.", exists=True, dir_okay=False)
    ],
    request: Annotated[Path | None, _file("The request's body, as it was sent.")] = None,
    response: Annotated[Path | None, _file("The answer's body, as it came.")] = None,
    proof: Annotated[Path | None, _file("The JSON of GET /v1/receipts/ID/proof.")] = None,
    previous: Annotated[Path | None, _file("The receipt before it, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt: signature, request, answer, charge, settlement. Status 1 if one is false."""
    settings = prepared(quiet=True)
    told = _json_of(receipt)

    async def work() -> list[Verdict]:
        async with chain(settings) as found:
            evidence = await evidence_of(found, told)
            files = Evidence(
                domain=evidence.domain,
                meter=evidence.meter,
                request=None if request is None else request.read_bytes(),
                response=None if response is None else response.read_bytes(),
                proof=None if proof is None else _json_of(proof),
                roots=evidence.roots,
                card=evidence.card,
                previous=None if previous is None else _json_of(previous),
            )
            return verify_receipt(told, files)

    verdicts = run(work())
    rows = [{"check": one.check, "finding": one.finding.value, "why": one.told} for one in verdicts]
    if as_json:
        print_json(rows)
    else:
        show_rows(rows, as_json=False)
    if any(one.finding is Finding.FALSE for one in verdicts):
        say("this receipt is not what it says")
        raise typer.Exit(1)


async def evidence_of(found: Chain, receipt: dict[str, Any]) -> Evidence:
    """What the chain says of a receipt: the service's meter, the rate card, the payer's settled roots."""
    contracts, deployment = found.contracts, found.deployment
    plan, payer = PlanId(_number(receipt, "plan_id")), to_address(str(receipt.get("payer")))
    terms = await contracts.access.terms(plan)
    service = await contracts.registry.service(_number(receipt, "service_id"))
    latest = await found.client.block_number()
    logs = await found.client.logs([contracts.escrow.address], deployment.start_block, latest)
    events = [event for event in (contracts.events.decode(log) for log in logs) if event is not None]
    roots = {
        Hash32(event.args["receiptsRoot"])
        for event in events
        if event.name == "Settled" and (event.args["planId"], event.args["payer"]) == (plan, payer)
    }
    return Evidence(
        domain=receipt_domain(deployment.chain_id, Address(contracts.escrow.address)),
        meter=service.meter,
        roots=roots,
        card=RateCard(terms.per_request, terms.per_unit_in, terms.per_unit_out),
    )


def _json_of(path: Path) -> dict[str, Any]:
    try:
        told = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise MalformedRequest(f"{path} is no JSON object; save the whole answer of the gateway")
    return told


def _number(receipt: dict[str, Any], name: str) -> int:
    value = str(receipt.get(name, ""))
    if not value.isdigit():
        raise MalformedRequest(f"the receipt has no {name}; give the JSON of GET /v1/receipts/<request id>")
    return int(value)
