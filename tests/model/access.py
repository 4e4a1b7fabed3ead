"""`AccessToken`: plans, their sale, and what becomes of a unit."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.model.multi_token import MultiToken
from tests.model.order import Order, is_soulbound, require_payer, require_valid
from tests.model.records import (
    ACTIVATE,
    BPS,
    DAY,
    DEPOSIT,
    HOLD,
    MAX_UNITS,
    METERED,
    NOBODY,
    PASS,
    TIMED,
    Authorization,
    Currency,
    Plan,
)
from tests.model.refusal import cast, refuse

MAX_FEE_BPS, MAX_CURRENCIES, PAUSE = 1_000, 8, 30 * DAY


class AccessModel(MultiToken):
    """The plans' tokens; the money behind unconsumed units is here."""

    NAME = "AccessToken"

    def create_plan(self, caller: bytes, number: int, terms: Mapping[str, Any]) -> None:
        """A plan of the caller's service; its id follows from its place."""
        self._require_provider(caller, number)
        if self.m.registry.retired_at(number):
            refuse("AccessToken_ServiceRetired")
        self._require_open(terms["currency"])
        require_valid(terms)
        book = self.m.state.access
        index = book.plan_counts[number]
        book.plan_counts[number] += 1
        plan_id = number << 20 | index << 4 | terms["transferable"] << 2 | terms["kind"]
        book.plans[plan_id] = Plan(dict(terms), book.fee_bps, self.now)
        self.emit(
            "PlanCreated", planId=plan_id, serviceId=number, provider=caller, terms=dict(terms),
            feeBps=book.fee_bps,
        )  # fmt: skip

    def set_sale_open(self, caller: bytes, plan_id: int, open_: bool) -> None:
        """Open or close its sale."""
        self._require_provider(caller, plan_id >> 20)
        plan = self.m.state.access.plans.get(plan_id)
        if plan is None:
            refuse("AccessToken_UnknownPlan")
        plan.open = open_
        self.emit("SaleOpenSet", planId=plan_id, provider=caller, open=open_)

    # ------------------------------------------------------------------------------------------- purchase

    def buy(
        self,
        caller: bytes,
        plan_id: int,
        units: int,
        recipient: bytes,
        max_cost: int,
        deadline: int,
        then: int,
    ) -> None:
        """Buy with an allowance."""
        order = Order(plan_id, units, caller, recipient, max_cost, deadline, then)
        plan, cost, immediate = self._place(order)
        if cost:
            sink = self.m.shares.address if immediate else self.address
            self.m.money.move(self._token(plan), caller, sink, cost)
            if immediate:
                self.m.shares.release(plan_id, plan.terms["currency"], cost, plan.fee_bps)
        self._deliver(caller, order)

    def buy_with_permit(
        self,
        caller: bytes,
        plan_id: int,
        units: int,
        recipient: bytes,
        max_cost: int,
        deadline: int,
        then: int,
        *_signature: object,
    ) -> None:
        """Buy with a permit that is no good, which does not matter where there is an allowance."""
        self.buy(caller, plan_id, units, recipient, max_cost, deadline, then)

    def buy_with_authorization(self, caller: bytes, order: Order, authorization: Authorization) -> None:
        """Buy by an EIP-3009 authorization over the most it may cost; the rest goes back."""
        plan, cost, immediate = self._place(order)
        self._collect_authorized(plan, order, authorization)
        token = self._token(plan)
        if cost != order.max_cost:
            self.m.money.move(token, self.address, order.payer, order.max_cost - cost)
        if immediate:
            self._release(order.plan_id, plan, cost)
        self._deliver(caller, order)

    def _collect_authorized(self, plan: Plan, order: Order, authorization: Authorization) -> None:
        if self._token(plan) == self.m.money.address:
            refuse("")  # EMP has no such function: it reverts without a word
        if self.now >= order.deadline:
            refuse("TestDollar_Expired")
        if authorization.signer != order.payer or not authorization.matches:
            refuse("TestDollar_InvalidSignature")
        mark = (order, authorization.salt)
        if mark in self.m.state.access.used:
            refuse("TestDollar_AuthorizationUsed")
        self.m.state.access.used.add(mark)
        self.m.money.move(self._token(plan), order.payer, self.address, order.max_cost)

    def _deliver(self, caller: bytes, order: Order) -> None:
        if order.then == DEPOSIT:
            self.mint_units(caller, self.m.escrow.address, order.plan_id, order.units, order.payer)
        elif order.then == HOLD:
            self.mint_units(caller, order.recipient, order.plan_id, order.units, None)

    def _place(self, order: Order) -> tuple[Plan, int, bool]:
        plan = self._require_sale(order)
        if self.now < plan.terms["saleStart"]:
            self._require_early(plan, order.payer)
        cost = order.units * plan.price
        if cost > order.max_cost:
            refuse("AccessToken_CostAboveMaximum")
        immediate = order.then == ACTIVATE or order.plan_id & 3 == PASS
        if immediate and cost:
            self._note_paid_use(order.plan_id, order.payer)
        self._book(order, plan, cost)
        return plan, cost, immediate

    def _require_sale(self, order: Order) -> Plan:
        if self.now > order.deadline:
            refuse("AccessToken_Expired")
        if order.units == 0:
            refuse("AccessToken_ZeroUnits")
        if order.units > MAX_UNITS:
            refuse("AccessToken_CapTooHigh")
        plan = self.m.state.access.plans.get(order.plan_id)
        if plan is None or not plan.open:
            refuse("AccessToken_SaleClosed")
        if self.now < self._require_open(plan.terms["currency"]).paused_until:
            refuse("AccessToken_SalesPaused")
        if not self.m.registry.note_sale(order.plan_id >> 20):
            refuse("AccessToken_ServiceNotSelling")
        if order.then != HOLD and order.plan_id & 3 != (TIMED if order.then == ACTIVATE else METERED):
            refuse("AccessToken_WrongThen")
        if order.then != HOLD:
            require_payer(order)
        return plan

    def _require_early(self, plan: Plan, payer: bytes) -> None:
        if self.now < plan.terms["saleStart"] - plan.terms["earlySeconds"]:
            refuse("AccessToken_SaleNotStarted")
        if self.m.state.vault.scores[payer] < plan.terms["earlyScore"]:
            refuse("AccessToken_ScoreTooLow")

    def _book(self, order: Order, plan: Plan, cost: int) -> None:
        if order.units > (plan.terms["supplyCap"] or MAX_UNITS) - plan.sold:
            refuse("AccessToken_SupplyCapReached")
        plan.sold += order.units
        plan.supply += order.units if order.then != ACTIVATE else 0
        bought = self._count_bought(order, plan.terms["accountCap"])
        plan.paid += cost
        plan.last_sale = self.now
        self.emit(
            "Bought", planId=order.plan_id, payer=order.payer, recipient=order.recipient, units=order.units,
            cost=cost, then=order.then, supply=plan.supply, sold=plan.sold, bought=bought,
        )  # fmt: skip
        if order.then == ACTIVATE:
            self._extend(order.plan_id, order.payer, order.payer, order.units)

    def _count_bought(self, order: Order, cap: int) -> int:
        if cap == 0:
            return 0
        require_payer(order)
        record = self.m.state.access.accounts[order.plan_id, order.payer]
        if order.units > cap - record.bought:
            refuse("AccessToken_AccountCapReached")
        record.bought += order.units
        return record.bought

    # ------------------------------------------------------------------------------------------------ use

    def activate(self, caller: bytes, plan_id: int, units: int, beneficiary: bytes) -> None:
        """Burn units for time."""
        if units == 0:
            refuse("AccessToken_ZeroUnits")
        if beneficiary == NOBODY:
            refuse("AccessToken_ZeroAddress")
        self._require_kind(plan_id, TIMED)
        if is_soulbound(plan_id) and beneficiary != caller:
            refuse("AccessToken_Soulbound")
        if self.m.registry.retired_at(plan_id >> 20):
            refuse("AccessToken_ServiceRetired")
        plan = self._burn(caller, plan_id, units)
        if plan.price:
            self._note_paid_use(plan_id, caller)
        self._extend(plan_id, caller, beneficiary, units)
        self._release(plan_id, plan, units * plan.price)

    def consume(self, caller: bytes, plan_id: int, units: int) -> None:
        """Burn credits and release their money."""
        if units == 0:
            refuse("AccessToken_ZeroUnits")
        self._require_kind(plan_id, METERED)
        plan = self._burn(caller, plan_id, units)
        if caller != self.m.escrow.address and plan.price:
            self._note_paid_use(plan_id, caller)
        self.emit("Consumed", planId=plan_id, holder=caller, units=units, supply=plan.supply)
        self._release(plan_id, plan, units * plan.price)

    def refund(self, caller: bytes, plan_id: int, units: int, to: bytes) -> None:
        """Burn units and return their price."""
        if units == 0:
            refuse("AccessToken_ZeroUnits")
        if to == NOBODY:
            refuse("AccessToken_ZeroAddress")
        if plan_id & 3 == PASS:
            refuse("AccessToken_WrongKind")
        known = self.m.state.access.plans.get(plan_id)
        if not (known and known.terms["refundable"]) and self.m.registry.retired_at(plan_id >> 20) == 0:
            refuse("AccessToken_NotRefundable")
        plan = self._burn(caller, plan_id, units)
        plan.sold -= units
        amount = units * plan.price
        plan.refunded += amount
        self.emit(
            "Refunded", planId=plan_id, holder=caller, to=to, units=units, amount=amount, supply=plan.supply,
            sold=plan.sold,
        )  # fmt: skip
        if amount:
            self.m.money.move(self._token(plan), self.address, to, amount)

    # --------------------------------------------------------------------------- governance and guardian

    def add_currency(self, caller: bytes, token: bytes) -> None:
        """One more line of the table."""
        self.require_governance(caller)
        self.list_currency(token)

    def list_currency(self, token: bytes) -> None:
        """A line of the table, checked."""
        book = self.m.state.access
        if len(book.currencies) == MAX_CURRENCIES:
            refuse("AccessToken_CurrencyTableFull")
        if token not in self.m.site.code:
            refuse("AccessToken_CurrencyNotToken")
        if token in (line.token for line in book.currencies):
            refuse("AccessToken_CurrencyListed")
        book.currencies.append(Currency(token, paused_until=book.paused_until))
        self.emit("CurrencyAdded", index=len(book.currencies) - 1, token=token)

    def set_currency_open(self, caller: bytes, index: int, open_: bool) -> None:
        """Close or reopen a currency."""
        self.require_governance(caller)
        self._require_currency(index).open = open_
        self.emit("CurrencyOpenSet", index=index, open=open_)

    def set_fee_bps(self, caller: bytes, bps: int) -> None:
        """The fee of new plans."""
        self.require_governance(caller)
        if bps > MAX_FEE_BPS:
            refuse("AccessToken_FeeTooHigh")
        self.m.state.access.fee_bps = bps
        self.emit("ParameterSet", name=b"feeBps".ljust(32, b"\0"), value=bps)

    def pause_sales(self, caller: bytes) -> None:
        """30 days without sales."""
        self.require_guardian(caller)
        book = self.m.state.access
        if book.paused_until and self.now < book.paused_until + PAUSE:
            refuse("AccessToken_PauseTooSoon")
        book.paused_until = self.now + PAUSE
        for line in book.currencies:
            line.paused_until = book.paused_until
        self.emit("SalesPaused", guardian=caller, until=book.paused_until)

    # ---------------------------------------------------------------------------------------------- views

    def access_of(self, plan_id: int, account: bytes) -> tuple[int, int]:
        """The whole gate: units, and until when."""
        if plan_id & 3 == TIMED:
            return 0, self.m.state.access.accounts[plan_id, account].access_until
        if plan_id & 3 == METERED:
            return self.m.escrow.spendable(plan_id, account), 0
        return self.balance(account, plan_id), 0

    def backing(self, plan_id: int) -> int:
        """Law 1: supply times price, but for a Pass."""
        plan = self.m.state.access.plans[plan_id]
        return 0 if plan_id & 3 == PASS else plan.supply * plan.price

    def royalty(self, plan_id: int, price: int) -> int:
        """Royalty of a resale."""
        plan = self.m.state.access.plans.get(plan_id)
        return price * plan.terms["royaltyBps"] // BPS if plan else 0

    def token_of(self, index: int) -> bytes:
        """The ERC-20 of a currency."""
        return self._require_currency(index).token

    # -------------------------------------------------------------------------------------------- private

    def update(
        self, caller: bytes, sender: bytes, to: bytes, token_ids: Sequence[int], values: Sequence[int]
    ) -> None:
        """Soulbound units move to the escrow and back only."""
        if not {NOBODY, self.m.escrow.address} & {sender, to} and any(map(is_soulbound, token_ids)):
            refuse("AccessToken_Soulbound")
        super().update(caller, sender, to, token_ids, values)

    def _burn(self, caller: bytes, plan_id: int, units: int) -> Plan:
        self.update(caller, caller, NOBODY, [plan_id], [units])
        plan = self.m.state.access.plans[plan_id]
        plan.supply -= units
        return plan

    def _extend(self, plan_id: int, holder: bytes, beneficiary: bytes, units: int) -> None:
        plan, record = self.m.state.access.plans[plan_id], self.m.state.access.accounts[plan_id, beneficiary]
        record.access_until = cast(max(self.now, record.access_until) + units * plan.terms["period"], 40)
        self.emit(
            "Activated", planId=plan_id, holder=holder, beneficiary=beneficiary, units=units,
            accessUntil=record.access_until, supply=plan.supply,
        )  # fmt: skip

    def _release(self, plan_id: int, plan: Plan, gross: int) -> None:
        if gross:
            self.m.money.move(self._token(plan), self.address, self.m.shares.address, gross)
            self.m.shares.release(plan_id, plan.terms["currency"], gross, plan.fee_bps)

    def _note_paid_use(self, plan_id: int, account: bytes) -> None:
        self.m.state.access.accounts[plan_id, account].last_paid_use = self.now

    def _token(self, plan: Plan) -> bytes:
        return self.token_of(plan.terms["currency"])

    def _require_currency(self, index: int) -> Currency:
        table = self.m.state.access.currencies
        return table[index] if index < len(table) else refuse("AccessToken_UnknownCurrency")

    def _require_open(self, index: int) -> Currency:
        line = self._require_currency(index)
        return line if line.open else refuse("AccessToken_CurrencyClosed")

    def _require_provider(self, caller: bytes, number: int) -> None:
        service = self.m.state.registry.services.get(number)
        if service is None:
            refuse("ERC721NonexistentToken")
        if caller != service.owner:
            refuse("AccessToken_NotProvider")

    def _require_kind(self, plan_id: int, kind: int) -> None:
        if plan_id & 3 != kind:
            refuse("AccessToken_WrongKind")
