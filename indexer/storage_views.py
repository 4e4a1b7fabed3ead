"""How each projected row is read from the contracts: by a view call, or a slot where there is no view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.chain.bindings import Contracts
from backend.chain.client import Call
from backend.chain.contract import Read
from backend.chain.storage import bits_of, slot_of
from backend.core.units import ZERO_ADDRESS, hex_of
from backend.db.tables import chain
from indexer.shapes import Model, Row

VAULT: Final = "StakingVault"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a node, and how its answer reads as columns of the row."""

    call: Callable[[str], Call]
    """Method and parameters, given the block."""
    read: Callable[[bytes], Mapping[str, Any]]


def called(view: Read, read: Callable[[Any], Mapping[str, Any]]) -> Probe:
    """A probe by `eth_call`."""
    request = {"to": hex_of(view.to), "data": hex_of(view.data)}
    return Probe(lambda block: ("eth_call", (request, block)), lambda answer: read(view.decode(answer)))


def _stored(address: bytes, slot: int, read: Callable[[int], Mapping[str, Any]]) -> Probe:
    """A probe by `eth_getStorageAt`."""
    place = (hex_of(address), hex(slot))
    return Probe(
        lambda block: ("eth_getStorageAt", (*place, block)),
        lambda answer: read(int.from_bytes(answer, "big")),
    )


def _service(c: Contracts, row: Row) -> list[Probe]:
    number = row["service_id"]
    return [
        called(c.registry.view("serviceOf", number), _service_columns),
        called(c.registry.view("ownerOf", number), lambda owner: {"owner": owner}),
        called(c.registry.view("tokenURI", number), lambda uri: {"uri": uri}),
    ]


