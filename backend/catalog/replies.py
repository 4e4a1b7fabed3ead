"""Rows to replies. Pure."""

from typing import Any, Final

from backend.catalog.names import name_of
from backend.catalog.schemas import (
    ActivityReply,
    ListedService,
    ListingReply,
    MeasuredReply,
    PlanReply,
    RateCardReply,
    ServiceReply,
)
from backend.core.units import (
    Address,
    Hash32,
    Measure,
    PlanKind,
    ServiceId,
    ServiceKind,
    ServiceStatus,
    checksum,
    hex_of,
)

_SAFE: Final = 2**53


def listed_of(row: Any) -> ListedService:
    """A joined row of a service and its document."""
    return ListedService(
        service_id=ServiceId(row.service_id),
        owner=Address(bytes(row.owner)),
        meter=Address(bytes(row.meter)),
        kind=ServiceKind(row.kind),
        status=ServiceStatus(row.status),
        content_hash=Hash32(bytes(row.content_hash)),
        uri=row.uri,
        slug=row.slug,
        name=row.name,
        document=row.document or {},
        created_at=row.created_at,
        created_block=row.created_block,
    )


def service_reply(listed: ListedService, chain_id: int, meter: Address) -> ServiceReply:
    """A service without its plans."""
    said = listed.document
    return ServiceReply(
        id=listed.service_id,
        chain_id=chain_id,
        model=name_of(chain_id, listed.service_id),
        slug_model=f"{checksum(listed.owner)}/{listed.slug}" if listed.slug else None,
        kind=listed.kind.name.lower(),
        status=listed.status.name.lower(),
        owner=checksum(listed.owner),
        meter=checksum(listed.meter),
        served_here=listed.meter == meter,
        name=listed.name or name_of(chain_id, listed.service_id),
        summary=said.get("summary", ""),
        tags=said.get("tags", []),
        gateway=said.get("gateway"),
        uri=listed.uri,
        content_hash=hex_of(listed.content_hash),
        created_at=listed.created_at,
        created_block=listed.created_block,
    )


def add_ratings(reply: ServiceReply, rated: Any) -> None:
    """How a service is rated; `rated` has `ratings` and `total`, or is None for one that nobody rated."""
    if rated is not None:
        reply.ratings, reply.ratings_total = int(rated.ratings), int(rated.total)


def plan_reply(row: Any) -> PlanReply:
    """A plan's row."""
    return PlanReply(
        id=row.plan_id,
        service_id=row.service_id,
        kind=PlanKind(row.kind).name.lower(),
        unit_price=str(row.unit_price),
        currency=row.currency,
        period_seconds=row.period,
        transferable=row.transferable,
        refundable=row.refundable,
        supply_cap=str(row.supply_cap),
        account_cap=str(row.account_cap),
        sale_start=row.sale_start,
        early_seconds=row.early_seconds,
        early_score=str(row.early_score),
        sale_open=row.sale_open,
        supply=str(row.supply),
        sold=str(row.sold),
        royalty_bps=row.royalty_bps,
        fee_bps=row.fee_bps,
        limits_hash=hex_of(bytes(row.limits_hash)),
        rate_card=RateCardReply(
            per_request=str(row.per_request),
            per_unit_in=str(row.per_unit_in),
            per_unit_out=str(row.per_unit_out),
            measure=Measure(row.measure).name.lower(),
        ),
        paid=str(row.paid),
        refunded=str(row.refunded),
        revenue=str(row.revenue),
    )


def measured_reply(row: Any) -> MeasuredReply:
    """Figures by one who measured them."""
    return MeasuredReply(
        measured_by=checksum(Address(bytes(row.measured_by))),
        source=row.source,
        since=row.since,
        until=row.until,
        samples=row.samples,
        uptime_ppm=row.uptime_ppm,
        first_token_ms=row.first_token_ms,
        milli_tokens_per_second=row.speed,
    )


def listing_reply(row: Any) -> ListingReply:
    """A row of the market; no more units than the seller holds."""
    return ListingReply(
        id=row.listing_id,
        seller=checksum(Address(bytes(row.seller))),
        token=checksum(Address(bytes(row.token))),
        token_id=row.token_id,
        units=str(min(row.units, row.held)),
        unit_price=str(row.unit_price),
        currency=row.currency,
        expiry=row.expiry,
    )


def activity_reply(row: Any) -> ActivityReply:
    """A row of the outbox."""
    return ActivityReply(
        id=row.id,
        block_number=row.block_number,
        block_hash=hex_of(bytes(row.block_hash)),
        log_index=row.log_index,
        timestamp=row.timestamp,
        tx_hash=hex_of(bytes(row.tx_hash)),
        contract=row.contract,
        event=row.event,
        service_id=row.service_id,
        plan_id=row.plan_id,
        account=None if row.account is None else checksum(Address(bytes(row.account))),
        args=row.args,
        retracts=row.retracts,
    )
