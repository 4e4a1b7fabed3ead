"""What a 402 asks that a wallet can do on its own: sign a larger voucher, deposit credits it holds. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Cure:
    """A voucher for so many credits in all, or a deposit of so many of those held."""

    kind: Literal["voucher", "deposit"]
    plan_id: int
    units: int


def cure_in(body: bytes) -> Cure | None:
    """The first thing that would help and costs nothing more, in either envelope; None where there is none.

    Buying is never among them: that is for whoever holds the wallet to decide.
    """
    try:
        outer = orjson.loads(body)
        inner = outer.get("error") if isinstance(outer.get("error"), dict) else outer
        details = inner["details"]
        return _voucher(details) or _deposit(details)
    except (orjson.JSONDecodeError, AttributeError, KeyError, IndexError, TypeError, ValueError):
        return None


def _voucher(details: dict[str, Any]) -> Cure | None:
    for wanted in details.get("vouchers") or ():
        return Cure("voucher", int(wanted["plan_id"]), int(wanted["cumulative_units"]))
    return None


def _deposit(details: dict[str, Any]) -> Cure | None:
    worst = details.get("worst_case_micro_credits") or {}
    for offer in details.get("offers") or ():
        if offer["action"] == "deposit":
            plan_id = int(offer["plan_id"])
            return Cure("deposit", plan_id, -(-int(worst.get(str(plan_id), 0)) // _MICRO))
    return None
