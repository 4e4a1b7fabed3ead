"""The rows an indexer should have, said by the model: the same oracle for contracts and indexer.

A row that holds nothing but defaults may be there or not.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from backend.db.tables import chain
from indexer.shapes import PROJECTED
from tests.model.protocol import Model
from tests.model.records import NOBODY

Table = type[Any]
Row = tuple[tuple[Any, ...], dict[str, Any]]
"""A row's key without the chain id, and its other columns."""


def _currencies(m: Model) -> Iterator[Row]:
    for index, line in enumerate(m.state.access.currencies):
        yield (index,), {"token": line.token, "open": line.open}


def _services(m: Model) -> Iterator[Row]:
    for number, s in m.state.registry.services.items():
        same = {
            name: getattr(s, name)
            for name in (
                "owner", "kind", "status", "meter", "previous_meter_until", "uri", "content_hash", "bond",
                "unbonding", "unbond_requested_at", "retired_at", "underbonded_since", "challenge_until",
                "challenge_deposit", "open_disputes", "created_at",
            )
        }  # fmt: skip
        absent = {"previous_meter": s.previous_meter, "challenger": s.challenger}
        yield (number,), same | {k: None if v == NOBODY else v for k, v in absent.items()}


def _upstreams(m: Model) -> Iterator[Row]:
    for number, upstreams in m.state.shares.upstreams.items():
        for upstream, bps in upstreams:
            yield (number, upstream), {"bps": bps}


def _plans(m: Model) -> Iterator[Row]:
    names = {
        "kind": "kind", "transferable": "transferable", "refundable": "refundable", "measure": "measure",
        "currency": "currency", "royaltyBps": "royalty_bps", "unitPrice": "unit_price", "period": "period",
        "supplyCap": "supply_cap", "accountCap": "account_cap", "saleStart": "sale_start",
        "earlySeconds": "early_seconds", "earlyScore": "early_score", "limitsHash": "limits_hash",
        "perRequest": "per_request", "perUnitIn": "per_unit_in", "perUnitOut": "per_unit_out",
    }  # fmt: skip
    for plan_id, p in m.state.access.plans.items():
        terms = {names[name]: value for name, value in p.terms.items()}
        counters = {
            "service_id": plan_id >> 20, "fee_bps": p.fee_bps, "sale_open": p.open, "supply": p.supply,
            "sold": p.sold, "revenue": p.released, "refunded": p.refunded, "paid": p.paid,
            "last_sale_at": p.last_sale, "created_at": p.created_at,
        }  # fmt: skip
        yield (plan_id,), terms | counters


def _units(contract: str) -> Callable[[Model], Iterator[Row]]:
    def rows(m: Model) -> Iterator[Row]:
        for (name, token_id, account), units in m.state.units.items():
            if name == contract and account != NOBODY:
                yield (token_id, account), {"units": units}

    return rows


def _access(m: Model) -> Iterator[Row]:
    for key, record in m.state.access.accounts.items():
        yield key, {"access_until": record.access_until, "bought": record.bought}


def _tabs(m: Model) -> Iterator[Row]:
    for key, t in m.state.escrow.tabs.items():
        numbers = {"balance": t.balance, "settled": t.settled, "spent": t.spent, "day": t.day}
        options = {"withdraw_at": t.withdraw_at, "vouchers": t.vouchers, "daily_limit": t.daily_limit}
        yield key, numbers | options


def _share_revenue(m: Model) -> Iterator[Row]:
    for key, total in m.state.shares.distributed.items():
        yield key, {"distributed": total, "released": m.state.shares.released[key]}


def _share_accounts(m: Model) -> Iterator[Row]:
    for (account, number, currency), r in m.state.shares.accounts.items():
        columns = {"owed": r.owed, "checkpoint": r.checkpoint, "claimed": r.claimed}
        yield (number, currency, account), columns


def _fee_pools(m: Model) -> Iterator[Row]:
    for currency, fees in m.state.shares.fees.items():
        yield (currency,), {"pending": fees, "flushed": m.state.shares.flushed[currency]}


def _positions(m: Model) -> Iterator[Row]:
    for key, p in m.state.vault.positions.items():
        yield key, {"amount": p.amount, "score": p.score, "end": p.end}


def _vaults(m: Model) -> Iterator[Row]:
    book = m.state.vault
    totals = {"total_score": book.total_score, "total_locked": book.total_locked}
    yield (), totals | {"updated_at": book.updated_at, "idle": book.idle}


def _stakers(m: Model) -> Iterator[Row]:
    for owner, score in m.state.vault.scores.items():
        yield (owner,), {"score": score}


def _streams(m: Model) -> Iterator[Row]:
    for currency, s in m.state.vault.streams.items():
        left = {"pending": s.pending, "seconds_left": s.left}
        yield (currency,), left | {"index": s.index, "stream_end": s.end, "streamed": s.streamed}


def _rewards(m: Model) -> Iterator[Row]:
    for key, r in m.state.vault.rewards.items():
        yield key, {"owed": r.owed, "index": r.index, "claimed": r.claimed}


def _listings(m: Model) -> Iterator[Row]:
    for number, offer in m.state.listings.items():
        names = ("seller", "token", "token_id", "units", "unit_price", "currency", "expiry", "open")
        yield (number,), {name: getattr(offer, name) for name in (*names, "created_at")}


def _emp(m: Model) -> Iterator[Row]:
    for (token, account), amount in m.state.money.items():
        if token == m.money.address:
            yield (token, account), {"amount": amount}


TABLES: Final[Mapping[Table, Callable[[Model], Iterator[Row]]]] = {
    chain.Currency: _currencies,
    chain.Service: _services,
    chain.Upstream: _upstreams,
    chain.Plan: _plans,
    chain.Holding: _units("AccessToken"),
    chain.Access: _access,
    chain.Tab: _tabs,
    chain.Share: _units("RevenueShares"),
    chain.ShareRevenue: _share_revenue,
    chain.ShareAccount: _share_accounts,
    chain.FeePool: _fee_pools,
    chain.Position: _positions,
    chain.Vault: _vaults,
    chain.Staker: _stakers,
    chain.RewardStream: _streams,
    chain.StakerReward: _rewards,
    chain.Listing: _listings,
    chain.TokenBalance: _emp,
}
"""Every projected table; rows hold every column that is state, none that places an event in a block."""


def unlike_model(
    m: Model, found: Mapping[Table, Mapping[tuple[Any, ...], Mapping[str, Any]]]
) -> Iterator[str]:
    """Columns of rows, by table and key, that are not what the model says; rows too many or missing."""
    for table, say in TABLES.items():
        shape, said = PROJECTED[table], dict(say(m))
        for key in found[table].keys() | said.keys():
            row = found[table].get(key, shape.fresh(1, key))
            expected = said.get(key, {name: shape.blank[name] for name in shape.value_columns})
            wrong = {name: (row[name], value) for name, value in expected.items() if row[name] != value}
            if wrong:
                yield f"{shape.name} {key}: (row, model) {wrong}"
