"""The hop of the mirror: what the database holds is what the contracts hold."""

from dataclasses import asdict

from backend.cli.demo.report import Figures, require
from backend.cli.demo.world import World
from backend.cli.services import devnet_settings
from backend.cli.stores import chain_store
from indexer.audit import audit as audit_store


async def audit(world: World) -> Figures:
    """Every mirrored row against the contracts and the raw logs, at one block, while the chain goes on."""
    devnet = world.devnet
    async with chain_store(devnet_settings(devnet, port=0)) as store:
        report = await audit_store(store, devnet.contracts, devnet.deployment)
    require(report.passed, "no difference", first=[asdict(one) for one in report.differences[:1]])
    rows = sum(report.rows.values())
    require(rows > 0 and report.questions > 0, "rows to compare", rows=rows, questions=report.questions)
    return {
        "block": report.head.number,
        "rows": rows,
        "questions": report.questions,
        "differences": len(report.differences),
    }
