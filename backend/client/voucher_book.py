"""The vouchers one wallet signs."""

from typing import Final

from backend.core.errors import MalformedRequest
from backend.core.units import Address, PlanId, Units
from backend.signing.keys import Signer
from backend.signing.messages import UsageVoucher, voucher_domain

AHEAD: Final = 5
"""Credits signed beyond what is needed now: what the gateway could settle without serving them."""
LARGEST_STEP: Final = 100
"""Credits a renewal may add at most; a gateway that asks for more is refused."""


class VoucherBook:
    """What one wallet has signed, by plan. `known` are credits of a plan that were accounted for before."""

    def __init__(
        self, key: Signer, chain_id: int, escrow: Address, ahead: int = AHEAD, largest: int = LARGEST_STEP
    ) -> None:
        self._key = key
        self._domain = voucher_domain(chain_id, escrow)
        self._ahead = ahead
        self._largest = largest
        self._signed: dict[int, int] = {}

    def accounted(self, plan_id: int, units: int) -> None:
        """Credits of a plan that were settled or signed for in the past."""
        self._signed[plan_id] = max(self._signed.get(plan_id, 0), units)

    def knows(self, plan_id: int) -> bool:
        """Whether it is known how much of a plan was accounted for."""
        return plan_id in self._signed

    def sign(self, plan_id: int, needed: int) -> tuple[int, bytes]:
        """Credits covered in all and the signature, for at least `needed`. Raises MalformedRequest where that
        is a larger step than this wallet takes.
        """
        before = self._signed.get(plan_id, 0)
        if needed - before > self._largest:
            raise MalformedRequest(
                f"the gateway asks for a voucher of {needed} credits where {before} were accounted for; "
                f"that is more than the {self._largest} a step may add"
            )
        units = max(needed + self._ahead, before)
        voucher = UsageVoucher(self._key.address, PlanId(plan_id), Units(units))
        self._signed[plan_id] = units
        return units, self._key.sign_data(voucher.preimage(self._domain))
