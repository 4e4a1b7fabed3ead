"""Reads of what happened to an account; each runs on the caller's connection."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, Text, and_, cast, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, hex_of
from backend.db.tables.chain import Block, Chain, Listing, Outbox, Plan, TransactionReceipt, Upstream

_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_listings: Final[Any] = Listing.__table__  # type: ignore[attr-defined]
_upstreams: Final[Any] = Upstream.__table__  # type: ignore[attr-defined]
_receipts: Final[Any] = TransactionReceipt.__table__  # type: ignore[attr-defined]
_blocks: Final[Any] = Block.__table__  # type: ignore[attr-defined]

_CHUNK: Final = 500
"""Values bound to one statement."""
_COLUMNS: Final = (
    _outbox.c.contract,
    _outbox.c.event,
    _outbox.c.block_number,
    _outbox.c.log_index,
    _outbox.c.timestamp,
    _outbox.c.tx_hash,
    _outbox.c.args,
)


async def head(connection: AsyncConnection, chain_id: ChainId) -> Row[Any] | None:
    """The block the rows are true for."""
    found = await connection.execute(select(_chains).where(_chains.c.chain_id == chain_id))
    return found.one_or_none()


def _standing(chain_id: ChainId) -> Select[Any]:
    """Events that no reorganisation took back."""
    retraction = _outbox.alias("retraction")
    taken_back = exists().where(retraction.c.retracts == _outbox.c.id)
    mine = and_(_outbox.c.chain_id == chain_id, _outbox.c.retracts.is_(None), ~taken_back)
    return select(*_COLUMNS).where(mine).order_by(_outbox.c.block_number, _outbox.c.log_index)


async def naming(connection: AsyncConnection, chain_id: ChainId, account: Address) -> Sequence[Row[Any]]:
    """Every event that names an account, in whatever part. It reads the whole outbox: there is no index of
    all parties.
    """
    named = cast(_outbox.c.args, Text).contains(hex_of(account), autoescape=True)
    rows: Sequence[Row[Any]] = (await connection.execute(_standing(chain_id).where(named))).all()
    return rows


async def distributions(
    connection: AsyncConnection, chain_id: ChainId, services: Collection[int]
) -> list[Row[Any]]:
    """Every event that distributed money to these services' shares; may hold some of others."""
    found: list[Row[Any]] = []
    for some in _chunks(services):
        derived = select(_upstreams.c.service_id).where(
            and_(_upstreams.c.chain_id == chain_id, _upstreams.c.upstream_id.in_(some))
        )
        own = and_(_outbox.c.event.in_(("Released", "Distributed")), _outbox.c.service_id.in_(some))
        theirs = and_(_outbox.c.event == "UpstreamPaid", _outbox.c.service_id.in_(derived))
        wanted = and_(_outbox.c.contract == "RevenueShares", or_(own, theirs))
        found += (await connection.execute(_standing(chain_id).where(wanted))).all()
    return found


async def resolved(
    connection: AsyncConnection, chain_id: ChainId, services: Collection[int]
) -> list[Row[Any]]:
    """Every end of a dispute about these services."""
    found: list[Row[Any]] = []
    for some in _chunks(services):
        ended = and_(_outbox.c.contract == "DisputeCourt", _outbox.c.event == "DisputeResolved")
        wanted = _standing(chain_id).where(ended, _outbox.c.service_id.in_(some))
        found += (await connection.execute(wanted)).all()
    return found


async def gas(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """What an account paid for its transactions to our contracts, failed ones too; final blocks only."""
    same = and_(_blocks.c.chain_id == _receipts.c.chain_id, _blocks.c.number == _receipts.c.block_number)
    columns: tuple[Any, ...] = (
        _receipts.c.tx_hash,
        _receipts.c.block_number,
        _receipts.c.receiver,
        _receipts.c.gas_used,
        _receipts.c.gas_price,
        _receipts.c.ok,
        _blocks.c.timestamp,
    )
    mine = and_(_receipts.c.chain_id == chain_id, _receipts.c.sender == account)
    wanted = select(*columns).select_from(_receipts.join(_blocks, same)).where(mine)
    ordered = wanted.order_by(_receipts.c.block_number, _receipts.c.tx_index)
    found: Sequence[Row[Any]] = (await connection.execute(ordered)).all()
    return list(found)


async def plans(connection: AsyncConnection, chain_id: ChainId, ids: Collection[int]) -> list[Row[Any]]:
    """Currency and unit price of plans."""
    found: list[Row[Any]] = []
    for some in _chunks(ids):
        mine = and_(_plans.c.chain_id == chain_id, _plans.c.plan_id.in_(some))
        columns = (_plans.c.plan_id, _plans.c.currency, _plans.c.unit_price)
        found += (await connection.execute(select(*columns).where(mine))).all()
    return found


async def listings(connection: AsyncConnection, chain_id: ChainId, ids: Collection[int]) -> list[Row[Any]]:
    """Currencies of offers."""
    found: list[Row[Any]] = []
    for some in _chunks(ids):
        mine = and_(_listings.c.chain_id == chain_id, _listings.c.listing_id.in_(some))
        columns = (_listings.c.listing_id, _listings.c.currency)
        found += (await connection.execute(select(*columns).where(mine))).all()
    return found


def _chunks(values: Collection[int]) -> Iterator[tuple[int, ...]]:
    ordered = sorted(values)
    return (tuple(ordered[at : at + _CHUNK]) for at in range(0, len(ordered), _CHUNK))
