"""Reads of what one account has; each runs on the caller's connection."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId
from backend.db.tables.chain import (
    Access,
    Chain,
    Holding,
    Plan,
    Position,
    RewardStream,
    Service,
    Share,
    ShareAccount,
    ShareRevenue,
    Staker,
    StakerReward,
    Tab,
    TokenBalance,
    Vault,
)

_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_holdings: Final[Any] = Holding.__table__  # type: ignore[attr-defined]
_access: Final[Any] = Access.__table__  # type: ignore[attr-defined]
_tabs: Final[Any] = Tab.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_shares: Final[Any] = Share.__table__  # type: ignore[attr-defined]
_share_accounts: Final[Any] = ShareAccount.__table__  # type: ignore[attr-defined]
_share_revenue: Final[Any] = ShareRevenue.__table__  # type: ignore[attr-defined]
_positions: Final[Any] = Position.__table__  # type: ignore[attr-defined]
_stakers: Final[Any] = Staker.__table__  # type: ignore[attr-defined]
_vaults: Final[Any] = Vault.__table__  # type: ignore[attr-defined]
_streams: Final[Any] = RewardStream.__table__  # type: ignore[attr-defined]
_rewards: Final[Any] = StakerReward.__table__  # type: ignore[attr-defined]
_balances: Final[Any] = TokenBalance.__table__  # type: ignore[attr-defined]


async def _all(connection: AsyncConnection, statement: Any) -> list[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return list(rows)


async def head(connection: AsyncConnection, chain_id: ChainId) -> Row[Any] | None:
    """The block the rows are true for."""
    found = await connection.execute(select(_chains).where(_chains.c.chain_id == chain_id))
    return found.one_or_none()


async def in_plans(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Plans an account has something in: units, access or a tab."""

    def mine(table: Any, who: Any) -> Any:
        same = (table.c.chain_id == _plans.c.chain_id) & (table.c.plan_id == _plans.c.plan_id)
        return same & (who == account)

    joined = (
        _plans.outerjoin(_holdings, mine(_holdings, _holdings.c.account))
        .outerjoin(_access, mine(_access, _access.c.account))
        .outerjoin(_tabs, mine(_tabs, _tabs.c.payer))
    )
    columns = (
        _plans.c.plan_id,
        _plans.c.service_id,
        _plans.c.kind,
        func.coalesce(_holdings.c.units, 0).label("units"),
        func.coalesce(_access.c.access_until, 0).label("access_until"),
        func.coalesce(_tabs.c.balance, 0).label("deposited"),
        func.coalesce(_tabs.c.settled, 0).label("settled"),
        func.coalesce(_tabs.c.withdraw_at, 0).label("withdraw_at"),
        func.coalesce(_tabs.c.daily_limit, 0).label("daily_limit"),
        func.coalesce(_tabs.c.vouchers, False).label("vouchers"),
    )
    something = or_(_holdings.c.units > 0, _access.c.access_until > 0, _tabs.c.plan_id.is_not(None))
    own = (_plans.c.chain_id == chain_id) & something
    return await _all(connection, select(*columns).select_from(joined).where(own).order_by(_plans.c.plan_id))


async def shares(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """One row a service and currency: shares held, owed and checkpoint of the holder, distributed in all."""
    mine = (_share_accounts.c.chain_id == _shares.c.chain_id) & (
        _share_accounts.c.service_id == _shares.c.service_id
    )
    same = mine & (_share_accounts.c.account == _shares.c.account)
    revenue = (_share_revenue.c.chain_id == _shares.c.chain_id) & (
        _share_revenue.c.service_id == _shares.c.service_id
    )
    joined = _shares.outerjoin(_share_revenue, revenue).outerjoin(
        _share_accounts, same & (_share_accounts.c.currency == _share_revenue.c.currency)
    )
    columns = (
        _shares.c.service_id,
        _shares.c.units,
        _share_revenue.c.currency,
        _share_revenue.c.distributed,
        _share_accounts.c.owed,
        _share_accounts.c.checkpoint,
    )
    own = (_shares.c.chain_id == chain_id) & (_shares.c.account == account)
    return await _all(
        connection, select(*columns).select_from(joined).where(own).order_by(_shares.c.service_id)
    )


async def services_owned(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[int]:
    """Ids of the services an account provides."""
    own = (_services.c.chain_id == chain_id) & (_services.c.owner == account)
    rows = await _all(connection, select(_services.c.service_id).where(own).order_by(_services.c.service_id))
    return [row.service_id for row in rows]


async def positions(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """Locks that still hold something."""
    own = (_positions.c.chain_id == chain_id) & (_positions.c.owner == account) & (_positions.c.amount > 0)
    return await _all(connection, select(_positions).where(own).order_by(_positions.c.index))


async def score(connection: AsyncConnection, chain_id: ChainId, account: Address) -> int:
    """A staker's score."""
    own = (_stakers.c.chain_id == chain_id) & (_stakers.c.owner == account)
    return int((await connection.execute(select(_stakers.c.score).where(own))).scalar_one_or_none() or 0)


async def vault(connection: AsyncConnection, chain_id: ChainId) -> Row[Any] | None:
    """The vault's totals."""
    return (await connection.execute(select(_vaults).where(_vaults.c.chain_id == chain_id))).one_or_none()


async def streams(connection: AsyncConnection, chain_id: ChainId, account: Address) -> list[Row[Any]]:
    """One row a currency ever streamed: the stream, and what the account had at its last touch."""
    same = (_rewards.c.chain_id == _streams.c.chain_id) & (_rewards.c.currency == _streams.c.currency)
    joined = _streams.outerjoin(_rewards, same & (_rewards.c.owner == account))
    columns = (_streams, _rewards.c.owed, _rewards.c.index.label("index_then"))
    own = _streams.c.chain_id == chain_id
    return await _all(connection, select(*columns).select_from(joined).where(own))


async def balance(connection: AsyncConnection, chain_id: ChainId, account: Address) -> int:
    """EMP in the wallet, base units."""
    own = (_balances.c.chain_id == chain_id) & (_balances.c.account == account)
    return int((await connection.execute(select(_balances.c.amount).where(own))).scalar() or 0)
