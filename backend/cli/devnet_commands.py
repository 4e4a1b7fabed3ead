"""`emporion devnet` and `emporion demo`: the whole economy on one machine."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli.devnet.controls import seconds_of
from backend.cli.devnet.environment import devnet_home
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.presence import Snapshots
from backend.cli.economy import Wish, run_economy
from backend.cli.options import AsJson
from backend.cli.outcomes import moment
from backend.cli.output import money, show, working
from backend.cli.wiring import prepared, run
from backend.core.units import checksum, hex_of, to_address

devnet = typer.Typer(help="Run a development economy on this machine.", invoke_without_command=True)


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
        bool, typer.Option("--keep", help="Keep the chain on disk, and go on with it the next time.")
    ] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Deploy, but seed nothing.")] = False,
) -> None:
    """Start chain, contracts, seeded economy, indexer and gateway; Ctrl-C stops all of it."""
    if context.invoked_subcommand is None:
        settings = prepared(quiet=True, devnet=True)
        home = devnet_home(settings.home_path)
        run(run_economy(Wish(home, port, gateway_port, block_time, keep, empty), settings))


def _attached(work: Callable[[Devnet], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    home = devnet_home(prepared(quiet=True, devnet=True).home_path)

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

    with working("funding"):
        done = _attached(work)
    show(done, as_json=as_json)


@devnet.command("advance")
def advance(
    duration: Annotated[str, typer.Argument(help="How far, such as 30d.")], as_json: AsJson = False
) -> None:
    """Let time pass on the chain."""
    seconds = seconds_of(duration)

    async def work(network: Devnet) -> dict[str, Any]:
        timestamp = await network.controls.advance(seconds)
        return {"advanced_seconds": seconds, "timestamp": timestamp, "chain_time": moment(timestamp)}

    show(_attached(work), as_json=as_json)


@devnet.command("reorg")
def reorg(
    depth: Annotated[int, typer.Argument(min=1, help="How many blocks.")], as_json: AsJson = False
) -> None:
    """Replace the newest blocks by empty ones."""

    async def work(network: Devnet) -> dict[str, Any]:
        head = await network.controls.reorg(depth)
        return {"depth": depth, "block": await network.client.block_number(), "head": hex_of(head)}

    show(_attached(work), as_json=as_json)


@devnet.command("snapshot")
def snapshot(as_json: AsJson = False) -> None:
    """Remember the chain's state, for `devnet revert`."""

    async def work(network: Devnet) -> dict[str, Any]:
        taken = await network.controls.snapshot()
        Snapshots(network.home).add(taken)
        return {"snapshot": taken, "block": await network.client.block_number()}

    show(_attached(work), as_json=as_json)


@devnet.command("revert")
def revert(
    snapshot_id: Annotated[
        str | None, typer.Argument(metavar="[SNAPSHOT]", help="An id of `devnet snapshot`; else the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go back to a snapshot. It is used up, and so are those after it."""

    async def work(network: Devnet) -> dict[str, Any]:
        known = Snapshots(network.home)
        chosen = snapshot_id or known.newest()
        await network.controls.revert(chosen)
        known.forget(chosen)
        return {"reverted_to": chosen, "block": await network.client.block_number()}

    show(_attached(work), as_json=as_json)


def demo(
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON here.")] = None,
) -> None:
    """Play the whole economy hop by hop on this machine; every hop is checked. About a minute."""
    from backend.cli.demo.run import run_demo

    prepared(devnet=True, log_level="warning")
    played = run(run_demo(typer.echo, report))
    seconds = played.to_json()["seconds"]
    typer.echo(f"all {len(played.hops)} hops came out right in {seconds} s")
    if report is not None:
        typer.echo(f"report: {report}")
