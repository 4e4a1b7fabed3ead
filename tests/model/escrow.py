"""`UsageEscrow`: tabs of deposited credits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.model.order import is_soulbound
from tests.model.part import Part
from tests.model.records import DAY, METERED, NOBODY, Entry, Tab
from tests.model.refusal import refuse

if TYPE_CHECKING:
    from tests.model.multi_token import MultiToken

(
    NONE,
    NOTHING_NEW,
    EXCEEDS_BALANCE,
    DAILY_LIMIT,
    VOUCHER_MISSING,
    VOUCHER_TOO_SMALL,
    VOUCHER_INVALID,
    SERVICE_ENDED,
) = range(8)
UINT32_MAX = 2**32 - 1


class EscrowModel(Part):
    """The escrow; its units are the tabs' balances."""

    NAME = "UsageEscrow"

    def deposit(self, caller: bytes, plan_id: int, units: int) -> None:
        """Put units on the caller's tab."""
        if units == 0:
            refuse("UsageEscrow_ZeroUnits")
        self.m.access.safe_transfer_from(self.address, caller, self.address, plan_id, units, b"")

    def receive(
        self,
        token: MultiToken,
        sender: bytes,
        plan_ids: Sequence[int],
        units: Sequence[int],
        payer: bytes | None,
    ) -> None:
        """Units arrived; a mint says for whom."""
        if token.NAME != "AccessToken":
            refuse("UsageEscrow_NotAccessToken")
        for plan_id, count in zip(plan_ids, units, strict=True):
            self._deposit(plan_id, count, sender, payer)

    def _deposit(self, plan_id: int, units: int, sender: bytes, payer: bytes | None) -> None:
        if plan_id & 3 != METERED:
            refuse("UsageEscrow_NotMetered")
        if units == 0:
            return
        if sender == NOBODY and payer is None:
            refuse("UsageEscrow_MintNotDeposit")
        owner = payer if sender == NOBODY and payer is not None else sender
        tab = self.m.state.escrow.tabs[plan_id, owner]
        tab.balance += units
        tab.deposited += units
        self.emit("Deposited", planId=plan_id, payer=owner, units=units, balance=tab.balance)

    def settle(self, caller: bytes, plan_id: int, entries: Sequence[Entry]) -> None:
        """What the meter says was used; bad lines are left out."""
        if not self.m.registry.is_meter(plan_id >> 20, caller):
            refuse("UsageEscrow_NotMeter")
        ended = self._is_ended(plan_id)
        consumed = sum(self._settle_entry(caller, plan_id, entry, ended) for entry in entries)
        if consumed:
            self.m.access.consume(self.address, plan_id, consumed)

    def _settle_entry(self, caller: bytes, plan_id: int, entry: Entry, ended: bool) -> int:
        tab = self.m.state.escrow.tabs[plan_id, entry.payer]
        today = self.now // DAY
        spent = tab.spent if tab.day == today % 2**16 else 0
        reason = SERVICE_ENDED if ended else self._skip_reason(plan_id, entry, tab, spent)
        line = {"planId": plan_id, "payer": entry.payer, "meter": caller}
        if reason != NONE:
            self.emit("SettlementSkipped", **line, cumulativeUnits=entry.cumulative, reason=reason)
            return 0
        units = entry.cumulative - tab.settled
        tab.balance -= units
        tab.settled = entry.cumulative
        tab.spent, tab.day = min(spent + units, UINT32_MAX), today % 2**16
        self.emit(
            "Settled", **line, units=units, balance=tab.balance, settled=tab.settled, spent=tab.spent,
            day=tab.day, receiptsRoot=entry.root,
        )  # fmt: skip
        return units

    def _skip_reason(self, plan_id: int, entry: Entry, tab: Tab, spent: int) -> int:
        units = entry.cumulative - tab.settled
        if units <= 0:
            return NOTHING_NEW
        if units > tab.balance:
            return EXCEEDS_BALANCE
        if tab.daily_limit and spent + units > tab.daily_limit:
            return DAILY_LIMIT
        return _voucher_reason(plan_id, entry) if tab.vouchers else NONE

    def request_withdrawal(self, caller: bytes, plan_id: int) -> None:
        """Ask to take the tab out."""
        tab = self.m.state.escrow.tabs[plan_id, caller]
        if tab.withdraw_at:
            refuse("UsageEscrow_AlreadyRequested")
        tab.withdraw_at = self.now + self.m.state.escrow.delay
        self._emit_withdrawal(plan_id, caller, caller, tab)

    def cancel_withdrawal(self, caller: bytes, plan_id: int) -> None:
        """Take the request back."""
        tab = self.m.state.escrow.tabs[plan_id, caller]
        if tab.withdraw_at == 0:
            refuse("UsageEscrow_NoRequest")
        tab.withdraw_at = 0
        self._emit_withdrawal(plan_id, caller, caller, tab)

    def close(self, caller: bytes, plan_id: int, payer: bytes) -> None:
        """The meter has nothing more to settle."""
        if not self.m.registry.is_meter(plan_id >> 20, caller):
            refuse("UsageEscrow_NotMeter")
        tab = self.m.state.escrow.tabs[plan_id, payer]
        if tab.withdraw_at == 0:
            refuse("UsageEscrow_NoRequest")
        tab.withdraw_at = min(tab.withdraw_at, self.now)
        self._emit_withdrawal(plan_id, payer, caller, tab)

    def _emit_withdrawal(self, plan_id: int, payer: bytes, actor: bytes, tab: Tab) -> None:
        self.emit("WithdrawalSet", planId=plan_id, payer=payer, actor=actor, withdrawAt=tab.withdraw_at)

    def withdraw(self, caller: bytes, plan_id: int, to: bytes) -> None:
        """Take out what is unsettled."""
        tab = self.m.state.escrow.tabs[plan_id, caller]
        ready = tab.withdraw_at != 0 and self.now >= tab.withdraw_at
        if not ready and not self._is_ended(plan_id):
            refuse("UsageEscrow_NotReady")
        units = tab.balance
        if units == 0:
            refuse("UsageEscrow_NothingToWithdraw")
        if to == self.address:
            refuse("UsageEscrow_BadRecipient")
        if is_soulbound(plan_id) and to != caller:
            refuse("UsageEscrow_Soulbound")
        tab.balance = tab.withdraw_at = 0
        tab.withdrawn += units
        self.emit("Withdrawn", planId=plan_id, payer=caller, to=to, units=units, balance=0)
        self.m.access.safe_transfer_from(self.address, self.address, to, plan_id, units, b"")

    def set_tab_options(self, caller: bytes, plan_id: int, vouchers: bool, daily_limit: int) -> None:
        """Vouchers and a daily limit, while the tab is empty."""
        tab = self.m.state.escrow.tabs[plan_id, caller]
        if tab.balance:
            refuse("UsageEscrow_BalanceNotZero")
        if daily_limit > UINT32_MAX:
            refuse("UsageEscrow_LimitTooHigh")
        tab.vouchers, tab.daily_limit = vouchers, daily_limit
        self.emit("TabOptionsSet", planId=plan_id, payer=caller, vouchers=vouchers, dailyLimit=daily_limit)

    def set_withdrawal_delay(self, caller: bytes, duration: int) -> None:
        """How long a withdrawal waits."""
        self.require_governance(caller)
        settings = self.m.site.settings
        if not settings.min_delay <= duration <= settings.max_delay:
            refuse("UsageEscrow_DelayOutOfBounds")
        self.m.state.escrow.delay = duration
        self.emit("ParameterSet", name=b"withdrawalDelay".ljust(32, b"\0"), value=duration)

    def spendable(self, plan_id: int, payer: bytes) -> int:
        """Credits that give access."""
        tab = self.m.state.escrow.tabs[plan_id, payer]
        return 0 if tab.withdraw_at else tab.balance

    def _is_ended(self, plan_id: int) -> bool:
        retired = self.m.registry.retired_at(plan_id >> 20)
        return retired != 0 and self.now > retired + self.m.state.escrow.delay


def _voucher_reason(plan_id: int, entry: Entry) -> int:
    voucher = entry.voucher
    if voucher is None:
        return VOUCHER_MISSING
    if voucher.covered < entry.cumulative:
        return VOUCHER_TOO_SMALL
    good = voucher.signer == voucher.payer == entry.payer and voucher.plan_id == plan_id
    return NONE if good else VOUCHER_INVALID
