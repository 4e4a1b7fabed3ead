"""`emporion verify-receipt`: hold a receipt against files and the chain, trusting nobody in between."""

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.cli.options import AsJson, GatewayUrl
from backend.cli.output import say, show_rows, working
from backend.cli.wiring import Chain, chain, prepared, run
from backend.client.models import RateCard
from backend.client.verification import Evidence, Finding, verify_receipt
from backend.core.errors import MalformedRequest, Unprocessable, UpstreamUnavailable
from backend.core.settings import Settings
from backend.core.units import Address, Hash32, PlanId, to_address
from backend.inference.rerun import Compared, Comparison, NotComparable, rerun_of, run_again
from backend.signing.messages import receipt_domain

Row = dict[str, str]
WRONG: Final = (Finding.FALSE, Comparison.DIFFERENT)
RERUN_HELP: Final = (
    "Also run the request's prompt on the embedded model of this machine and compare the answer's text: "
    "`same`, `different`, or `not comparable` where the service is not declared deterministic, the request "
    "says no temperature 0 and no seed, or the engine here is not equal. Never done by itself."
)


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
    rerun: Annotated[bool, typer.Option("--rerun", help=RERUN_HELP)] = False,
    gateway: GatewayUrl = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt: hashes, signature, charge, settlement; --rerun asks anew. Status 1 if one is wrong."""
    settings = prepared(quiet=True)
    told = _json_of(receipt)
    again = _both(request, response) if rerun else None

    async def work() -> list[Row]:
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
            rows = [_row(one.check, one.finding, one.told) for one in verify_receipt(told, files)]
            if again is not None:
                where = gateway or settings.base_url
                compared = await rerun_here(settings, found, where, told, again)
                rows.append(_row("rerun", compared.finding, compared.told))
            return rows

    rows = run(work())
    show_rows(rows, as_json=as_json)
    if any(row["finding"] in WRONG for row in rows):
        say("this receipt is not what it says")
        raise typer.Exit(1)


def _row(check: str, finding: str, told: str) -> Row:
    return {"check": check, "finding": str(finding), "why": told}


def _both(request: Path | None, response: Path | None) -> tuple[bytes, bytes]:
    if request is None or response is None:
        raise MalformedRequest("--rerun needs both files: give --request and --response")
    return request.read_bytes(), response.read_bytes()


async def rerun_here(
    settings: Settings, found: Chain, gateway: str, receipt: dict[str, Any], files: tuple[bytes, bytes]
) -> Compared:
    """Run the prompt of the request's file again and hold the answer's file against what comes.

    The service's metadata come from the gateway and are held against their hash on chain.
    """
    try:
        service = await found.contracts.registry.service(_number(receipt, "service_id"))
        async with GatewayClient.at(gateway) as client:
            document = await client.document(service.content_hash)
        wanted = rerun_of(receipt, document, *files)
        with working("running the prompt again"):
            return await run_again(wanted, settings.home_path / "model-digests.json")
    except NotComparable as reason:
        return Compared(Comparison.NOT_COMPARABLE, reason.message)
    except (GatewayRefused, UpstreamUnavailable, Unprocessable) as error:
        told = f"the service's metadata cannot be had: {error.message}"
        return Compared(Comparison.NOT_COMPARABLE, told)


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
