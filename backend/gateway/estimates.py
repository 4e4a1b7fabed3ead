"""What a job takes under each plan. Pure."""

from backend.catalog.schemas import PlanReply
from backend.gateway.schemas import EstimateReply, EstimateRequest, PlanEstimate
from backend.meter.pricing import RateCard, cost_exact, units_up


def estimate_of(service_id: int, plans: list[PlanReply], job: EstimateRequest) -> EstimateReply:
    """The job under every plan, cheapest first. A Pass or a period is one unit whatever the job."""
    found = [_under(plan, job) for plan in plans]
    found.sort(key=lambda one: (not one.sale_open, int(one.cost)))
    return EstimateReply(service_id=service_id, plans=found)


def _under(plan: PlanReply, job: EstimateRequest) -> PlanEstimate:
    micro = 0
    units = 1
    if plan.kind == "metered":
        rates = plan.rate_card
        card = RateCard(int(rates.per_request), int(rates.per_unit_in), int(rates.per_unit_out))
        micro = job.requests * cost_exact(card, job.units_in, job.units_out)
        units = units_up(micro)
    return PlanEstimate(
        plan_id=plan.id,
        kind=plan.kind,
        micro_credits=str(micro),
        units=str(units),
        cost=str(units * int(plan.unit_price)),
        currency=plan.currency,
        sale_open=plan.sale_open,
    )
