"""What the gate reads of the chain store; each statement runs on the caller's connection."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal

import orjson
from sqlalchemy import Executable, Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.core.units import Address, ChainId, ServiceId
from backend.db.tables.chain import Access, Chain, Heartbeat, Holding, Plan, Service, Tab, Undo

_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_beats: Final[Any] = Heartbeat.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_holdings: Final[Any] = Holding.__table__  # type: ignore[attr-defined]
_access: Final[Any] = Access.__table__  # type: ignore[attr-defined]
_tabs: Final[Any] = Tab.__table__  # type: ignore[attr-defined]
_undo: Final[Any] = Undo.__table__  # type: ignore[attr-defined]


def head_fingerprint(chain_id: ChainId) -> Executable:
    """What differs whenever the head or its confirmation has changed."""
    joined = _chains.join(_beats, _chains.c.chain_id == _beats.c.chain_id)
    statement = select(_chains.c.hash, _beats.c.confirmed_at_ms).select_from(joined)
    return statement.where(_chains.c.chain_id == chain_id)


async def head(connection: AsyncConnection, chain_id: ChainId) -> Row[Any] | None:
    """The stored head with the time of its confirmation, or None before the first block."""
    found: Row[Any] | None = (await connection.execute(_head(chain_id))).one_or_none()
    return found


@cache
def _head(chain_id: ChainId) -> Select[Any]:
    """Asked for at every move of the index and by every look-up: making it costs more than running it."""
    joined = _chains.join(_beats, _chains.c.chain_id == _beats.c.chain_id)
    statement = select(_chains, _beats.c.confirmed_at_ms).select_from(joined)
    return statement.where(_chains.c.chain_id == chain_id)


async def service(connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId) -> Row[Any] | None:
    """One service."""
    named = {"chain_id": chain_id, "service_id": service_id}
    found: Row[Any] | None = (await connection.execute(_service(), named)).one_or_none()
    return found


@cache
def _service() -> Select[Any]:
    """Asked for with every block by every caller, as `_owned` is."""
    own = _services.c.chain_id == bindparam("chain_id")
    return select(_services).where(own & (_services.c.service_id == bindparam("service_id")))


async def owned(
    connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId, account: Address
) -> list[Row[Any]]:
    """Every plan of a service with what an account has in it: units held, access, and its tab (nulls
    without).
    """
    named = {"chain_id": chain_id, "service_id": service_id, "account": account}
    rows: Sequence[Any] = (await connection.execute(_owned(), named)).all()
    return list(rows)


@cache
def _owned() -> Select[Any]:
    def mine(table: Any, who: Any) -> Any:
        same = (table.c.chain_id == _plans.c.chain_id) & (table.c.plan_id == _plans.c.plan_id)
        return same & (who == bindparam("account"))

    joined = (
        _plans.outerjoin(_holdings, mine(_holdings, _holdings.c.account))
        .outerjoin(_access, mine(_access, _access.c.account))
        .outerjoin(_tabs, mine(_tabs, _tabs.c.payer))
    )
    extra = (
        _holdings.c.units.label("held_units"),
        _access.c.access_until,
        _tabs.c.balance.label("tab_balance"),
        _tabs.c.withdraw_at,
        _tabs.c.daily_limit,
        _tabs.c.spent.label("tab_spent"),
        _tabs.c.day.label("tab_day"),
    )
    own = _plans.c.chain_id == bindparam("chain_id")
    statement = select(_plans, *extra).select_from(joined)
    statement = statement.where(own & (_plans.c.service_id == bindparam("service_id")))
    return statement.order_by(_plans.c.plan_id)


async def earlier(
    connection: AsyncConnection, chain_id: ChainId, table: str, key: Mapping[str, int | bytes], block: int
) -> dict[str, str] | Literal[False] | None:
    """A row as it was after `block`: its values as the undo journal spells them, None where it did not exist.

    False where nothing changed since. `key` has the primary key's columns in order, without the chain id.
    """
    text = orjson.dumps({name: _spelled(value) for name, value in key.items()}).decode()
    later = (_undo.c.chain_id == chain_id) & (_undo.c.block_number > block)
    same = (_undo.c.table_name == table) & (_undo.c.key == text)
    order = (_undo.c.block_number, _undo.c.seq)
    statement = select(_undo.c.old).where(later & same).order_by(*order).limit(1)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return False
    return None if row.old is None else dict(orjson.loads(row.old))


def _spelled(value: int | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
