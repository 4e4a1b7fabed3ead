"""Which tabs are settled, and for how much.

cumulative_due
    rounds down while the tab is open, up once its payer closes it and nothing is held
    never passes what the escrow would take: balance, daily limit
is_due
    given nothing new: no
    given few credits: only once old enough
    given many credits, or a withdrawal asked for: at once
    given lines that failed: it rests, longer each time, a day at most
plan_batches
    one plan a batch, at most MAX_LINES lines
verdict_on
    given a node that is down, or no gas: again, for ever
    given a refusal: several lines are halved at once, a line alone is given up after MAX_ATTEMPTS
    given an error nobody knows: the same, but only after MAX_ATTEMPTS
    given the right to settle gone: given up at once
may_close
    only a waiting payer with credits, when nothing runs and nothing is left for us
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import ContractRevert, EmporionError, InsufficientFunds, NodeError, NodeUnreachable
from backend.core.units import MICRO, Address, ChainId, PlanId, Units, UnixTime
from backend.meter.pricing import TabState
from backend.meter.schemas import TabKey
from backend.settlement.batch import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MAX_ATTEMPTS,
    MAX_LINES,
    LeavingTab,
    OpenTab,
    Policy,
    Verdict,
    cumulative_due,
    is_due,
    may_close,
    pause_after,
    plan_batches,
    verdict_on,
)

NOW = UnixTime(1_700_000_000)
POLICY = Policy(min_units=1, max_age=60, eager_units=100)


def tab(spent: int, age: int = 0, payer: int = 1, plan: int = 2, held: int = 0, **mirror: int) -> OpenTab:
    base = {"balance": 1_000, "settled": 0, "withdraw_at": 0, "daily_limit": 0, "spent_on_day": 0, "day": 0}
    key = TabKey(ChainId(1), PlanId(plan), Address(payer.to_bytes(20, "big")))
    return OpenTab(key, spent, held, 7, UnixTime(NOW - age), TabState(**(base | mirror)))


class TestCumulativeDue:
    def test_fraction_stays_open(self) -> None:
        assert cumulative_due(tab(2 * MICRO + 999_999), NOW) == 2

    def test_fraction_is_rounded_up_when_the_payer_leaves(self) -> None:
        assert cumulative_due(tab(2 * MICRO + 1, withdraw_at=1), NOW) == 3

    def test_fraction_waits_while_a_request_still_runs(self) -> None:
        assert cumulative_due(tab(2 * MICRO + 1, withdraw_at=1, held=5), NOW) == 2

    def test_stops_at_the_daily_limit(self) -> None:
        assert cumulative_due(tab(50 * MICRO, settled=10, daily_limit=4), NOW) == 14

    @given(st.integers(0, 10**12), st.integers(0, 10**5), st.integers(0, 10**5), st.integers(0, 10**5))
    def test_never_passes_what_the_escrow_takes(
        self, spent: int, balance: int, settled: int, limit: int
    ) -> None:
        due = cumulative_due(tab(spent, balance=balance, settled=settled, daily_limit=limit), NOW)
        assert due <= settled + balance
        assert limit == 0 or due <= settled + limit


class TestIsDue:
    def test_nothing_new_is_not_due(self) -> None:
        assert not is_due(tab(5 * MICRO, age=10**6, settled=5), POLICY, NOW)

    def test_few_credits_wait_for_their_age(self) -> None:
        assert not is_due(tab(5 * MICRO, age=59), POLICY, NOW)
        assert is_due(tab(5 * MICRO, age=60), POLICY, NOW)

    def test_many_credits_do_not_wait(self) -> None:
        assert is_due(tab(100 * MICRO), POLICY, NOW)

    def test_withdrawal_does_not_wait(self) -> None:
        assert is_due(tab(MICRO, withdraw_at=1), POLICY, NOW)

    def test_rests_after_failures(self) -> None:
        failed = replace(tab(MICRO, age=10**6), failures=1, failed_at=NOW - FIRST_PAUSE + 1)
        assert not is_due(failed, POLICY, NOW)
        assert is_due(replace(failed, failed_at=NOW - FIRST_PAUSE), POLICY, NOW)
        assert [pause_after(n) for n in (0, 1, 2, 50)] == [0, 600, 1_200, LONGEST_PAUSE]

    def test_stops_at_the_voucher(self) -> None:
        assert cumulative_due(replace(tab(5 * MICRO), vouched=Units(3)), NOW) == 3


class TestVerdictOn:
    @pytest.mark.parametrize("error", [NodeUnreachable("down"), InsufficientFunds("no gas")])
    @pytest.mark.parametrize("lines", [1, 100])
    def test_waits_for_what_passes(self, error: EmporionError, lines: int) -> None:
        assert verdict_on(error, 1_000, lines) is Verdict.AGAIN

    def test_narrows_a_refusal_down(self) -> None:
        refusal = ContractRevert(b"", "UsageEscrow_GasTooLow", {})
        assert verdict_on(refusal, 1, 2) is Verdict.SPLIT
        assert verdict_on(refusal, MAX_ATTEMPTS - 1, 1) is Verdict.AGAIN
        assert verdict_on(refusal, MAX_ATTEMPTS, 1) is Verdict.ABANDON

    def test_tries_the_unknown_first(self) -> None:
        error = NodeError("gas required exceeds allowance")
        assert verdict_on(error, MAX_ATTEMPTS - 1, 2) is Verdict.AGAIN
        assert verdict_on(error, MAX_ATTEMPTS, 2) is Verdict.SPLIT

    def test_gives_up_without_the_right(self) -> None:
        assert verdict_on(ContractRevert(b"", "UsageEscrow_NotMeter", {}), 1, 100) is Verdict.ABANDON


class TestMayClose:
    @pytest.mark.parametrize(
        ("spent", "held", "mirror", "closed"),
        [
            (0, 0, {"withdraw_at": NOW + 1}, True),
            (2 * MICRO, 0, {"withdraw_at": NOW + 1, "settled": 2}, True),
            (2 * MICRO + 1, 0, {"withdraw_at": NOW + 1, "settled": 2}, False),
            (0, 1, {"withdraw_at": NOW + 1}, False),
            (0, 0, {"withdraw_at": NOW}, False),
            (0, 0, {"withdraw_at": 0}, False),
            (0, 0, {"withdraw_at": NOW + 1, "balance": 0}, False),
        ],
    )
    def test_nothing_is_left_for_us(
        self, spent: int, held: int, mirror: dict[str, int], closed: bool
    ) -> None:
        open_tab = tab(spent, held=held, **mirror)
        leaving = LeavingTab(open_tab.key, open_tab.spent, open_tab.held, open_tab.mirror)
        assert may_close(leaving, NOW) is closed


class TestPlanBatches:
    def test_one_plan_a_batch(self) -> None:
        tabs = [tab(MICRO, age=60, payer=n, plan=2 + 16 * (n % 2)) for n in range(1, 5)]
        batches = plan_batches(tabs, POLICY, NOW)
        assert [(plan, [line.key.payer[-1] for line in lines]) for plan, lines in batches] == [
            (2, [2, 4]),
            (18, [1, 3]),
        ]

    def test_splits_a_crowd(self) -> None:
        tabs = [tab(MICRO, age=60, payer=n) for n in range(MAX_LINES + 1)]
        assert [len(lines) for _, lines in plan_batches(tabs, POLICY, NOW)] == [MAX_LINES, 1]
