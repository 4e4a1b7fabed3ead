"""Vouchers of the caller's tabs: its signed word on how much may be settled."""

from typing import Annotated

from fastapi import APIRouter, Path

from backend.core.errors import (
    InvalidCredential,
    InvalidSignature,
    MalformedRequest,
    PortAbsent,
    ScopeMissing,
    Unprocessable,
)
from backend.core.units import PlanId, checksum, plan_service, to_address, unpack_plan_id
from backend.gateway.answers import credits_text
from backend.gateway.rights import Given, Reader, Spender
from backend.gateway.schemas import VoucherReply, VoucherRequest, problems
from backend.meter.schemas import Available, TabKey
from backend.signing.messages import voucher_domain

_ALWAYS = (InvalidCredential, ScopeMissing, MalformedRequest, Unprocessable)
PlanPath = Annotated[int, Path(ge=0, lt=2**53, description="The plan's number.")]


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/vouchers", tags=["receipts"])

    @api.put("/{plan_id}", responses=problems(*_ALWAYS, InvalidSignature, PortAbsent))
    async def keep(
        plan_id: PlanPath, wanted: VoucherRequest, principal: Spender, given: Given
    ) -> VoucherReply:
        """Keep a voucher signed by the caller's wallet (EIP-712 `UsageVoucher`): it covers so many credits of
        the tab over its whole life. A smaller one than is kept changes nothing.
        """
        unpack_plan_id(plan_id)
        principal.require_service(plan_service(plan_id))
        tab = TabKey(given.chain_id, PlanId(plan_id), principal.address)
        signature = bytes.fromhex(wanted.signature[2:])
        left = await given.deps.meter.keep_voucher(tab, int(wanted.cumulative_units), signature)
        return _reply(given, tab, left)

    @api.get("/{plan_id}", responses=problems(*_ALWAYS))
    async def standing(plan_id: PlanPath, principal: Reader, given: Given) -> VoucherReply:
        """How the caller's tab stands: whether it demands vouchers, and how much has been served in all."""
        unpack_plan_id(plan_id)
        tab = TabKey(given.chain_id, PlanId(plan_id), principal.address)
        return _reply(given, tab, await given.deps.meter.available(tab))

    return api


def _reply(given: Given, tab: TabKey, left: Available) -> VoucherReply:
    escrow = to_address(given.deps.deployment.address("UsageEscrow"))
    domain = voucher_domain(tab.chain_id, escrow)
    return VoucherReply(
        plan_id=tab.plan_id,
        payer=checksum(tab.payer),
        demanded=left.vouchers,
        cumulative_micro_credits=str(left.cumulative),
        available_micro_credits=str(left.available),
        available_credits=credits_text(left.available),
        short_by_micro_credits=str(left.voucher_short_by),
        domain={
            "name": domain.name,
            "version": domain.version,
            "chainId": tab.chain_id,
            "verifyingContract": checksum(escrow),
        },
    )
