"""`emporion probe`: measure services by calls that are paid for, and keep the figures for search."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import typer

from backend.cli.devnet.controls import seconds_of
from backend.cli.manifest import base_units
from backend.cli.options import AsJson, GatewayUrl, KeyName
from backend.cli.output import money, print_json, say, show_rows
from backend.cli.probe_calls import WalletCaller, targets
from backend.cli.signers import wallet_signer
from backend.cli.stores import gateway_store
from backend.cli.wiring import prepared, run, until_signal
from backend.client.market import AsyncEmporion
from backend.core.clock import SystemClock
from backend.core.deployment import DeployedCurrency, Deployment, read_deployment
from backend.core.errors import MalformedRequest
from backend.core.settings import Settings
from backend.core.units import ChainId
from backend.probing.figures import PPM
from backend.probing.prober import Budget, Probed, Prober
from backend.probing.service import Measurements
from backend.signing.keys import Signer

MILLI = 1_000


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("probe")(probe)


def probe(
    services: Annotated[
        list[int] | None, typer.Argument(help="Service ids; else every model the gateway serves.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Most to spend on access in all, such as 0.50; else nothing is bought.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the budget; else the first.")] = None,
    every: Annotated[str | None, typer.Option(help="Go on, one round in such a time: 5m.")] = None,
    gateway: GatewayUrl = None,
    key: KeyName = None,
    as_json: AsJson = False,
) -> None:
    """Measure uptime, first token and speed of services by paid calls, for search to show."""
    settings = prepared(quiet=True)
    deployment, pause = read_deployment(settings.deployment_path), seconds_of(every) if every else None
    line = currency_line(deployment, currency)
    purse = Budget() if budget is None else Budget(line.symbol, base_units(budget, line.decimals))

    async def work(signer: Signer) -> None:
        url = gateway or settings.base_url
        async with probing(settings, deployment, signer, url, purse, deposits=budget is not None) as (m, p):
            await _rounds(m, p, services or [], pause, as_json)

    with wallet_signer(settings, key) as signer:
        run(work(signer))
    if budget is not None:
        spent, left = (money(amount, line.decimals, line.symbol) for amount in (purse.spent, purse.left))
        say(f"spent {spent}; {left} of the budget are left")


@asynccontextmanager
async def probing(
    settings: Settings, deployment: Deployment, signer: Signer, url: str, purse: Budget, *, deposits: bool
) -> AsyncIterator[tuple[AsyncEmporion, Prober]]:
    """A wallet before a gateway, and the prober that keeps what it measures in this home's store."""
    clock = SystemClock()
    async with gateway_store(settings) as store, AsyncEmporion(url, settings.rpc_urls[0], signer) as market:
        measurements = Measurements(store, ChainId(deployment.chain_id), clock)
        async with WalletCaller.opened(market, deposits=deposits) as caller:
            yield market, Prober(caller, measurements, signer.address, purse, clock)


async def _rounds(
    market: AsyncEmporion, prober: Prober, wanted: list[int], pause: int | None, as_json: bool
) -> None:
    async with until_signal() as stop:
        while not stop.is_set():
            told = [await prober.probe(target) for target in await targets(market, wanted)]
            rows = [row_of(one) for one in told]
            if as_json:
                print_json(rows)
            else:
                show_rows(rows, as_json=False, empty="the gateway serves no model on sale")
            if pause is None:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)


def row_of(one: Probed) -> dict[str, Any]:
    """A probe's line, with the prober's figures so far."""
    figures = one.figures
    speed = None if one.timed is None or one.timed.speed is None else f"{one.timed.speed / MILLI:.1f}"
    return {
        "service": one.service_id,
        "state": one.state,
        "first_token_ms": None if one.timed is None else one.timed.first_token_ms,
        "tokens_a_second": speed,
        "probes": None if figures is None else figures.samples,
        "uptime_percent": None if figures is None else f"{figures.uptime_ppm * 100 / PPM:.2f}",
        "why": one.reason or None,
    }


def currency_line(deployment: Deployment, symbol: str | None) -> DeployedCurrency:
    """The currency of this symbol, else the first. Raises MalformedRequest."""
    known = deployment.currencies
    for line in known:
        if symbol is None or line.symbol.lower() == symbol.lower():
            return line
    raise MalformedRequest(
        f"{symbol} is no currency here; choose one of {', '.join(c.symbol for c in known)}"
    )
