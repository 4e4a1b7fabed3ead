"""Usage rows that nothing needs any more; runs on the caller's connection."""

from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import PlanKind
from backend.db.tables.meter import Usage
from backend.db.tables.settlement import SettlementLine

_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_lines: Final[Any] = SettlementLine.__table__  # type: ignore[attr-defined]
_KIND: Final = 4
"""A plan id's last two bits are its kind."""
LINES_AT_ONCE: Final = 50


async def forget_settled(connection: AsyncConnection, before: int) -> int:
    """Delete usage of some settled lines whose newest receipt is older than a time; returns how many rows.

    A line goes as a whole: the proof of one receipt needs the digests of all that its root covers. What no
    settled line covers stays, however old: it is money that was not paid yet.
    """
    same = (_usage.c.chain_id == _lines.c.chain_id) & (_usage.c.plan_id == _lines.c.plan_id)
    newest = same & (_usage.c.payer == _lines.c.payer) & (_usage.c.sequence == _lines.c.to_sequence)
    old = (_lines.c.outcome == "settled") & (_usage.c.issued_at < before)
    statement = select(_lines).select_from(_lines.join(_usage, newest)).where(old).limit(LINES_AT_ONCE)
    gone = 0
    for line in (await connection.execute(statement)).all():
        tab = (_usage.c.chain_id == line.chain_id) & (_usage.c.plan_id == line.plan_id)
        covered = (_usage.c.sequence > line.from_sequence) & (_usage.c.sequence <= line.to_sequence)
        done = await connection.execute(delete(_usage).where(tab & (_usage.c.payer == line.payer) & covered))
        gone += int(done.rowcount)
    return gone


async def forget_unmetered(connection: AsyncConnection, before: int) -> int:
    """Delete usage under passes and timed plans older than a time: nothing is ever settled for it."""
    free = _usage.c.plan_id.op("%")(_KIND) != int(PlanKind.METERED)
    done = await connection.execute(delete(_usage).where(free & (_usage.c.issued_at < before)))
    return int(done.rowcount)
