"""`emporion index`, `status`, `audit`, `reindex`: the mirror of the chain."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from backend.chain.client import NodeClient
from backend.cli.followed_chains import followed, settings_of_each
from backend.cli.index_view import showing
from backend.cli.options import AsJson
from backend.cli.outcomes import moment
from backend.cli.output import counting, print_json, say, show, show_rows, terminal, whole_screen
from backend.cli.stores import chain_store
from backend.cli.wiring import Chain, chain, on_fast_loop, prepared, run, until_signal
from backend.core.deployment import read_deployment
from backend.core.settings import Settings
from indexer.audit import AuditReport
from indexer.audit import audit as audit_store
from indexer.loop import ChainJob, IndexerOptions, index_once, run_indexers
from indexer.reindex import Reindexed
from indexer.reindex import reindex as reindex_store
from indexer.status import ChainStatus, status_of

WATCH_SECONDS: Final = 1.0
Rates = Mapping[int, Mapping[str, float]]
"""What is known of a chain's pace, by its id."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("index")(index)
    app.command("status")(status)
    app.command("audit")(audit)
    app.command("reindex")(reindex)


def index(
    once: Annotated[bool, typer.Option("--once", help="Catch up with the node and stop.")] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORD=URL", help="Another chain's deployment record and node; repeatable."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines in a terminal too.")] = False,
) -> None:
    """Mirror the chain, or several, into the database until stopped."""
    settings = prepared(quiet=once)
    each = settings_of_each(settings, also or ())
    if not once:
        return on_fast_loop(_index(settings, each, None if plain else terminal()))
    for row in on_fast_loop(_index_once(settings, each)):
        say(f"chain {row.chain_id} is indexed up to block {row.number}")
    return None


async def _index(settings: Settings, each: Sequence[Settings], console: Console | None) -> None:
    async with until_signal() as stop, followed(each) as chains, chain_store(settings) as store:
        options = _options(settings)
        async with showing(store, settings, console) as progress_of:
            jobs = [
                ChainJob(
                    one.chain.deployment,
                    _nodes(one.chain),
                    one.feed,
                    replace(options, progress=progress_of(one.chain.deployment.chain_id)),
                )
                for one in chains
            ]
            await run_indexers(store, jobs, stop)


async def _index_once(settings: Settings, each: Sequence[Settings]) -> list[ChainStatus]:
    async with followed(each) as chains, chain_store(settings) as store:
        for one in chains:
            with counting(f"catching up with chain {one.chain.deployment.chain_id}", "blocks") as progress:
                options = replace(_options(settings), progress=progress)
                await index_once(store, _nodes(one.chain), one.chain.deployment, options)
        return await status_of(store)


def _nodes(found: Chain) -> list[NodeClient]:
    return [found.client, *found.others]


def _options(settings: Settings) -> IndexerOptions:
    return IndexerOptions(settings.poll_interval_ms, settings.finality_depth)


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Say it again every second, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say where the index stands (heads, lag, reorganisations, journal) and whether the gateway is ready."""
    settings = prepared(quiet=True)
    if watch:
        return run(_watched(settings, as_json))
    return _tell(*run(_status(settings)), as_json=as_json)


def _tell(
    rows: list[ChainStatus], gateway: dict[str, Any], rates: Rates = MappingProxyType({}), *, as_json: bool
) -> None:
    told = [{**_told(row), **rates.get(row.chain_id, {})} for row in rows]
    if as_json:
        return print_json({"chains": told, "gateway": gateway})
    if not rows:
        say("no chain is indexed yet; run `emporion index` or `emporion up`")
    for one in told:
        show(one, as_json=False, title=f"chain {one['chain']}")
    return show(gateway, as_json=False, title="gateway")


async def _watched(settings: Settings, as_json: bool) -> None:
    before, seen = list[ChainStatus](), time.monotonic()
    while True:
        rows, gateway = await _status(settings)
        now = time.monotonic()
        with whole_screen():
            _tell(rows, gateway, _rates(before, rows, now - seen), as_json=as_json)
        before, seen = rows, now
        await asyncio.sleep(WATCH_SECONDS)


def _rates(before: list[ChainStatus], rows: list[ChainStatus], seconds: float) -> Rates:
    """Blocks a second between two looks, by chain; negative where a fork took blocks back."""
    numbers = {row.chain_id: row.number for row in before}
    return {
        row.chain_id: {"blocks_per_second": round((row.number - numbers[row.chain_id]) / seconds, 1)}
        for row in rows
        if row.chain_id in numbers and seconds > 0
    }


async def _status(settings: Settings) -> tuple[list[ChainStatus], dict[str, Any]]:
    async with chain_store(settings) as store:
        rows = await status_of(store)
    from backend.cli.readiness import readiness  # loads the client library, which an indexer needs not

    return rows, await readiness(settings.base_url)


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


def audit(as_json: AsJson = False) -> None:
    """Compare every mirrored row with the contracts and with the raw logs; status 1 where one differs."""
    settings = prepared(quiet=True)
    report = run(_audit(settings))
    if as_json:
        print_json(_audited(report))
    else:
        show_rows([asdict(found) for found in report.differences], as_json=False, empty="")
        rows, questions = sum(report.rows.values()), report.questions
        say(f"block {report.head.number}: {rows} rows, {questions} questions to the contracts")
        say(
            "no difference" if report.passed else f"{len(report.differences)} differences; `emporion reindex`"
        )
    if not report.passed:
        raise typer.Exit(1)


async def _audit(settings: Settings) -> AuditReport:
    async with chain(settings) as found, chain_store(settings) as store:
        with counting("asking the contracts") as progress:
            return await audit_store(store, found.contracts, found.deployment, progress)


def _audited(report: AuditReport) -> dict[str, Any]:
    return {
        "passed": report.passed,
        "block": report.head.number,
        "questions": report.questions,
        "rows": report.rows,
        "differences": [asdict(found) for found in report.differences],
    }


def reindex(as_json: AsJson = False) -> None:
    """Rebuild all rows from the raw logs, while readers go on; stop the indexer first."""
    settings = prepared(quiet=True)
    made = on_fast_loop(_reindex(settings))
    show({"block": made.head.number, "rows": sum(made.rows.values())}, as_json=as_json)


async def _reindex(settings: Settings) -> Reindexed:
    deployment = read_deployment(settings.deployment_path)
    async with chain_store(settings) as store:
        with counting("rebuilding") as progress:
            return await reindex_store(store, deployment, lambda: time.time_ns() // 1_000_000, progress)
