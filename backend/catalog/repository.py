"""Reads of services, plans and their metadata; each runs on the caller's connection."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, Select, and_, distinct, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.catalog.measured_repository import sort_key
from backend.catalog.ratings_repository import rated_at_least
from backend.catalog.schemas import Search, Sort
from backend.core.units import MICRO, Address, ChainId, Hash32, ServiceId
from backend.db.tables.chain import Access, Chain, Holding, Listing, Outbox, Plan, Service, Share, Tab
from backend.db.tables.metadata import MetadataDocument
from backend.db.tables.meter import MeterTab, Usage

_chains: Final[Any] = Chain.__table__  # type: ignore[attr-defined]
_services: Final[Any] = Service.__table__  # type: ignore[attr-defined]
_plans: Final[Any] = Plan.__table__  # type: ignore[attr-defined]
_documents: Final[Any] = MetadataDocument.__table__  # type: ignore[attr-defined]
_holdings: Final[Any] = Holding.__table__  # type: ignore[attr-defined]
_access: Final[Any] = Access.__table__  # type: ignore[attr-defined]
_tabs: Final[Any] = Tab.__table__  # type: ignore[attr-defined]
_meter_tabs: Final[Any] = MeterTab.__table__  # type: ignore[attr-defined]
_usage: Final[Any] = Usage.__table__  # type: ignore[attr-defined]
_outbox: Final[Any] = Outbox.__table__  # type: ignore[attr-defined]

_listings: Final[Any] = Listing.__table__  # type: ignore[attr-defined]
_shares: Final[Any] = Share.__table__  # type: ignore[attr-defined]

_ACTIVE: Final = 0
_LISTED: Final = (
    _services,
    func.coalesce(_documents.c.slug, "").label("slug"),
    func.coalesce(_documents.c.name, "").label("name"),
    _documents.c.document,
)


def _listed() -> Select[Any]:
    same = (_documents.c.content_hash == _services.c.content_hash) & (_documents.c.kind == "service")
    return select(*_LISTED).select_from(_services.outerjoin(_documents, same))


async def service(connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId) -> Row[Any] | None:
    """A service with its document, or None."""
    one = (_services.c.chain_id == chain_id) & (_services.c.service_id == service_id)
    found: Row[Any] | None = (await connection.execute(_listed().where(one))).one_or_none()
    return found


async def service_by_slug(
    connection: AsyncConnection, chain_id: ChainId, owner: Address, slug: str
) -> Row[Any] | None:
    """The oldest service of an owner under a slug: a second one of the same slug is reached by its number."""
    one = (_services.c.chain_id == chain_id) & (_services.c.owner == owner) & (_documents.c.slug == slug)
    statement = _listed().where(one).order_by(_services.c.service_id).limit(1)
    found: Row[Any] | None = (await connection.execute(statement)).one_or_none()
    return found


async def search(
    connection: AsyncConnection, chain_id: ChainId, wanted: Search, after: Any, now: int, since: int = 0
) -> list[Row[Any]]:
    """One page and one row more, each with its sort value as `key`. `after` is (sort value, service id) of
    the last row seen, or None; measurements older than `since` do not count. What is on sale is so now, by
    `now` or the chain's time.
    """
    cheapest = _cheapest(wanted)
    key, descending = _order(wanted.sort, cheapest, since)
    statement = _listed().add_columns(key.label("key")).where(_services.c.chain_id == chain_id)
    for condition in _conditions(wanted, cheapest, now):
        statement = statement.where(condition)
    if after is not None:
        value, last = after
        ahead = key < value if descending else key > value
        next_id = _services.c.service_id < last if descending else _services.c.service_id > last
        statement = statement.where(or_(ahead, and_(key == value, next_id)))
    columns = (key.desc(), _services.c.service_id.desc()) if descending else (key, _services.c.service_id)
    return list((await connection.execute(statement.order_by(*columns).limit(wanted.limit + 1))).all())


def _plans_on_sale(wanted: Search) -> Any:
    same = (_plans.c.chain_id == _services.c.chain_id) & (_plans.c.service_id == _services.c.service_id)
    narrowed = same & _plans.c.sale_open
    return narrowed if wanted.currency is None else narrowed & (_plans.c.currency == wanted.currency)


def _cheapest(wanted: Search) -> Any:
    statement = select(func.min(_plans.c.unit_price)).where(_plans_on_sale(wanted))
    return statement.correlate(_services).scalar_subquery()


def _order(sort: Sort, cheapest: Any, since: int) -> tuple[Any, bool]:
    if sort is Sort.NAME:
        return func.lower(func.coalesce(_documents.c.name, "")), False
    if sort is Sort.PRICE:
        return cheapest, False
    if sort in (Sort.UPTIME, Sort.FIRST_TOKEN, Sort.SPEED):
        return sort_key(sort, since), False
    return _services.c.created_block, True


def _conditions(wanted: Search, cheapest: Any, now: int) -> list[Any]:
    words = wanted.words.lower().split()[:10] + [f"#{tag.lower()} " for tag in wanted.tags[:10]]
    found = [_documents.c.words.contains(word, autoescape=True) for word in words]
    if wanted.kind is not None:
        found.append(_services.c.kind == int(wanted.kind))
    if wanted.owner is not None:
        found.append(_services.c.owner == wanted.owner)
    if wanted.meter is not None:
        found.append(_services.c.meter == wanted.meter)
    if wanted.max_price is not None:
        cheap = _plans_on_sale(wanted) & (_plans.c.unit_price <= wanted.max_price)
        found.append(exists(select(_plans.c.plan_id).where(cheap).correlate(_services)))
    if wanted.rating is not None:
        found.append(rated_at_least(wanted.rating))
    if wanted.on_sale or wanted.currency is not None or wanted.sort is Sort.PRICE:
        found += [_services.c.status == _ACTIVE, cheapest.is_not(None)]
    if wanted.on_sale:
        begun = _plans_on_sale(wanted) & _begun(now)
        found.append(exists(select(_plans.c.plan_id).where(begun).correlate(_services)))
    return found


def _begun(now: int) -> Any:
    """Whether a plan sells already, be it to stakers."""
    first = _plans.c.sale_start - _plans.c.early_seconds
    head = select(_chains.c.timestamp).where(_chains.c.chain_id == _services.c.chain_id)
    return or_(first <= now, first <= head.correlate(_services).scalar_subquery())


async def plans(connection: AsyncConnection, chain_id: ChainId, service_ids: list[int]) -> list[Row[Any]]:
    """Every plan of several services, by id."""
    own = (_plans.c.chain_id == chain_id) & _plans.c.service_id.in_(service_ids)
    return list((await connection.execute(select(_plans).where(own).order_by(_plans.c.plan_id))).all())


async def services_of_holder(
    connection: AsyncConnection, chain_id: ChainId, holder: Address, now: int
) -> list[Row[Any]]:
    """Services a wallet may use now: a Pass held, a Timed access running, or a tab with credits."""

    def usable(table: Any, who: Any, enough: Any) -> Any:
        same = (table.c.chain_id == chain_id) & (table.c.plan_id == _plans.c.plan_id)
        return exists(select(table.c.plan_id).where(same & (who == holder) & enough).correlate(_plans))

    held = and_(_plans.c.kind == 0, usable(_holdings, _holdings.c.account, _holdings.c.units > 0))
    running = and_(_plans.c.kind == 1, usable(_access, _access.c.account, _access.c.access_until > now))
    funded = (_tabs.c.balance > 0) & (_tabs.c.withdraw_at == 0)
    credited = and_(_plans.c.kind == 2, usable(_tabs, _tabs.c.payer, funded))
    own = (_plans.c.chain_id == chain_id) & or_(held, running, credited)
    wanted = select(_plans.c.service_id).where(own)
    statement = _listed().where((_services.c.chain_id == chain_id) & _services.c.service_id.in_(wanted))
    return list((await connection.execute(statement.order_by(_services.c.service_id))).all())


async def measured(
    connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId, since: int
) -> Row[Any]:
    """Sums over the usage rows of a service since a time (unix seconds)."""
    mine = (_usage.c.chain_id == chain_id) & (_usage.c.service_id == service_id)
    failed = _usage.c.outcome == "failed"
    columns = (
        func.count().label("requests"),
        func.count().filter(failed).label("failed"),
        func.coalesce(func.sum(_usage.c.units_in), 0).label("units_in"),
        func.coalesce(func.sum(_usage.c.units_out), 0).label("units_out"),
        func.avg(_usage.c.duration_ms).filter(~failed).label("duration_ms"),
        func.avg(_usage.c.first_byte_ms).filter(~failed).label("first_byte_ms"),
        func.count(distinct(_usage.c.payer)).label("payers"),
    )
    return (await connection.execute(select(*columns).where(mine & (_usage.c.issued_at >= since)))).one()


async def unsettled(connection: AsyncConnection, chain_id: ChainId) -> int:
    """Micro-credits served here and not settled on chain, over all tabs."""
    return int((await connection.execute(unsettled_tabs(chain_id, UNSETTLED))).scalar_one())


UNSETTLED: Final[Any] = func.coalesce(
    func.sum(_meter_tabs.c.spent - func.coalesce(_tabs.c.settled, 0) * MICRO), 0
).label("unsettled")


def unsettled_tabs(chain_id: ChainId, *columns: Any) -> Select[Any]:
    """Columns of the tabs served here that have more than was settled on chain."""
    same = (_tabs.c.plan_id == _meter_tabs.c.plan_id) & (_tabs.c.payer == _meter_tabs.c.payer)
    joined = _meter_tabs.outerjoin(_tabs, same & (_tabs.c.chain_id == _meter_tabs.c.chain_id))
    # Compared in whole credits: micro-credits of what others settled may pass 64 bits.
    ours = func.coalesce(_tabs.c.settled, 0) <= _meter_tabs.c.spent // MICRO
    return select(*columns).select_from(joined).where((_meter_tabs.c.chain_id == chain_id) & ours)


async def sold(connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId) -> tuple[int, int]:
    """Units ever sold over all plans of a service, and wallets that hold some now."""
    own = (_plans.c.chain_id == chain_id) & (_plans.c.service_id == service_id)
    units = (
        await connection.execute(select(func.coalesce(func.sum(_plans.c.sold), 0)).where(own))
    ).scalar_one()
    inside = select(_plans.c.plan_id).where(own)
    held = (_holdings.c.chain_id == chain_id) & _holdings.c.plan_id.in_(inside) & (_holdings.c.units > 0)
    wallets = select(func.count(distinct(_holdings.c.account))).where(held)
    return int(units), int((await connection.execute(wallets)).scalar_one())


async def activity(
    connection: AsyncConnection,
    chain_id: ChainId,
    before: int | None,
    limit: int,
    service_id: int | None,
    account: Address | None,
) -> list[Row[Any]]:
    """Events, newest first, ids below `before`."""
    mine = _outbox.c.chain_id == chain_id
    if before is not None:
        mine &= _outbox.c.id < before
    if service_id is not None:
        mine &= _outbox.c.service_id == service_id
    if account is not None:
        mine &= _outbox.c.account == account
    statement = select(_outbox).where(mine).order_by(_outbox.c.id.desc()).limit(limit)
    return list((await connection.execute(statement)).all())


async def reviews(connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId) -> list[Row[Any]]:
    """Every review of a service and every one a fork took back (`retracts`), newest first."""
    mine = (_outbox.c.chain_id == chain_id) & (_outbox.c.service_id == service_id)
    said = mine & (_outbox.c.event == "Reviewed")
    return list((await connection.execute(select(_outbox).where(said).order_by(_outbox.c.id.desc()))).all())


async def review_words(connection: AsyncConnection, hashes: Collection[Hash32]) -> dict[Hash32, str]:
    """The words of those `review` documents that were brought here, by their hash."""
    wanted = _documents.c.content_hash.in_(hashes) & (_documents.c.kind == "review")
    rows = await connection.execute(select(_documents.c.content_hash, _documents.c.document).where(wanted))
    return {Hash32(bytes(row.content_hash)): row.document["text"] for row in rows}


async def disputes(connection: AsyncConnection, chain_id: ChainId, service_id: ServiceId) -> list[Row[Any]]:
    """Everything the court said about a service, what forks took back too (`retracts`), newest first."""
    mine = (_outbox.c.chain_id == chain_id) & (_outbox.c.service_id == service_id)
    said = mine & (_outbox.c.contract == "DisputeCourt")
    return list((await connection.execute(select(_outbox).where(said).order_by(_outbox.c.id.desc()))).all())


async def listings(
    connection: AsyncConnection, chain_id: ChainId, access_token: Address, now: int, limit: int
) -> list[Row[Any]]:
    """Open offers of the market, newest first, with the units their sellers still hold as `held`."""
    units = (
        (_holdings.c.chain_id == _listings.c.chain_id)
        & (_holdings.c.plan_id == _listings.c.token_id)
        & (_holdings.c.account == _listings.c.seller)
        & (_listings.c.token == access_token)
    )
    shares = (
        (_shares.c.chain_id == _listings.c.chain_id)
        & (_shares.c.service_id == _listings.c.token_id)
        & (_shares.c.account == _listings.c.seller)
        & (_listings.c.token != access_token)
    )
    held = func.coalesce(_holdings.c.units, _shares.c.units, 0)
    statement = (
        select(_listings, held.label("held"))
        .select_from(_listings.outerjoin(_holdings, units).outerjoin(_shares, shares))
        .where(_listings.c.chain_id == chain_id, _listings.c.open, _listings.c.expiry > now, held > 0)
        .order_by(_listings.c.listing_id.desc())
        .limit(limit)
    )
    return list((await connection.execute(statement)).all())