def _service_columns(service: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {
        "kind": "kind",
        "status": "status",
        "meter": "meter",
        "previous_meter_until": "previousMeterUntil",
        "retired_at": "retiredAt",
        "bond": "bond",
        "unbonding": "unbonding",
        "unbond_requested_at": "unbondRequestedAt",
        "underbonded_since": "underbondedSince",
        "challenge_until": "challengeUntil",
        "challenge_deposit": "challengeDeposit",
        "open_disputes": "openDisputes",
        "content_hash": "contentHash",
    }
    found = {column: service[name] for column, name in names.items()}
    for column, name in (("previous_meter", "previousMeter"), ("challenger", "challenger")):
        found[column] = None if service[name] == ZERO_ADDRESS else service[name]
    return found


def _upstream(c: Contracts, row: Row) -> list[Probe]:
    def bps(upstreams: list[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"bps": {u["serviceId"]: u["bps"] for u in upstreams}.get(row["upstream_id"])}

    return [called(c.shares.view("upstreamsOf", row["service_id"]), bps)]


def _plan(c: Contracts, row: Row) -> list[Probe]:
    return [
        called(c.access.view("termsOf", row["plan_id"]), _terms_columns),
        called(
            c.access.view("planState", row["plan_id"]),
            lambda state: dict(zip(("supply", "sold", "sale_open", "fee_bps"), state, strict=True)),
        ),
    ]


def _terms_columns(terms: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "kind": terms["kind"],
        "transferable": terms["transferable"],
        "refundable": terms["refundable"],
        "measure": terms["measure"],
        "currency": terms["currency"],
        "royalty_bps": terms["royaltyBps"],
        "unit_price": terms["unitPrice"],
        "period": terms["period"],
        "supply_cap": terms["supplyCap"],
        "account_cap": terms["accountCap"],
        "sale_start": terms["saleStart"],
        "early_seconds": terms["earlySeconds"],
        "early_score": terms["earlyScore"],
        "limits_hash": terms["limitsHash"],
        "per_request": terms["perRequest"],
        "per_unit_in": terms["perUnitIn"],
        "per_unit_out": terms["perUnitOut"],
    }


def _holding(c: Contracts, row: Row) -> list[Probe]:
    return [
        called(c.access.view("balanceOf", row["account"], row["plan_id"]), lambda units: {"units": units})
    ]


def _access(c: Contracts, row: Row) -> list[Probe]:
    view = c.access.view("accountOf", row["plan_id"], row["account"])
    return [called(view, lambda found: {"access_until": found[0], "bought": found[2]})]


def _tab(c: Contracts, row: Row) -> list[Probe]:
    def columns(tab: Mapping[str, Any]) -> Mapping[str, Any]:
        same = {name: tab[name] for name in ("balance", "settled", "spent", "day")}
        limits = {"withdraw_at": tab["withdrawAt"], "daily_limit": tab["dailyLimit"]}
        return {**same, **limits, "vouchers": bool(tab["flags"] & 1)}

    return [called(c.escrow.view("tabOf", row["plan_id"], row["payer"]), columns)]


def _share(c: Contracts, row: Row) -> list[Probe]:
    view = c.shares.view("balanceOf", row["account"], row["service_id"])
    return [called(view, lambda units: {"units": units})]


def _share_revenue(c: Contracts, row: Row) -> list[Probe]:
    view = c.shares.view("distributed", row["service_id"], row["currency"])
    return [called(view, lambda total: {"distributed": total})]


def _share_account(c: Contracts, row: Row) -> list[Probe]:
    view = c.shares.view("accountOf", row["account"], row["service_id"], row["currency"])
    return [called(view, lambda found: {"owed": found[0], "checkpoint": found[1]})]


def _fee_pool(c: Contracts, row: Row) -> list[Probe]:
    return [called(c.shares.view("fees", row["currency"]), lambda fees: {"pending": fees})]


def _currency(c: Contracts, row: Row) -> list[Probe]:
    view = c.access.view("currencyOf", row["index"])
    return [called(view, lambda found: {"token": found[0], "open": found[1]})]


def _position(c: Contracts, row: Row) -> list[Probe]:
    view = c.vault.view("positionOf", row["owner"], row["index"])
    return [called(view, lambda position: {name: position[name] for name in ("amount", "score", "end")})]


def _vault(c: Contracts, row: Row) -> list[Probe]:
    def totals(word: int) -> Mapping[str, Any]:
        locked, updated = bits_of(word, 104, 96), bits_of(word, 200, 40)
        return {"total_score": bits_of(word, 0, 104), "total_locked": locked, "updated_at": updated}

    return [
        _stored(c.vault.address, slot_of(VAULT, "_totals"), totals),
        _stored(c.vault.address, slot_of(VAULT, "_clock"), lambda word: {"idle": bits_of(word, 0, 40)}),
    ]


def _staker(c: Contracts, row: Row) -> list[Probe]:
    return [called(c.vault.view("scoreOf", row["owner"]), lambda score: {"score": score})]


def _reward_stream(c: Contracts, row: Row) -> list[Probe]:
    def columns(word: int) -> Mapping[str, Any]:
        left = {"pending": bits_of(word, 148, 108), "seconds_left": bits_of(word, 128, 20)}
        return {"index": bits_of(word, 0, 128), **left}

    return [_stored(c.vault.address, slot_of(VAULT, "_streams", row["currency"]), columns)]


def _staker_reward(c: Contracts, row: Row) -> list[Probe]:
    def columns(word: int) -> Mapping[str, Any]:
        return {"index": bits_of(word, 0, 128), "owed": bits_of(word, 128, 128)}

    return [_stored(c.vault.address, slot_of(VAULT, "_rewards", row["owner"], row["currency"]), columns)]


def _listing(c: Contracts, row: Row) -> list[Probe]:
    def columns(found: Mapping[str, Any]) -> Mapping[str, Any]:
        if found["seller"] == ZERO_ADDRESS:  # cancelled or sold out: deleted
            return {"open": False}
        names = {"token_id": "id", "unit_price": "unitPrice"}
        same = {name: found[name] for name in ("seller", "token", "units", "currency", "expiry")}
        return {"open": True, **same, **{column: found[name] for column, name in names.items()}}

    return [called(c.market.view("listingOf", row["listing_id"]), columns)]


def _token_balance(c: Contracts, row: Row) -> list[Probe]:
    return [called(c.emp.view("balanceOf", row["account"]), lambda amount: {"amount": amount})]


PROBES: Final[Mapping[Model, Callable[[Contracts, Row], list[Probe]]]] = {
    chain.Currency: _currency,
    chain.Service: _service,
    chain.Upstream: _upstream,
    chain.Plan: _plan,
    chain.Holding: _holding,
    chain.Access: _access,
    chain.Tab: _tab,
    chain.Share: _share,
    chain.ShareRevenue: _share_revenue,
    chain.ShareAccount: _share_account,
    chain.FeePool: _fee_pool,
    chain.Position: _position,
    chain.Vault: _vault,
    chain.Staker: _staker,
    chain.RewardStream: _reward_stream,
    chain.StakerReward: _staker_reward,
    chain.Listing: _listing,
    chain.TokenBalance: _token_balance,
}
"""Every projected table."""
