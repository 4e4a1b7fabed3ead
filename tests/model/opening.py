"""A small economy to begin from: services, plans of every kind, a tab, an offer, a position."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.model.play import Call
from tests.model.records import DAY, DEPOSIT, HOLD, METERED, PASS, TIMED
from tests.model.refusal import UINT256_MAX

EMP: Final = 10**18
BOND: Final = 4_000 * EMP
USD, EMP_INDEX = 0, 1


def opening(accounts: Sequence[bytes], now: int, access: bytes) -> Iterator[Call]:
    """Transactions that all succeed; the second service is derived from the first."""
    provider, builder, buyer, staker = accounts[:4]
    for owner, upstreams in ((provider, []), (builder, [(1, 1_500)])):
        arguments = (0, owner, "ipfs://opening", bytes(32), upstreams, BOND)
        yield Call("ServiceRegistry", "register", owner, arguments)
    for number, owner, plans in ((1, provider, _plans(now)), (2, builder, _derived_plans())):
        for terms in plans:
            yield Call("AccessToken", "createPlan", owner, (number, terms))
    metered, timed, free = (
        1 << 20 | 2 << 4 | 4 | METERED,
        1 << 20 | 1 << 4 | 4 | TIMED,
        1 << 20 | 3 << 4 | METERED,
    )
    derived, bound, own_time = 2 << 20 | 4 | METERED, 2 << 20 | 1 << 4 | METERED, 2 << 20 | 3 << 4 | TIMED
    yield Call("UsageEscrow", "setTabOptions", staker, (derived, True, 0))
    yield Call("UsageEscrow", "setTabOptions", buyer, (bound, True, 40))
    yield Call("UsageEscrow", "setTabOptions", builder, (metered, False, 7))
    yield _bought(buyer, metered, 100, DEPOSIT)
    yield _bought(staker, derived, 50, DEPOSIT)
    yield _bought(buyer, bound, 60, DEPOSIT)
    yield _bought(builder, metered, 30, DEPOSIT)
    yield _bought(staker, free, 4, DEPOSIT)
    yield _bought(builder, free, 4, HOLD)
    yield _bought(builder, own_time, 4, HOLD)
    yield _bought(buyer, bound, 5, HOLD)
    yield _bought(buyer, metered, 20, HOLD)
    yield _bought(staker, timed, 5, HOLD)
    yield Call("StakingVault", "lock", staker, (1_000 * EMP, 180 * DAY))
    offer = (access, timed, 3, 2 * 10**6, USD, now + 300 * DAY)
    yield Call("TokenMarket", "list", staker, offer)


def _bought(buyer: bytes, plan_id: int, units: int, then: int) -> Call:
    return Call("AccessToken", "buy", buyer, (plan_id, units, buyer, UINT256_MAX, UINT256_MAX, then))


def _plans(now: int) -> Iterator[dict[str, Any]]:
    start = now + 500 * DAY
    yield _terms(PASS, unitPrice=7 * 10**6)
    yield _terms(TIMED, period=30 * DAY, unitPrice=3_333_333)
    yield _terms(METERED)
    yield _terms(METERED, transferable=False, unitPrice=0, accountCap=10)
    yield _terms(TIMED, period=DAY, saleStart=start, earlySeconds=500 * DAY, earlyScore=100 * EMP)


def _derived_plans() -> Iterator[dict[str, Any]]:
    yield _terms(METERED, unitPrice=9_999)
    yield _terms(METERED, transferable=False, refundable=False, unitPrice=10_001)
    yield _terms(METERED, currency=EMP_INDEX, unitPrice=EMP // 3)
    yield _terms(TIMED, transferable=False, refundable=False, period=DAY, unitPrice=1)
    yield _terms(METERED, unitPrice=1, supplyCap=60)


def _terms(kind: int, **changes: Any) -> dict[str, Any]:
    """Terms in the order of the struct."""
    terms: dict[str, Any] = {
        "kind": kind, "transferable": True, "refundable": kind != PASS, "measure": 0, "currency": USD,
        "royaltyBps": 500, "unitPrice": 10**6, "period": 0, "supplyCap": 0, "accountCap": 0, "saleStart": 0,
        "earlySeconds": 0, "earlyScore": 0, "limitsHash": bytes(32), "perRequest": 1, "perUnitIn": 2,
        "perUnitOut": 3,
    }  # fmt: skip
    return terms | changes
