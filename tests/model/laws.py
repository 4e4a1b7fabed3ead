"""The numbered laws of the protocol, each a function of the state before and after a transaction.

A law says what is broken, or nothing. Money and units that the model counts have been compared with the
bytecode's views before the laws are asked, so what they say holds for the contracts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.model.protocol import Model
from tests.model.records import NOBODY, SHARES
from tests.model.state import State


@dataclass(frozen=True, slots=True)
class Moment:
    """A transaction: who made it, when, the state before it; the state after it is the model's."""

    caller: bytes
    call: str
    """`Contract.function`."""
    now: int
    before: State
    model: Model
    signed: Mapping[tuple[int, bytes], int] = field(default_factory=dict)
    """Most that a payer's own voucher in this transaction covers, by (plan, payer)."""

    @property
    def after(self) -> State:
        """The state now."""
        return self.model.state


Law = Callable[[Moment], Iterator[str]]


def law_1_backing(at: Moment) -> Iterator[str]:
    """Backing is supply times price, and the supply counted is the sum of balances."""
    held: defaultdict[int, int] = defaultdict(int)
    for (contract, plan_id, _), units in at.after.units.items():
        if contract == "AccessToken":
            held[plan_id] += units
    for plan_id, plan in at.after.access.plans.items():
        if plan.supply != held[plan_id]:
            yield f"plan {plan_id} counts {plan.supply} units, accounts hold {held[plan_id]}"


def law_2_backed(at: Moment) -> Iterator[str]:
    """In every currency AccessToken holds at least the sum of the backings."""
    backing: defaultdict[int, int] = defaultdict(int)
    for plan_id, plan in at.after.access.plans.items():
        backing[plan.terms["currency"]] += at.model.access.backing(plan_id)
    for currency, amount in backing.items():
        held = at.model.money.balance(at.model.access.token_of(currency), at.model.access.address)
        if held < amount:
            yield f"currency {currency}: {held} held, {amount} backs units"


def law_3_tabs(at: Moment) -> Iterator[str]:
    """The escrow's units of a plan are the sum of its tabs' balances."""
    tabs: defaultdict[int, int] = defaultdict(int)
    for (plan_id, _), tab in at.after.escrow.tabs.items():
        tabs[plan_id] += tab.balance
    for plan_id in at.after.access.plans:
        held = at.model.access.balance(at.model.escrow.address, plan_id)
        if held != tabs[plan_id]:
            yield f"plan {plan_id}: the escrow holds {held}, tabs say {tabs[plan_id]}"


def law_4_settled(at: Moment) -> Iterator[str]:
    """A tab's settled total never falls, never passes the deposits, never rises faster than its limit."""
    for key, tab in at.after.escrow.tabs.items():
        old = at.before.escrow.tabs.get(key)
        if old and tab.settled < old.settled:
            yield f"tab {key}: settled fell from {old.settled} to {tab.settled}"
        if tab.settled + tab.balance + tab.withdrawn != tab.deposited:
            there = f"{tab.balance}+{tab.settled} are there"
            yield f"tab {key}: {tab.deposited} came, {tab.withdrawn} left, {there}"
        risen = tab.settled > (old.settled if old else 0)
        if risen and tab.daily_limit and tab.spent > tab.daily_limit:
            yield f"tab {key}: {tab.spent} settled today, the limit is {tab.daily_limit}"
        if risen and tab.vouchers and tab.settled > at.signed.get(key, 0):
            yield f"tab {key}: {tab.settled} settled, {at.signed.get(key, 0)} signed"


def law_5_shares(at: Moment) -> Iterator[str]:
    """Every service has 1,000,000 shares."""
    held: defaultdict[int, int] = defaultdict(int)
    for (contract, number, _), units in at.after.units.items():
        if contract == "RevenueShares":
            held[number] += units
    for number in at.after.registry.services:
        if held[number] != SHARES:
            yield f"service {number} has {held[number]} shares"


def law_6_owed(at: Moment) -> Iterator[str]:
    """Distributed is owed plus claimed, exactly, in millionths."""
    claimed, owed = _claimed(at), _owed(at)
    for key, total in at.after.shares.distributed.items():
        if total * SHARES != owed[key] + claimed[key] * SHARES:
            yield f"(service, currency) {key}: {total} distributed, {owed[key]} owed, {claimed[key]} claimed"


def law_7_claimable(at: Moment) -> Iterator[str]:
    """RevenueShares holds all that is claimable, and the fees not flushed."""
    due = dict(at.after.shares.fees)
    for (_, currency), millionths in _owed(at).items():
        due[currency] = due.get(currency, 0) + millionths // SHARES
    for currency, amount in due.items():
        if currency >= len(at.after.access.currencies):
            continue
        held = at.model.money.balance(at.model.access.token_of(currency), at.model.shares.address)
        if held < amount:
            yield f"currency {currency}: {held} held, {amount} due"


def law_8_vault(at: Moment) -> Iterator[str]:
    """EMP covers locks and unpaid rewards; the scores add up to the total and to the votes."""
    book, vault = at.after.vault, at.model.vault
    scores = sum(position.score for position in book.positions.values())
    votes = sum(history.now for history in book.votes.values())
    if not scores == sum(book.scores.values()) == book.total_score == book.supply.now:
        yield f"positions {scores}, total {book.total_score}, votes' supply {book.supply.now}"
    if votes > book.total_score:
        yield f"delegates have {votes} of {book.total_score} votes"
    unpaid = 0 if book.emp_currency is None else book.streams[book.emp_currency].streamed - sum(
        reward.claimed for (_, currency), reward in book.rewards.items() if currency == book.emp_currency
    )  # fmt: skip
    held = at.model.money.balance(at.model.money.address, vault.address)
    if held < book.total_locked + unpaid:
        yield f"the vault holds {held} EMP, {book.total_locked} are locked and {unpaid} not paid"


