"""`RevenueShares`: fractional ownership and what it earns, in millionths of a base unit."""

from collections.abc import Sequence

from tests.model.multi_token import MultiToken
from tests.model.records import BPS, NOBODY, SHARES
from tests.model.refusal import refuse

MAX_UPSTREAMS, MAX_UPSTREAM_BPS, MAX_CURRENCIES = 4, 5_000, 8
MAX_TOTAL = 2**108 - 1


class SharesModel(MultiToken):
    """The shares; the money of all services gathers here."""

    NAME = "RevenueShares"

    def create(self, number: int, provider: bytes, upstreams: Sequence[tuple[int, int]]) -> None:
        """The shares of a new service."""
        if len(upstreams) > MAX_UPSTREAMS:
            refuse("RevenueShares_TooManyUpstreams")
        last = 0
        for upstream, bps in upstreams:
            if not last < upstream < number:
                refuse("RevenueShares_UpstreamOrder")
            if bps == 0:
                refuse("RevenueShares_ZeroUpstream")
            last = upstream
        if sum(bps for _, bps in upstreams) > MAX_UPSTREAM_BPS:
            refuse("RevenueShares_UpstreamsTooHigh")
        self.m.state.shares.upstreams[number] = list(upstreams)
        if upstreams:
            listed = [{"serviceId": upstream, "bps": bps} for upstream, bps in upstreams]
            self.emit("UpstreamsSet", serviceId=number, upstreams=listed)
        self.mint_units(self.m.registry.address, provider, number, SHARES, None)

    def release(self, plan_id: int, currency: int, gross: int, fee_bps: int) -> None:
        """Split the money of consumed units: floors for fee and upstreams, the rest for the service."""
        book, number = self.m.state.shares, plan_id >> 20
        fee = gross * fee_bps // BPS
        book.fees[currency] += fee
        passed_on = self._pay_upstreams(number, currency, gross)
        amount = gross - fee - passed_on
        self._credit(number, currency, amount)
        book.released[number, currency] += amount
        plan = self.m.state.access.plans[plan_id]
        plan.released += gross
        plan.fees += fee
        plan.upstream += passed_on
        plan.earned += amount
        self.emit(
            "Released", serviceId=number, planId=plan_id, currency=currency, gross=gross, fee=fee,
            amount=amount, total=book.distributed[number, currency], fees=book.fees[currency],
        )  # fmt: skip

    def _pay_upstreams(self, number: int, currency: int, gross: int) -> int:
        book, paid = self.m.state.shares, 0
        for upstream, bps in book.upstreams[number]:
            amount = gross * bps // BPS
            if amount == 0 or book.distributed[upstream, currency] + amount > MAX_TOTAL:
                continue
            paid += amount
            self._credit(upstream, currency, amount)
            book.released[upstream, currency] += amount
            self.emit(
                "UpstreamPaid", upstreamId=upstream, serviceId=number, currency=currency, amount=amount,
                total=book.distributed[upstream, currency],
            )  # fmt: skip
        return paid

    def _credit(self, number: int, currency: int, amount: int) -> None:
        book = self.m.state.shares
        if amount and book.distributed[number, currency] + amount > MAX_TOTAL:
            refuse("RevenueShares_TotalTooLarge")
        book.distributed[number, currency] += amount

    def distribute(self, caller: bytes, number: int, currency: int, amount: int) -> None:
        """A gift or a royalty."""
        book = self.m.state.shares
        if number not in book.upstreams:
            refuse("RevenueShares_UnknownService")
        if amount == 0:
            refuse("RevenueShares_ZeroAmount")
        token = self.m.access.token_of(currency)
        self.m.money.move(token, caller, self.address, amount)
        self._credit(number, currency, amount)
        total = book.distributed[number, currency]
        self.emit(
            "Distributed", serviceId=number, from_=caller, currency=currency, amount=amount, total=total
        )

    def claim(self, caller: bytes, numbers: Sequence[int], currencies: Sequence[int], to: bytes) -> None:
        """Pay the caller what its shares earned."""
        if len(numbers) != len(currencies):
            refuse("RevenueShares_LengthMismatch")
        if to == NOBODY:
            refuse("RevenueShares_ZeroAddress")
        due = dict.fromkeys(range(MAX_CURRENCIES), 0)
        for number, currency in zip(numbers, currencies, strict=True):
            if currency >= MAX_CURRENCIES:
                refuse("RevenueShares_UnknownCurrency")
            due[currency] += self._take(caller, number, currency)
        for currency in currencies:
            amount, due[currency] = due[currency], 0
            if amount:
                self.m.money.move(self.m.access.token_of(currency), self.address, to, amount)

    def _take(self, account: bytes, number: int, currency: int) -> int:
        amount, owed = divmod(self.owed(account, number, currency), SHARES)
        if amount == 0:
            return 0
        record = self.m.state.shares.accounts[account, number, currency]
        record.owed, record.checkpoint = owed, self.m.state.shares.distributed[number, currency]
        record.claimed += amount
        self.emit("Claimed", account=account, serviceId=number, currency=currency, amount=amount, owed=owed)
        return amount

    def flush_fees(self, caller: bytes, currency: int) -> None:
        """Fees to the stakers, or to the treasury where nobody stakes."""
        book = self.m.state.shares
        amount, staked = book.fees[currency], self.m.state.vault.total_score > 0
        if amount == 0:
            refuse("RevenueShares_NoFees")
        to = self.m.vault.address if staked else book.treasury
        book.fees[currency] = 0
        book.flushed[currency] += amount
        self.emit("FeesFlushed", currency=currency, to=to, amount=amount)
        self.m.money.move(self.m.access.token_of(currency), self.address, to, amount)
        if staked:
            self.m.vault.stream(self.address, currency, amount)

    def set_treasury(self, caller: bytes, account: bytes) -> None:
        """Who gets fees while nobody stakes."""
        self.require_governance(caller)
        if account == NOBODY:
            refuse("RevenueShares_ZeroAddress")
        self.m.state.shares.treasury = account
        self.emit("TreasurySet", treasury=account)

    def owed(self, account: bytes, number: int, currency: int) -> int:
        """Millionths of a base unit an account is owed now."""
        record = self.m.state.shares.accounts[account, number, currency]
        fresh = self.m.state.shares.distributed[number, currency] - record.checkpoint
        return record.owed + self.balance(account, number) * fresh

    def update(
        self, caller: bytes, sender: bytes, to: bytes, token_ids: Sequence[int], values: Sequence[int]
    ) -> None:
        """What accrued before shares move stays with whoever held them."""
        for number in token_ids if sender != NOBODY else ():
            for account in (sender, to):
                self._accrue(account, number)
        super().update(caller, sender, to, token_ids, values)

    def _accrue(self, account: bytes, number: int) -> None:
        for currency in range(MAX_CURRENCIES):
            total = self.m.state.shares.distributed[number, currency]
            if total:
                record = self.m.state.shares.accounts[account, number, currency]
                record.owed, record.checkpoint = self.owed(account, number, currency), total
