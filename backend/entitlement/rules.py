"""Which plans serve a caller, and in which order. Pure: rows and a time in, grants out."""

from typing import Any, Final

from backend.core.errors import MalformedRequest, PaymentRequired, ServiceRetired
from backend.core.units import (
    Address,
    BaseUnits,
    Hash32,
    Measure,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceStatus,
    Units,
    UnixTime,
)
from backend.entitlement.schemas import Grant, Owned, ServiceState, Standing, Terms

SECONDS_A_DAY: Final = 86_400
DAY_MODULUS: Final = 2**16
RETIRED_METERED_SECONDS: Final = 1_800
"""How long credits of a retired service are still served: settlement ends an hour after at the earliest."""


def terms_of(row: Any) -> Terms:
    """The terms in a plan's row."""
    return Terms(
        plan_id=PlanId(row.plan_id),
        service_id=ServiceId(row.service_id),
        kind=PlanKind(row.kind),
        measure=Measure(row.measure),
        currency=row.currency,
        unit_price=BaseUnits(row.unit_price),
        period=row.period,
        supply_cap=Units(row.supply_cap),
        account_cap=Units(row.account_cap),
        sale_start=UnixTime(row.sale_start),
        limits_hash=Hash32(row.limits_hash),
        per_request=row.per_request,
        per_unit_in=row.per_unit_in,
        per_unit_out=row.per_unit_out,
        sale_open=row.sale_open,
        sold=Units(row.sold),
        transferable=row.transferable,
        refundable=row.refundable,
    )


def owned_of(row: Any, today: int) -> Owned:
    """What a joined row says an account has; columns that found nothing are null."""
    return Owned(
        terms=terms_of(row),
        units=Units(row.held_units or 0),
        access_until=UnixTime(row.access_until or 0),
        backed=_backed(row, today),
        withdrawing=bool(row.withdraw_at),
    )


def _backed(row: Any, today: int) -> Units:
    if row.tab_balance is None or row.withdraw_at:
        return Units(0)
    if not row.daily_limit:
        return Units(row.tab_balance)
    used = row.tab_spent if row.tab_day == today % DAY_MODULUS else 0
    return Units(min(row.tab_balance, max(row.daily_limit - used, 0)))


def service_of(row: Any) -> ServiceState:
    """A service's row."""
    return ServiceState(
        service_id=ServiceId(row.service_id),
        owner=Address(row.owner),
        meter=Address(row.meter),
        status=ServiceStatus(row.status),
        retired_at=UnixTime(row.retired_at),
        content_hash=Hash32(row.content_hash),
        uri=row.uri,
    )


def grants_of(service: ServiceState, owned: tuple[Owned, ...], now: UnixTime) -> tuple[Grant, ...]:
    """The plans that serve, in the gate's order: a Pass held, a Timed access running, a tab with credits."""
    found = [grant for one in owned if (grant := _grant(service, one, now)) is not None]
    return tuple(sorted(found, key=lambda grant: (grant.terms.kind, grant.terms.plan_id)))


def _grant(service: ServiceState, one: Owned, now: UnixTime) -> Grant | None:
    kind = one.terms.kind
    if kind is PlanKind.PASS and one.units > 0:
        return Grant(one.terms, one.units, None)
    if kind is PlanKind.TIMED and one.access_until > now:
        return Grant(one.terms, Units(1), one.access_until)
    if kind is PlanKind.METERED and one.backed > 0 and _settles(service, now):
        return Grant(one.terms, one.backed, None)
    return None


def _settles(service: ServiceState, now: UnixTime) -> bool:
    retired = service.status is ServiceStatus.RETIRED
    return not retired or now < service.retired_at + RETIRED_METERED_SECONDS


def chosen(standing: Standing, wanted: PlanId | None) -> tuple[Grant, ...]:
    """The grants to try, in order; only the wanted plan's where the caller named one.

    Raises MalformedRequest for a plan of another service, ServiceRetired and PaymentRequired (without
    offers: the
    caller of this adds them) where nothing serves.
    """
    plans = {one.terms.plan_id for one in standing.owned}
    if wanted is not None and wanted not in plans:
        raise MalformedRequest(
            f"Emporion-Plan {wanted} is no plan of service {standing.service.service_id}", plans=sorted(plans)
        )
    grants = granted(standing, wanted)
    if not grants:
        refuse(standing)
    return grants


def granted(standing: Standing, wanted: PlanId | None) -> tuple[Grant, ...]:
    """The grants to try; only the wanted plan's where one is named."""
    return tuple(g for g in standing.grants if wanted is None or g.terms.plan_id == wanted)


def refuse(standing: Standing) -> None:
    """Say why nothing serves. Raises ServiceRetired or PaymentRequired."""
    service_id = standing.service.service_id
    if standing.service.status is ServiceStatus.RETIRED:
        raise ServiceRetired(f"service {service_id} has ended; what is unused can be refunded on chain")
    if any(one.withdrawing for one in standing.owned):
        raise PaymentRequired(
            "a withdrawal of your credits is requested, so they cannot be spent; cancel it or buy others"
        )
    raise PaymentRequired(
        f"your wallet has no access to service {service_id}; buy one of the offers, or deposit credits you "
        f"hold"
    )
