"""`emporion devnet` and `emporion demo`: the whole economy on one machine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.demo.run import run_demo
from backend.cli.devnet.accounts import devnet_secret
from backend.cli.devnet.anvil import CHAIN_ID
from backend.cli.devnet.catalogue import CATALOGUE
from backend.cli.devnet.controls import seconds_of
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import Seeded, seed
from backend.cli.gateway_client import GatewayClient
from backend.cli.output import money, say, show, show_rows
from backend.cli.services import Services
from backend.cli.wiring import prepared, run, until_signal
from backend.core.units import checksum, hex_of, to_address

devnet = typer.Typer(help="Run a development economy on this machine.", invoke_without_command=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(devnet, name="devnet")
    app.command("demo")(demo)


@devnet.callback()
def start(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the chain; the next free one if taken.")] = 8545,
    gateway_port: Annotated[
        int, typer.Option(help="Port of the gateway; the next free one if taken.")
    ] = 8080,
    block_time: Annotated[int, typer.Option(min=1, help="Seconds a block.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the chain in EMPORION_HOME and go on with it.")
    ] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Deploy, but seed nothing.")] = False,
) -> None:
    """Start chain, contracts, seeded economy, indexer and gateway; Ctrl-C stops all of it."""
    if context.invoked_subcommand is None:
        home = prepared(devnet=True).home_path / "devnet"
        run(_run(home, port, gateway_port, block_time, keep, empty))


async def _run(home: Path, port: int, gateway_port: int, block_time: int, keep: bool, empty: bool) -> None:
    history = 0 if empty else 30
    async with (
        until_signal() as stop,
        Devnet.start(
            home, port=port, block_time=block_time, history_days=history, keep_state=keep, say=say
        ) as network,
        Services.start(network, port=gateway_port, say=say) as services,
    ):
        if network.fresh and not empty:
            say("seeding providers, services, buyers, stakers and some history")
            await _bind(network, services, await seed(network))
        _introduce(network, services)
        ended = asyncio.create_task(services.child.wait())
        await asyncio.wait({ended, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not stop.is_set():
            say(f"the services ended by themselves; see {services.child.log}")
        ended.cancel()
    say("stopped")


async def _bind(network: Devnet, services: Services, seeded: Seeded) -> None:
    """Point the services that this gateway meters at the embedded model."""
    client = GatewayClient(services.http, services.url)
    await client.sign_in(network.accounts["provider"])
    for offer in CATALOGUE:
        if offer.meter == "meter":
            path = f"/v1/provider/services/{seeded.services[offer.slug]}/upstream"
            await client.ask("PUT", path, {"upstreams": [{"kind": "embedded"}]})


def _introduce(network: Devnet, services: Services) -> None:
    rows = [
        {"role": role, "address": checksum(key.address), "key (devnet only)": hex_of(devnet_secret(role))}
        for role, key in network.accounts.items()
    ]
    show_rows(rows, as_json=False)
    show(
        {
            "network name": "Emporion devnet",
            "chain id": CHAIN_ID,
            "RPC URL": network.rpc_url,
            "WebSocket URL": network.ws_url,
            "currency": "ETH",
            "gateway": services.url,
            "API docs": f"{services.url}/docs",
            "deployment record": network.home / "deployment.json",
        },
        as_json=False,
        title="Add this network to a wallet",
    )
    say("these keys are known to everybody: never send anything of worth to them. Ctrl-C stops everything.")


def _attached(work: Callable[[Devnet], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    home = prepared(devnet=True).home_path / "devnet"

    async def inside() -> dict[str, Any]:
        async with Devnet.attach(home) as network:
            return await work(network)

    return run(inside())


@devnet.command("fund")
def fund(
    address: Annotated[str, typer.Argument(help="Who gets gas, dollars and EMP.")], as_json: AsJson = False
) -> None:
    """Give an address gas, test dollars and EMP."""
    account = to_address(address)

    async def work(network: Devnet) -> dict[str, Any]:
        gift = await network.faucet.fund(account)
        return {
            "address": checksum(account),
            "gas": money(gift.gas, 18, "ETH"),
            "dollars": money(gift.dollars, 6, "tUSD"),
            "EMP": money(gift.emp, 18, "EMP"),
        }

    show(_attached(work), as_json=as_json)


@devnet.command("advance")
def advance(
    duration: Annotated[str, typer.Argument(help="How far, such as 30d.")], as_json: AsJson = False
) -> None:
    """Let time pass on the chain."""
    seconds = seconds_of(duration)

    async def work(network: Devnet) -> dict[str, Any]:
        return {"advanced_seconds": seconds, "chain_time": await network.controls.advance(seconds)}

    show(_attached(work), as_json=as_json)


@devnet.command("reorg")
def reorg(
    depth: Annotated[int, typer.Argument(min=1, help="How many blocks.")], as_json: AsJson = False
) -> None:
    """Replace the newest blocks by empty ones."""

    async def work(network: Devnet) -> dict[str, Any]:
        return {"depth": depth, "head": hex_of(await network.controls.reorg(depth))}

    show(_attached(work), as_json=as_json)


@devnet.command("snapshot")
def snapshot(as_json: AsJson = False) -> None:
    """Remember the chain's state; prints the id to revert to."""

    async def work(network: Devnet) -> dict[str, Any]:
        return {"snapshot": await network.controls.snapshot()}

    show(_attached(work), as_json=as_json)


@devnet.command("revert")
def revert(
    snapshot_id: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="An id of `devnet snapshot`.")],
    as_json: AsJson = False,
) -> None:
    """Go back to a snapshot."""

    async def work(network: Devnet) -> dict[str, Any]:
        await network.controls.revert(snapshot_id)
        return {"reverted_to": snapshot_id}

    show(_attached(work), as_json=as_json)


def demo(
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON here.")] = None,
) -> None:
    """Play the whole economy hop by hop on this machine; every hop is checked. About a minute."""
    prepared(devnet=True, log_level="warning")
    played = run(run_demo(typer.echo, report))
    seconds = played.to_json()["seconds"]
    typer.echo(f"all {len(played.hops)} hops came out right in {seconds} s")
    if report is not None:
        typer.echo(f"report: {report}")
