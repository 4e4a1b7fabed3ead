"""Receipts of the caller's requests, and what is left of its credits."""

from fastapi import APIRouter

from backend.accounts.principal import Principal
from backend.core.errors import InvalidCredential, MalformedRequest, NotFound, ScopeMissing
from backend.core.units import PlanId, ServiceId, checksum, hex_of, unpack_plan_id
from backend.gateway.answers import credits_text, receipt_json
from backend.gateway.deps import Services
from backend.gateway.request_ids import is_request_id
from backend.gateway.rights import Given, Reader
from backend.gateway.schemas import CreditsReply, ProofReply, ReceiptReply, problems
from backend.meter.schemas import Receipt, TabKey

_ALWAYS = (InvalidCredential, ScopeMissing)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["receipts"])

    @api.get("/receipts/{request_id}", responses=problems(*_ALWAYS, NotFound))
    async def receipt(request_id: str, principal: Reader, given: Given) -> ReceiptReply:
        """The signed receipt of a request: for its payer and the service's owner."""
        found = await _own(given, principal, request_id)
        voided = None if found.voided is None else str(found.voided)
        told = {"engine_fingerprint": found.engine, "voided_micro_credits": voided}
        return ReceiptReply(**receipt_json(found), **told)

    @api.get("/receipts/{request_id}/proof", responses=problems(*_ALWAYS, NotFound))
    async def proof(request_id: str, principal: Reader, given: Given) -> ProofReply:
        """The Merkle path from the receipt to the settlement that covers it."""
        await _own(given, principal, request_id)
        found = await given.deps.meter.proof(request_id)
        if found is None:
            raise NotFound("no settlement covers this receipt yet; ask again after the next one")
        return ProofReply(
            request_id=found.request_id,
            leaf=hex_of(found.leaf),
            path=[hex_of(step) for step in found.path],
            root=hex_of(found.root),
            cumulative_units=str(found.cumulative_units),
            transaction=None if found.transaction is None else hex_of(found.transaction),
            settled=found.settled,
        )

    @api.get("/credits/{plan_id}", responses=problems(*_ALWAYS, MalformedRequest))
    async def credits_left(plan_id: int, principal: Reader, given: Given) -> CreditsReply:
        """What the caller's tab in a metered plan has for new requests."""
        unpack_plan_id(plan_id)
        tab = TabKey(given.chain_id, PlanId(plan_id), principal.address)
        found = await given.deps.meter.available(tab)
        return CreditsReply(
            plan_id=plan_id,
            available_micro_credits=str(found.available),
            available_credits=credits_text(found.available),
            returnable_credits=str(found.returnable),
        )

    return api


async def _own(given: Services, principal: Principal, request_id: str) -> Receipt:
    """A receipt the caller may see; for others there is none. Raises NotFound."""
    missing = NotFound(f"you have no receipt {request_id[:60]}")
    found = await given.deps.meter.receipt(request_id) if is_request_id(request_id) else None
    if found is None:
        raise missing
    if found.body.payer != principal.address:
        service = await given.catalog.service(ServiceId(found.body.service_id))
        if service.owner != checksum(principal.address):
            raise missing
    return found
