"""The demo's order of hops."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from backend.cli.demo import gateway_hops, market_hops, mirror_hops, money_hops
from backend.cli.demo.report import Figures, HopFailed, Report, Stage
from backend.cli.demo.world import World, world

Hop = Callable[[World], Awaitable[Figures]]

HOPS: Final[tuple[tuple[str, Hop], ...]] = (
    ("deploy", market_hops.deploy),
    ("publish", market_hops.publish),
    ("buy", market_hops.buy),
    ("sign-in", gateway_hops.sign_in),
    ("call", gateway_hops.call),
    ("stream", gateway_hops.stream),
    ("refused-without-token", gateway_hops.refused_without_token),
    ("settle", money_hops.settle),
    ("claim", money_hops.claim),
    ("stake-claim", money_hops.stake_claim),
    ("revoked-by-transfer", gateway_hops.revoked_by_transfer),
    ("reorg", money_hops.reorg),
    ("refund", market_hops.refund),
    ("conservation", money_hops.conservation),
    ("audit", mirror_hops.audit),
)


async def _play(cast: World, stage: Stage, say: Callable[[str], None]) -> None:
    """Every hop in order; when one fails, what the services said last."""
    try:
        await money_hops.lock_stake(cast)
        for name, hop in HOPS:
            await stage.hop(name, lambda hop=hop: hop(cast))  # type: ignore[misc]
    except Exception:
        say(f"the services said last:\n{cast.services.child.last_words()}")
        raise


async def run_demo(say: Callable[[str], None], report: Path | None = None) -> Report:
    """Run every hop; write the report even when one fails. Raises what the failing hop raised."""
    stage = Stage(say)
    try:
        with tempfile.TemporaryDirectory(prefix="emporion-demo-") as folder:
            say("starting a chain, an indexer, a gateway and a language model on this machine")
            async with world(Path(folder), say) as cast:
                await _play(cast, stage, say)
    finally:
        if report is not None:
            stage.report.write(report)
    if not stage.report.ok:
        raise HopFailed("a hop did not come out right; see the lines above")
    return stage.report
