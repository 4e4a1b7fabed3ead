"""The gateway beside the smallest passthrough: same upstream, same machine, one round of each in turn.

    python -m scripts.bench.gateway [--postgres URL] [--rounds N] [--json FILE]

CPU seconds of the server's process a request is the measure: it says more than time on a shared machine.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson

from backend.cli.demo.world import World
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.ports import free_port
from backend.cli.manifest import Manifest
from backend.cli.publishing import Publisher
from backend.cli.services import Services
from backend.core.units import Then
from scripts.bench.load import Round, Target, descendant, load
from scripts.bench.servers import CHUNKS

REQUESTS: Final = {1: 300, 16: 3_000, 64: 3_000}
STREAMS: Final = 200
MESSAGE: Final = [{"role": "user", "content": "Tell me something short."}]
Row = dict[str, float]


def manifest(upstream: str) -> Manifest:
    """A service of that upstream, priced per token so that everything a request can cost is exercised."""
    rates = {"request": 1, "unit_in": 1, "unit_out": 1}
    plan = {"name": "Credits", "kind": "metered", "currency": "tUSD", "price": "0.000001", "rates": rates}
    bound = {"kind": "openai", "url": f"{upstream}/v1", "model": "bench"}
    return Manifest.model_validate(
        {"service": {"name": "Bench", "slug": "bench"}, "upstream": bound, "plan": [plan]}
    )


@asynccontextmanager
async def server(*arguments: str) -> AsyncIterator[tuple[str, int]]:
    """One of the plain servers: its URL and process id."""
    port = free_port(0)
    command = (sys.executable, "-m", "scripts.bench.servers", arguments[0], str(port), *arguments[1:])
    process = await asyncio.create_subprocess_exec(*command)
    try:
        for _ in range(200):
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()


async def gated(stack: AsyncExitStack, upstream: str, postgres: str) -> tuple[str, int, str, str]:
    """A devnet with one service: the gateway's URL and process, an API key with credits, the model's name."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emporion-bench-")))
    devnet = await stack.enter_async_context(Devnet.start(home, port=0, say=lambda _: None))
    given: dict[str, Any] = {"settle_interval_seconds": 3_600, "log_level": "warning"}
    given |= {"database_url": postgres} if postgres else {}
    services = await stack.enter_async_context(Services.start(devnet, say=lambda _: None, **given))
    cast = World(devnet, services)
    provider, buyer = await cast.meet("provider"), await cast.meet("buyer", Gift(dollars=10**9, emp=0))
    await provider.gateway.sign_in(provider.key)
    publisher = Publisher(devnet.contracts, provider.gateway, provider.trader, lambda _: None)
    made = await publisher.publish(manifest(upstream))
    await buyer.trader.buy(made.plans["Credits"], 10**8, Then.DEPOSIT)
    await buyer.sign_in()
    pid = descendant(services.child.pid, "backend.cli.main up")
    return services.url, pid, buyer.api_key, made.model


def body(model: str, *, stream: bool = False) -> bytes:
    """One request."""
    asked: dict[str, Any] = {"model": model, "messages": MESSAGE, "max_tokens": 128}
    return orjson.dumps(asked | ({"stream": True} if stream else {}))


async def compare(raw: Target, ours: Target, requests: int, connections: int, rounds: int) -> Row:
    """Medians over rounds in turn, ours over raw."""
    found: dict[str, list[Round]] = {"raw": [], "ours": []}
    for target in (raw, ours):
        await load(target, max(connections * 4, 50), connections)
    for _ in range(rounds):
        for name, target in (("raw", raw), ("ours", ours)):
            found[name].append(await load(target, requests, connections))
    row: Row = {}
    for field in ("cpu_ms", "rate", "p50_ms", "p99_ms", "rss_mb"):
        mine, plain = (median(getattr(one, field) for one in found[name]) for name in ("ours", "raw"))
        row |= {f"ours_{field}": mine, f"raw_{field}": plain, f"ratio_{field}": mine / plain}
    return row


async def measure(postgres: str, rounds: int) -> dict[str, Row]:
    """Every comparison, by name."""
    rows: dict[str, Row] = {}
    async with AsyncExitStack() as stack:
        upstream, _ = await stack.enter_async_context(server("upstream"))
        raw_url, raw_pid = await stack.enter_async_context(server("raw", upstream))
        url, pid, key, model = await gated(stack, upstream, postgres)
        path, json_type = "/v1/chat/completions", {"Content-Type": "application/json"}
        bearer = {**json_type, "Authorization": f"Bearer {key}"}
        for connections, requests in REQUESTS.items():
            raw = Target("raw", raw_url + path, json_type, body("bench"), raw_pid)
            ours = Target("ours", url + path, bearer, body(model), pid)
            rows[f"whole_{connections}"] = await compare(raw, ours, requests, connections, rounds)
        raw = Target("raw", raw_url + path, json_type, body("bench", stream=True), raw_pid)
        ours = Target("ours", url + path, bearer, body(model, stream=True), pid)
        rows["streams_16"] = await compare(raw, ours, STREAMS, 16, rounds)
    rows["streams_16"]["ratio_cpu_a_chunk"] = rows["streams_16"]["ratio_cpu_ms"]
    rows["streams_16"]["chunks"] = CHUNKS
    return rows


def told(rows: dict[str, Row]) -> str:
    """The table, as Markdown."""
    lines = ["| connections | CPU a request, ours / raw | ratio | requests a second | p50 ms | p99 ms | MB |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        pairs = [f"{row[f'ours_{field}']:.2f} / {row[f'raw_{field}']:.2f}" for field in ("p50_ms", "p99_ms")]
        cpu = f"{row['ours_cpu_ms']:.2f} / {row['raw_cpu_ms']:.2f} ms"
        rate = f"{row['ours_rate']:.0f} / {row['raw_rate']:.0f}"
        lines.append(
            f"| {name} | {cpu} | {row['ratio_cpu_ms']:.2f} | {rate} | {pairs[0]} | {pairs[1]} "
            f"| {row['ours_rss_mb']:.0f} / {row['raw_rss_mb']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", default="", metavar="URL", help="an empty database; SQLite without")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.postgres, arguments.rounds))
    print(told(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
