"""`emporion deploy`, `index`, `status`: the contracts and the index of them."""

from typing import Annotated

import typer

from backend.chain.deploy import deploy as deploy_all
from backend.chain.deploy_plan import DeploySettings
from backend.cli.output import say, show, show_rows
from backend.cli.wiring import chain, chain_store, node, prepared, run, until_signal, wallet
from backend.core.settings import Settings
from backend.core.units import checksum, to_address
from indexer.loop import IndexerOptions, index_once, run_indexer
from indexer.status import ChainStatus, status_of

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyName = Annotated[str | None, typer.Option("--key", help="Keystore that signs; else the settings' key.")]


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
    settings = prepared()
    run(_deploy(settings, operator, key, as_json))


async def _deploy(settings: Settings, operator: str | None, key: str | None, as_json: bool) -> None:
    signer = wallet(settings, key)
    chosen = to_address(operator) if operator else signer.address
    plan = DeploySettings(operator=chosen, devnet=settings.devnet)
    say(f"deploying with {checksum(signer.address)}; each contract is a transaction")
    async with node(settings) as client:
        deployment = await deploy_all(client, signer, plan, settings.deployment_path)
    rows = [
        {"contract": name, "address": made.address, "block": made.block}
        for name, made in deployment.contracts.items()
    ]
    show_rows(rows, as_json=as_json)
    say(f"recorded in {settings.deployment_path}")


def index(
    once: Annotated[bool, typer.Option(help="Catch up with the node and stop.")] = False,
) -> None:
    """Mirror the chain into the database until stopped."""
    settings = prepared()
    run(_index(settings, once))


async def _index(settings: Settings, once: bool) -> None:
    options = IndexerOptions(settings.poll_interval_ms, settings.finality_depth)
    async with chain(settings) as found, chain_store(settings) as store:
        if once:
            await index_once(store, found.client, found.deployment, options)
            return
        async with until_signal() as stop:
            await run_indexer(store, found.client, found.deployment, stop, options)


def status(as_json: AsJson = False) -> None:
    """Say where the index stands: heads, lag, reorganisations, journal."""
    settings = prepared()
    rows = run(_status(settings))
    if not rows:
        say("no chain is indexed yet; run `emporion index` or `emporion up`")
    for row in rows:
        show(_told(row), as_json=as_json, title=f"chain {row.chain_id}")


async def _status(settings: Settings) -> list[ChainStatus]:
    async with chain_store(settings) as store:
        return await status_of(store)


def _told(row: ChainStatus) -> dict[str, object]:
    return {
        "chain": row.chain_id,
        "head": row.number,
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
