"""`emporion deploy`, `index`, `status`: the contracts and the index of them."""

from typing import Annotated, Any

import typer

from backend.chain.client import NodeClient
from backend.chain.deploy import deploy as deploy_all
from backend.chain.deploy_plan import DeploySettings
from backend.cli.gateway_client import GatewayClient, GatewayRefused
from backend.cli.options import AsJson, KeyName
from backend.cli.outcomes import moment
from backend.cli.output import print_json, say, show, show_rows, working
from backend.cli.stores import chain_store
from backend.cli.wiring import Chain, announced_heads, chain, node, prepared, run, until_signal, wallet
from backend.core.deployment import Deployment
from backend.core.errors import UpstreamUnavailable
from backend.core.settings import Settings
from backend.core.units import checksum, to_address
from indexer.loop import IndexerOptions, index_once, run_indexer
from indexer.status import ChainStatus, status_of


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("deploy")(deploy)
    app.command("index")(index)
    app.command("status")(status)


def deploy(
    operator: Annotated[
        str | None,
        typer.Option(help="Address that holds the supply and the parameters; default: the signer."),
    ] = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the contracts at predicted addresses and write the record. Resumes an interrupted run."""
    settings = prepared(quiet=True)
    signer = wallet(settings, key)
    plan = DeploySettings(
        operator=to_address(operator) if operator else signer.address, devnet=settings.devnet
    )

    async def work() -> Deployment:
        async with node(settings) as client:
            return await deploy_all(client, signer, plan, settings.deployment_path)

    with working(f"deploying with {checksum(signer.address)}; each contract is a transaction"):
        deployment = run(work())
    rows = [
        {"contract": name, "address": made.address, "block": made.block}
        for name, made in deployment.contracts.items()
    ]
    show_rows(rows, as_json=as_json)
    say(f"recorded in {settings.deployment_path}")


def index(
    once: Annotated[bool, typer.Option("--once", help="Catch up with the node and stop.")] = False,
) -> None:
    """Mirror the chain into the database until stopped."""
    settings = prepared(quiet=once)
    if not once:
        return run(_index(settings))
    with working("catching up with the node"):
        rows = run(_index_once(settings))
    for row in rows:
        say(f"chain {row.chain_id} is indexed up to block {row.number}")
    return None


async def _index(settings: Settings) -> None:
    async with (
        until_signal() as stop,
        chain(settings) as found,
        chain_store(settings) as store,
        announced_heads(settings) as feed,
    ):
        await run_indexer(store, _nodes(found), found.deployment, stop, _options(settings), feed)


async def _index_once(settings: Settings) -> list[ChainStatus]:
    async with chain(settings) as found, chain_store(settings) as store:
        await index_once(store, _nodes(found), found.deployment, _options(settings))
        return await status_of(store)


def _nodes(found: Chain) -> list[NodeClient]:
    return [found.client, *found.others]


def _options(settings: Settings) -> IndexerOptions:
    return IndexerOptions(settings.poll_interval_ms, settings.finality_depth)


def status(as_json: AsJson = False) -> None:
    """Say where the index stands (heads, lag, reorganisations, journal) and whether the gateway is ready."""
    settings = prepared(quiet=True)
    rows, gateway = run(_status(settings))
    if as_json:
        return print_json({"chains": [_told(row) for row in rows], "gateway": gateway})
    if not rows:
        say("no chain is indexed yet; run `emporion index` or `emporion up`")
    for row in rows:
        show(_told(row), as_json=False, title=f"chain {row.chain_id}")
    return show(gateway, as_json=False, title="gateway")


async def _status(settings: Settings) -> tuple[list[ChainStatus], dict[str, Any]]:
    async with chain_store(settings) as store:
        rows = await status_of(store)
    async with GatewayClient.at(settings.base_url) as client:
        return rows, await _readiness(client)


async def _readiness(client: GatewayClient) -> dict[str, Any]:
    """What the gateway says of itself; not being there is an answer too."""
    try:
        body = await client.ask("GET", "/readyz")
    except GatewayRefused as error:
        body = error.body
    except UpstreamUnavailable:
        return {"url": client.base_url, "ready": False, "problems": ["no answer"]}
    return {"url": client.base_url, "ready": bool(body.get("ready")), "problems": body.get("problems", [])}


def _told(row: ChainStatus) -> dict[str, object]:
    return {
        "chain": row.chain_id,
        "head": row.number,
        "head_time": moment(row.timestamp),
        "node_head": row.node_number,
        "lag_blocks": row.lag_blocks,
        "lag_seconds": row.lag_seconds,
        "silence_ms": row.silence_ms,
        "done_percent": round(100 * row.done, 1),
        "safe": row.safe,
        "finalized": row.finalized,
        "reorgs": row.reorgs,
        "journal_blocks": row.journal_blocks,
    }