def law_8_rewards(at: Moment) -> Iterator[str]:
    """What stakers can claim and what has not streamed is never more than what came and is not paid."""
    book = at.after.vault
    for currency, stream in book.streams.items():
        paid = sum(reward.claimed for (_, c), reward in book.rewards.items() if c == currency)
        owners = {owner for owner, _ in book.rewards} | set(book.scores)
        claimable = sum(at.model.vault.claimable(owner, currency) for owner in owners)
        if claimable + paid > stream.streamed:
            yield f"currency {currency}: {claimable} claimable and {paid} paid of {stream.streamed}"


def law_9_locks_and_bonds(at: Moment) -> Iterator[str]:
    """No lock leaves before its end; no bond leaves in its cooldown or with a dispute open."""
    for key, old in at.before.vault.positions.items():
        kept = at.after.vault.positions.get(key)
        if old.amount and at.now < old.end and (kept is None or kept.amount < old.amount):
            yield f"position {key} left before {old.end}"
    for number, service in at.before.registry.services.items():
        if at.after.registry.services[number].bond >= service.bond or at.call.endswith(".slash"):
            continue
        ready = max(service.unbond_requested_at, service.last_sale) + at.before.registry.cooldown
        if service.open_disputes or at.now < ready:
            yield f"bond of service {number} left: disputes {service.open_disputes}, ready {ready}"


def law_10_access(at: Moment) -> Iterator[str]:
    """Access never moves back."""
    for key, record in at.before.access.accounts.items():
        if at.after.access.accounts[key].access_until < record.access_until:
            yield f"access of {key} moved back"


def law_11_money(at: Moment) -> Iterator[str]:
    """Money in is backing, refunds and releases; a release is fee, upstreams and the service's part."""
    for plan_id, plan in at.after.access.plans.items():
        backing = at.model.access.backing(plan_id)
        if plan.paid != backing + plan.refunded + plan.released:
            yield f"plan {plan_id}: {plan.paid} in, {backing}+{plan.refunded}+{plan.released} out"
        if plan.released != plan.fees + plan.upstream + plan.earned:
            yield f"plan {plan_id}: {plan.released} released, {plan.fees}+{plan.upstream}+{plan.earned} split"


def law_12_strangers(at: Moment) -> Iterator[str]:
    """Who is not party to a position, tab, share or plan cannot take from it."""
    yield from _untouched_locks(at)
    yield from _untouched_units(at)
    for (plan_id, payer), old in at.before.escrow.tabs.items():
        if payer == at.caller or at.call in {"UsageEscrow.settle", "UsageEscrow.close"}:
            continue
        if at.after.escrow.tabs[plan_id, payer].balance < old.balance:
            yield f"tab {plan_id} of {payer.hex()} fell by {at.call} of {at.caller.hex()}"


def _untouched_locks(at: Moment) -> Iterator[str]:
    for (owner, index), old in at.before.vault.positions.items():
        kept = at.after.vault.positions.get((owner, index))
        if owner != at.caller and (kept is None or (kept.amount, kept.end) != (old.amount, old.end)):
            yield f"position {index} of {owner.hex()} changed by {at.caller.hex()}"
        if owner != at.caller and at.now < old.end and kept and kept.score < old.score:
            yield f"score of position {index} of {owner.hex()} fell by {at.caller.hex()}"


def _untouched_units(at: Moment) -> Iterator[str]:
    """A fill moves units of a seller who offered them; the escrow's go by settlement and withdrawal."""
    spared = {at.caller, NOBODY, at.model.escrow.address}
    for key, units in at.before.units.items():
        if key[2] in spared or at.call == "TokenMarket.fill":
            continue
        if at.after.units.get(key, 0) < units:
            yield f"units {key} fell by {at.call} of {at.caller.hex()}"


def law_13_market(at: Moment) -> Iterator[str]:
    """The market holds nothing."""
    market = at.model.market.address
    kept = [key for key, amount in at.after.money.items() if key[1] == market and amount]
    kept_units = [key for key, units in at.after.units.items() if key[2] == market and units]
    if kept or kept_units:
        yield f"the market keeps {kept} {kept_units}"


def _claimed(at: Moment) -> Mapping[tuple[int, int], int]:
    claimed: defaultdict[tuple[int, int], int] = defaultdict(int)
    for (_, number, currency), record in at.after.shares.accounts.items():
        claimed[number, currency] += record.claimed
    return claimed


def _owed(at: Moment) -> Mapping[tuple[int, int], int]:
    """Millionths owed by (service, currency), of whoever holds or held shares."""
    shares = at.model.shares
    holders = {(a, number) for (contract, number, a) in at.after.units if contract == shares.NAME}
    holders |= {(account, number) for account, number, _ in at.after.shares.accounts}
    owed: defaultdict[tuple[int, int], int] = defaultdict(int)
    for account, number in holders:
        for currency in range(len(at.after.access.currencies)):
            owed[number, currency] += shares.owed(account, number, currency)
    return owed


LAWS: Final[tuple[Law, ...]] = (
    law_1_backing,
    law_2_backed,
    law_3_tabs,
    law_4_settled,
    law_5_shares,
    law_6_owed,
    law_7_claimable,
    law_8_vault,
    law_8_rewards,
    law_9_locks_and_bonds,
    law_10_access,
    law_11_money,
    law_12_strangers,
    law_13_market,
)


def broken_laws(at: Moment) -> list[str]:
    """Every law that does not hold, by name."""
    return [f"{law.__name__}: {words}" for law in LAWS for words in law(at)]
