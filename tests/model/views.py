"""What every view of the contracts should answer, said by the model: (contract, function, arguments, values).

Values are flat: the fields of a struct one after another, addresses and booleans as integers.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, product
from typing import Any

from tests.model.multi_token import MultiToken
from tests.model.protocol import Model
from tests.model.records import METERED, NOBODY, Position

View = tuple[str, str, tuple[Any, ...], tuple[int, ...]]


def all_views(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    """Every view, for every service, plan, currency and listing there is and for these accounts."""
    everybody = [*accounts, *m.site.contracts.values()]
    yield from _money(m, everybody)
    yield from _registry(m, accounts)
    yield from _access(m, accounts)
    yield from _units(m.access, list(m.state.access.plans), everybody, accounts)
    yield from _escrow(m, accounts)
    yield from _shares(m, accounts)
    yield from _units(m.shares, list(m.state.registry.services), everybody, accounts)
    yield from _vault(m, accounts)
    yield from _market(m)


def flat(*values: int | bool | bytes) -> tuple[int, ...]:
    """Values as words hold them."""
    return tuple(int.from_bytes(value, "big") if isinstance(value, bytes) else int(value) for value in values)


def _money(m: Model, everybody: Sequence[bytes]) -> Iterator[View]:
    emp = m.money.address
    for account in everybody:
        yield "EmporionToken", "balanceOf", (account,), (m.money.balance(emp, account),)


def _registry(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    name, book = m.registry.NAME, m.state.registry
    yield name, "serviceCount", (), (len(book.services),)
    yield name, "minBond", (), (book.min_bond,)
    yield name, "unbondCooldown", (), (book.cooldown,)
    for number, s in book.services.items():
        yield name, "ownerOf", (number,), flat(s.owner)
        yield name, "statusOf", (number,), (s.status, s.retired_at)
        yield name, "retiredAtOf", (number,), (s.retired_at,)
        yield name, "lastSaleOf", (number,), (s.last_sale,)
        yield name, "saleState", (number,), flat(s.owner, m.registry.is_selling(number))
        yield name, "serviceOf", (number,), flat(
            s.bond, s.unbonding, s.kind, s.status, s.last_sale, s.meter, s.previous_meter_until,
            s.retired_at, s.previous_meter, s.unbond_requested_at, s.challenge_until, s.challenger,
            s.challenge_deposit, s.open_disputes, s.underbonded_since, s.content_hash,
        )  # fmt: skip
        for key in accounts:
            allowed = m.registry.is_meter(number, key)
            yield name, "isMeter", (number, key), flat(allowed)
            yield name, "settlementState", (number, key), flat(allowed, s.retired_at)


def _access(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    name, book = m.access.NAME, m.state.access
    yield name, "feeBps", (), (book.fee_bps,)
    yield name, "currencyCount", (), (len(book.currencies),)
    for index, line in enumerate(book.currencies):
        yield name, "currencyOf", (index,), flat(line.token, line.open)
    for plan_id, plan in book.plans.items():
        yield name, "planState", (plan_id,), (plan.supply, plan.sold, int(plan.open), plan.fee_bps)
        yield name, "backingOf", (plan_id,), (m.access.backing(plan_id),)
        yield name, "termsOf", (plan_id,), flat(*plan.terms.values())
        yield (
            name,
            "royaltyInfo",
            (plan_id, 12_345),
            flat(m.shares.address, m.access.royalty(plan_id, 12_345)),
        )
        for account in accounts:
            record = book.accounts[plan_id, account]
            values = (record.access_until, record.last_paid_use, record.bought)
            yield name, "accountOf", (plan_id, account), values
            yield name, "accessOf", (plan_id, account), m.access.access_of(plan_id, account)


def _units(
    token: MultiToken, ids: Sequence[int], everybody: Sequence[bytes], accounts: Sequence[bytes]
) -> Iterator[View]:
    for token_id, account in product(ids, everybody):
        yield token.NAME, "balanceOf", (account, token_id), (token.balance(account, token_id),)
    for owner, operator in product(accounts, (token.m.escrow.address, token.m.market.address)):
        yield token.NAME, "isApprovedForAll", (owner, operator), flat(token.is_approved(owner, operator))


def _escrow(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    name = m.escrow.NAME
    yield name, "withdrawalDelay", (), (m.state.escrow.delay,)
    metered = [plan_id for plan_id in m.state.access.plans if plan_id & 3 == METERED]
    for plan_id, payer in product(metered, accounts):
        t = m.state.escrow.tabs[plan_id, payer]
        values = (t.balance, t.settled, t.withdraw_at, t.vouchers, t.daily_limit, t.spent, t.day)
        yield name, "tabOf", (plan_id, payer), flat(*values)
        yield name, "spendableOf", (plan_id, payer), (m.escrow.spendable(plan_id, payer),)


def _shares(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    name, book = m.shares.NAME, m.state.shares
    yield name, "treasury", (), flat(book.treasury)
    for currency in range(len(m.state.access.currencies)):
        yield name, "fees", (currency,), (book.fees[currency],)
        for number in m.state.registry.services:
            yield name, "distributed", (number, currency), (book.distributed[number, currency],)
            for account in accounts:
                record = book.accounts[account, number, currency]
                key = (account, number, currency)
                yield name, "accountOf", key, (record.owed, record.checkpoint)
                yield name, "claimable", key, (m.shares.owed(*key) // 10**6,)
    for number, upstreams in book.upstreams.items():
        values = chain.from_iterable(upstreams)
        yield name, "upstreamsOf", (number,), (32, len(upstreams), *values)


def _vault(m: Model, accounts: Sequence[bytes]) -> Iterator[View]:
    name, book, past = m.vault.NAME, m.state.vault, m.now - 1
    yield name, "totalScore", (), (book.total_score,)
    yield name, "totalLocked", (), (book.total_locked,)
    yield name, "getPastTotalSupply", (past,), (book.supply.at(past),)
    for currency in range(len(m.state.access.currencies)):
        yield name, "streaming", (currency,), flat(m.vault.is_streaming(currency))
        for account in accounts:
            yield name, "claimable", (account, currency), (m.vault.claimable(account, currency),)
    for account in accounts:
        yield name, "scoreOf", (account,), (book.scores[account],)
        yield name, "positionCount", (account,), (book.made[account],)
        yield name, "delegates", (account,), flat(book.delegates.get(account, NOBODY))
        yield name, "getVotes", (account,), (book.votes[account].now,)
        yield name, "getPastVotes", (account, past), (book.votes[account].at(past),)
        for index in range(book.made[account] + 1):
            p = book.positions.get((account, index), Position())
            yield name, "positionOf", (account, index), (p.amount, p.score, p.end)


def _market(m: Model) -> Iterator[View]:
    yield m.market.NAME, "listingCount", (), (len(m.state.listings),)
    for number, offer in m.state.listings.items():
        values: tuple[int, ...] = (0,) * 7
        if offer.open:
            values = flat(
                offer.seller, offer.expiry, offer.currency, offer.token, offer.unit_price, offer.token_id,
                offer.units,
            )  # fmt: skip
        yield m.market.NAME, "listingOf", (number,), values
