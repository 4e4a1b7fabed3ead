"""Vouchers over HTTP: the header of a metered request, and what a 402 says where a tab demands them."""

import re
from typing import Any, Final, Protocol

from backend.core.errors import MalformedRequest
from backend.core.units import ChainId, MicroCredits, PlanId, checksum, unpack_plan_id
from backend.meter.pricing import units_up
from backend.meter.schemas import Available, TabKey

_HEADER: Final = re.compile(r"(\d{1,16});(\d{1,19});0x((?:[0-9a-fA-F]{2}){65,4096})")


class VoucherKeeper(Protocol):
    """What vouchers need of the meter."""

    async def keep_voucher(self, tab: TabKey, cumulative_units: int, signature: bytes) -> Available:
        """Keep one if it is larger. Raises MalformedRequest, InvalidSignature, PortAbsent."""
        ...


async def keep_from_header(keeper: VoucherKeeper, chain_id: ChainId, payer: Any, text: str | None) -> None:
    """Keep what `Emporion-Voucher: <plan id>;<credits in all>;<0x signature>` brings.

    Raises MalformedRequest, InvalidSignature, PortAbsent.
    """
    if text is None:
        return
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise MalformedRequest("Emporion-Voucher must be <plan id>;<credits in all>;<0x signature>")
    plan_id = PlanId(int(found[1]))
    unpack_plan_id(plan_id)
    await keeper.keep_voucher(TabKey(chain_id, plan_id, payer), int(found[2]), bytes.fromhex(found[3]))


def voucher_needed(tab: TabKey, left: Available, worst: MicroCredits) -> dict[str, Any] | None:
    """The voucher that would let a request through; None where a voucher is not what is missing."""
    if not left.vouchers or left.available + left.voucher_short_by < worst or left.available >= worst:
        return None
    return {
        "plan_id": tab.plan_id,
        "payer": checksum(tab.payer),
        "cumulative_units": str(units_up(left.cumulative + worst)),
        "send_to": f"/v1/vouchers/{tab.plan_id}",
    }
