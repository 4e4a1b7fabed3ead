"""What buyers, meters, traders and holders of shares may do next."""

from collections.abc import Callable
from typing import Final

from tests.model.order import Order
from tests.model.play import Call, Scene
from tests.model.records import (
    ACTIVATE,
    DEPOSIT,
    HOLD,
    HOUR,
    MAX_UNITS,
    METERED,
    PASS,
    SHARES,
    TIMED,
    Authorization,
    Entry,
    Tab,
    Voucher,
)
from tests.model.refusal import UINT256_MAX

ACCESS, ESCROW, SHARE, MARKET = "AccessToken", "UsageEscrow", "RevenueShares", "TokenMarket"


def order(s: Scene) -> Order:
    """A purchase that mostly succeeds."""
    plan_id, payer = s.plan(), s.somebody()
    plan = s.model.state.access.plans.get(plan_id)
    cap, price = (plan.terms["supplyCap"] or MAX_UNITS, plan.price) if plan else (1, 1)
    left = cap - plan.sold if plan else 1
    units = s.amount(min(left, 20) or 1) if s.chance.number(0, 4) else s.amount(left or 1)
    fitting = {TIMED: [HOLD, ACTIVATE], METERED: [HOLD, DEPOSIT, DEPOSIT]}.get(plan_id & 3, [HOLD])
    then = s.chance.one([HOLD, ACTIVATE, DEPOSIT] if s.seldom() else fitting)
    recipient = s.receiver(payer)
    cost = units * price if units < 2**128 else UINT256_MAX
    most = s.chance.one([max(cost - 1, 0), 0, cost]) if s.seldom() else s.chance.one([cost, cost + 1])
    deadline = s.model.now + (s.chance.one([-1, 0, 0]) if s.seldom() else HOUR)
    return Order(plan_id, units, payer, recipient, min(most, UINT256_MAX), deadline, then)


def buy(s: Scene) -> Call:
    """With an allowance."""
    o = order(s)
    arguments = (o.plan_id, o.units, o.recipient, o.max_cost, o.deadline, o.then)
    if s.seldom():
        return Call(ACCESS, "buyWithPermit", o.payer, (*arguments, 27, bytes(32), bytes(32)))
    return Call(ACCESS, "buy", o.payer, arguments)


def buy_with_authorization(s: Scene) -> Call:
    """By a relayer."""
    o, salt = order(s), bytes([s.chance.number(0, 3)]) * 32
    authorization = Authorization(s.mostly(o.payer), salt, not s.seldom())
    return Call(ACCESS, "buyWithAuthorization", s.somebody(), (o, authorization))


def spend(s: Scene) -> Call:
    """Units are activated, consumed or refunded by their holder."""
    function = s.chance.one(["activate", "consume", "refund"])
    plan_id = s.plan(
        *{"activate": [TIMED], "consume": [METERED], "refund": [TIMED, METERED, METERED, PASS]}[function]
    )
    holder = s.holder(ACCESS, plan_id)
    units = s.amount(s.model.access.balance(holder, plan_id))
    if function == "consume":
        return Call(ACCESS, function, holder, (plan_id, units))
    return Call(ACCESS, function, holder, (plan_id, units, s.receiver(holder)))


def give_units(s: Scene) -> Call:
    """Units go to somebody, alone or with others."""
    plan_id = s.plan()
    holder = s.holder(ACCESS, plan_id)
    units = s.amount(s.model.access.balance(holder, plan_id))
    to = s.chance.one([s.receiver(s.somebody()), s.model.escrow.address, s.somebody()])
    owner = s.mostly(holder)
    if s.chance.number(0, 2) < 2:
        return Call(ACCESS, "safeTransferFrom", holder, (owner, to, plan_id, units, b""))
    other = s.plan()
    plans = s.chance.one([[plan_id, other], [plan_id, plan_id], [plan_id], []])
    each = [units // 2, s.amount(s.model.access.balance(holder, other))][: len(plans)]
    arguments = (owner, to, plans, [0] if s.seldom() else each, b"")
    return Call(ACCESS, "safeBatchTransferFrom", holder, arguments)


def approve(s: Scene) -> Call:
    """Somebody lets the escrow or the market move its units, mostly."""
    operator = s.receiver(s.chance.one([s.model.escrow.address, s.model.market.address]))
    arguments = (operator, not s.seldom())
    return Call(s.chance.one([ACCESS, SHARE]), "setApprovalForAll", s.somebody(), arguments)


def deposit(s: Scene) -> Call:
    """Credits go to a tab."""
    plan_id = s.plan(METERED)
    holder = s.holder(ACCESS, plan_id)
    return Call(ESCROW, "deposit", holder, (plan_id, s.amount(s.model.access.balance(holder, plan_id))))


def settle(s: Scene) -> Call:
    """A meter settles some lines."""
    plan_id = s.plan(METERED)
    entries = [_entry(s, plan_id) for _ in range(s.chance.number(1, 3))]
    return Call(ESCROW, "settle", s.meter_of(plan_id >> 20), (plan_id, entries))


def _entry(s: Scene, plan_id: int) -> Entry:
    tabs = s.model.state.escrow.tabs
    payers = [payer for (plan, payer), tab in tabs.items() if plan == plan_id and tab.balance]
    payer = s.mostly(s.chance.one(payers)) if payers else s.somebody()
    tab = tabs.get((plan_id, payer), Tab())
    most = min(tab.balance, tab.daily_limit or tab.balance)
    cumulative = min(tab.settled + s.amount(most), UINT256_MAX)
    voucher = None
    if tab.vouchers != s.seldom():
        covered = (
            s.chance.one([cumulative - 1 if cumulative else 0, UINT256_MAX]) if s.seldom() else cumulative
        )
        said = s.plan(METERED) if s.seldom() else plan_id
        voucher = Voucher(covered, s.mostly(payer), said, s.mostly(payer))
    return Entry(payer, cumulative, bytes([s.chance.number(0, 255)]) * 32, voucher)


def withdrawal(s: Scene) -> Call:
    """A payer asks, changes its mind, takes out; or its meter hurries."""
    tabs = s.model.state.escrow.tabs
    known = [key for key, tab in tabs.items() if tab.balance or tab.withdraw_at]
    plan_id, payer = s.chance.one(known) if known else (s.plan(METERED), s.somebody())
    asked = tabs[plan_id, payer].withdraw_at if known else 0
    function = s.chance.one(["withdraw", "withdraw", "close", "cancelWithdrawal"]) if asked else (
        "requestWithdrawal"
    )  # fmt: skip
    if s.seldom():
        function = s.chance.one(["requestWithdrawal", "cancelWithdrawal", "withdraw", "close"])
    if function == "close":
        return Call(ESCROW, function, s.meter_of(plan_id >> 20), (plan_id, payer))
    arguments = (plan_id, s.receiver(payer)) if function == "withdraw" else (plan_id,)
    return Call(ESCROW, function, s.mostly(payer), arguments)


def set_tab_options(s: Scene) -> Call:
    """Vouchers and limits."""
    limit = s.chance.one([0, 1, 5, 100, 2**32 - 1, 2**32])
    plan_id, payer = s.plan(METERED), s.somebody()
    for owner in s.accounts:  # options change while a tab is empty only: find one that is
        if not s.seldom() and s.model.state.escrow.tabs.get((plan_id, payer), Tab()).balance:
            payer = owner
    return Call(ESCROW, "setTabOptions", payer, (plan_id, s.chance.one([True, False]), limit))


def give_shares(s: Scene) -> Call:
    """Shares go to somebody."""
    number = s.service()
    holder = s.holder(SHARE, number)
    amount, to = s.amount(s.model.shares.balance(holder, number)), s.receiver(s.somebody())
    if s.chance.number(0, 2) < 2:
        return Call(SHARE, "safeTransferFrom", holder, (s.mostly(holder), to, number, amount, b""))
    numbers = s.chance.one([[number, number], [number, s.service()]])
    return Call(SHARE, "safeBatchTransferFrom", holder, (holder, to, numbers, [amount // 2, amount % 2], b""))


def distribute(s: Scene) -> Call:
    """A gift to the holders of a service."""
    arguments = (s.service(), s.currency(), s.amount(s.chance.one([3, SHARES - 1, 10**9])))
    return Call(SHARE, "distribute", s.somebody(), arguments)


def claim_shares(s: Scene) -> Call:
    """A holder's revenue."""
    number = s.service()
    holder = s.holder(SHARE, number)
    pairs = [(number, s.currency()) for _ in range(s.chance.number(1, 3))] + [(s.service(), s.currency())]
    numbers, currencies = [n for n, _ in pairs], [c for _, c in pairs]
    if s.seldom():
        currencies.pop()
    return Call(SHARE, "claim", holder, (numbers, currencies, s.receiver(holder)))


def flush_fees(s: Scene) -> Call:
    """Fees leave for the vault."""
    return Call(SHARE, "flushFees", s.somebody(), (s.currency(),))


def offer(s: Scene) -> Call:
    """An offer of units or shares."""
    of_shares = s.chance.one([True, False])
    token_id = s.service() if of_shares else s.plan()
    token = s.model.shares if of_shares else s.model.access
    seller = s.holder(token.NAME, token_id)
    price = s.chance.one([1, 7, 10**6, 0 if s.seldom() else 3, 2**96 if s.seldom() else 2])
    expiry = s.model.now + s.chance.one([0, 1, 700 * HOUR, 700 * HOUR, 2**40 if s.seldom() else 30 * HOUR])
    units = s.amount(token.balance(seller, token_id) or 1)
    place = s.model.vault.address if s.seldom() else token.address
    return Call(MARKET, "list", seller, (place, token_id, units, price, s.currency(), expiry))


def fill(s: Scene) -> Call:
    """Somebody buys of an offer."""
    offers = s.model.state.listings
    number = (
        s.chance.one([*offers, len(offers) + 1]) if s.seldom() or not offers else s.chance.one(list(offers))
    )
    found = offers.get(number)
    units = s.amount(min(found.units, 10) or 1 if found else 1)
    cost = units * found.unit_price if found else 0
    most = max(cost - 1, 0) if s.seldom() else cost
    arguments = (number, units, min(most, UINT256_MAX), s.model.now + (-1 if s.seldom() else 0))
    return Call(MARKET, "fill", s.somebody(), arguments)


def cancel(s: Scene) -> Call:
    """A seller takes an offer back."""
    offers = s.model.state.listings
    number = s.chance.number(1, len(offers) + 1)
    seller = offers[number].seller if number in offers else s.somebody()
    return Call(MARKET, "cancel", s.mostly(seller), (number,))


BUYERS: Final[tuple[Callable[[Scene], Call], ...]] = (
    buy, buy, buy, buy, buy_with_authorization, spend, spend, give_units, approve, deposit, settle, settle,
    settle, withdrawal, withdrawal, set_tab_options, give_shares, distribute, claim_shares, claim_shares,
    flush_fees, offer, fill, fill, cancel,
)  # fmt: skip
