"""What an event means to one account: a reader for each kind of event that has lines. Pure.

Buying swaps money for units (a transfer); using them is the expense, at what they are worth; giving them
back or selling them disposes of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from backend.statements.entries import Asset, Category, Entry, Event, Market, of_money

Reader = Callable[[Event, str, Market], list[Entry]]
"""(event, the account's 0x address in lower case, market) -> its lines."""


def _plan(event: Event) -> Asset:
    return Asset("plan", event.number("planId"))


def _worth(event: Event, market: Market) -> tuple[int, int]:
    """Currency and worth of an event's units at their plan's price."""
    terms = market.plans[event.number("planId")]
    return terms.currency, event.number("units") * terms.unit_price


def bought(event: Event, account: str, market: Market) -> list[Entry]:
    """Units for money. For somebody else they are a gift, at what the giver paid."""
    payer, recipient = event.args["payer"], event.args["recipient"]
    units, cost = event.number("units"), event.number("cost")
    currency = market.plans[event.number("planId")].currency
    own = payer == recipient
    found = []
    if payer == account:
        found.append(
            Entry(
                event,
                "purchase" if own else "purchase for another",
                Category.TRANSFER if own else Category.GIFT,
                _plan(event),
                units,
                held=units if own else 0,
                currency=currency,
                amount=cost,
                cash=-cost,
                counterparty=None if own else recipient,
            )
        )
    if recipient == account and not own:
        gift = Entry(event, "units received", Category.GIFT, _plan(event), units, units, currency, cost)
        found.append(replace(gift, counterparty=payer))
    return found


def _used(event: Event, market: Market, category: Category, counterparty: str | None = None) -> Entry:
    currency, worth = _worth(event, market)
    units = event.number("units")
    kind = "use" if category is Category.EXPENSE else "use for another"
    return Entry(
        event, kind, category, _plan(event), units, -units, currency, worth, counterparty=counterparty
    )


def activated(event: Event, account: str, market: Market) -> list[Entry]:
    """Units became time, of the holder or of whom it is given to."""
    holder, beneficiary = event.args["holder"], event.args["beneficiary"]
    if holder == account:
        if beneficiary == account:
            return [_used(event, market, Category.EXPENSE)]
        return [_used(event, market, Category.GIFT, beneficiary)]
    if beneficiary != account:
        return []
    currency, worth = _worth(event, market)
    units = event.number("units")
    gift = Entry(event, "access received", Category.GIFT, _plan(event), units, 0, currency, worth)
    return [replace(gift, counterparty=holder)]


def consumed(event: Event, account: str, market: Market) -> list[Entry]:
    """Credits burnt by their holder. What the escrow burns was used by its payers: see `settled`."""
    return [_used(event, market, Category.EXPENSE)] if event.args["holder"] == account else []


def settled(event: Event, account: str, market: Market) -> list[Entry]:
    """Deposited credits used up."""
    if event.args["payer"] != account or event.number("units") == 0:
        return []
    return [_used(event, market, Category.EXPENSE)]


def refunded(event: Event, account: str, market: Market) -> list[Entry]:
    """Units given back for their price, which may go to somebody else."""
    holder, to = event.args["holder"], event.args["to"]
    units, amount = event.number("units"), event.number("amount")
    currency = market.plans[event.number("planId")].currency
    if holder == account:
        cash = amount if to == account else 0
        entry = Entry(event, "refund", Category.DISPOSAL, _plan(event), units, -units, currency, amount, cash)
        return [entry if to == account else replace(entry, counterparty=to)]
    if to == account and amount:
        return [of_money(event, "refund received", Category.GIFT, currency, amount, counterparty=holder)]
    return []


def filled(event: Event, account: str, market: Market) -> list[Entry]:
    """A resale: the buyer pays, the seller gets it less the royalty."""
    buyer, seller = event.args["buyer"], event.args["seller"]
    name = market.contracts.get(event.args["token"], "")
    asset = Asset("shares" if name == "RevenueShares" else "plan", event.number("id"))
    units, cost = event.number("units"), event.number("cost")
    currency = market.listings[event.number("listingId")]
    if buyer == account:
        return [
            Entry(
                event, "resale bought", Category.TRANSFER, asset, units, units, currency, cost, -cost, seller
            )
        ]
    if seller == account:
        got = cost - event.number("royalty")
        return [Entry(event, "resale", Category.DISPOSAL, asset, units, -units, currency, got, got, buyer)]
    return []


def distributed(event: Event, account: str, market: Market) -> list[Entry]:
    """Money given to all holders of a service's shares."""
    if event.args["from"] != account:
        return []
    cash = -event.number("amount")
    return [of_money(event, "distribution", Category.GIFT, event.number("currency"), cash)]


def fees_flushed(event: Event, account: str, market: Market) -> list[Entry]:
    """Protocol fees, to the treasury while nobody stakes."""
    if event.args["to"] != account:
        return []
    return [of_money(event, "fees", Category.INCOME, event.number("currency"), event.number("amount"))]


def locked(event: Event, account: str, market: Market) -> list[Entry]:
    """EMP into the vault."""
    if event.args["owner"] != account:
        return []
    amount = event.number("amount" if event.name == "Locked" else "added")
    return [of_money(event, "lock", Category.TRANSFER, market.emp, -amount)]


def unlocked(event: Event, account: str, market: Market) -> list[Entry]:
    """EMP out of the vault, to its owner or to whom the owner named."""
    owner, to, amount = event.args["owner"], event.args["to"], event.number("amount")
    found = []
    if owner == account:
        found.append(of_money(event, "unlock", Category.TRANSFER, market.emp, amount, moved=to == account))
    elif to == account:
        found.append(
            of_money(event, "unlock received", Category.GIFT, market.emp, amount, counterparty=owner)
        )
    return found


def rewards_claimed(event: Event, account: str, market: Market) -> list[Entry]:
    """Staking rewards, paid out or locked again at once (then a lock stands beside it)."""
    owner, to = event.args["owner"], event.args["to"]
    currency, amount = event.number("currency"), event.number("amount")
    if owner == account:
        moved = to == account or bool(event.args["compounded"])
        return [of_money(event, "staking reward", Category.REWARD, currency, amount, moved=moved)]
    if to == account:
        return [of_money(event, "reward received", Category.GIFT, currency, amount, counterparty=owner)]
    return []


def rewards_streamed(event: Event, account: str, market: Market) -> list[Entry]:
    """Money given to the stakers."""
    if event.args["from"] != account:
        return []
    cash = -event.number("amount")
    return [of_money(event, "reward stream", Category.GIFT, event.number("currency"), cash)]


def registered(event: Event, account: str, market: Market) -> list[Entry]:
    """A service began; its bond is locked."""
    if event.args["provider"] != account:
        return []
    service = Asset("service", event.number("serviceId"))
    found = [Entry(event, "service registered", Category.TRANSFER, service, 1, 1, basis="zero")]
    if bond := event.number("bond"):
        found.append(of_money(event, "bond", Category.TRANSFER, market.emp, -bond))
    return found


def _emp(party: str, noun: str, kind: str, category: Category, sign: int) -> Reader:
    """A reader of EMP that a party brings (-1) or gets (+1)."""

    def read(event: Event, account: str, market: Market) -> list[Entry]:
        if event.args[party] != account or not event.number(noun):
            return []
        return [of_money(event, kind, category, market.emp, sign * event.number(noun))]

    return read


def challenge_ended(event: Event, account: str, market: Market) -> list[Entry]:
    """The deposit of a challenge: won by who answered, else back to who challenged."""
    if event.args["to"] != account:
        return []
    answered = bool(event.args["answered"])
    kind = "challenge won" if answered else "challenge deposit returned"
    category = Category.INCOME if answered else Category.TRANSFER
    return [of_money(event, kind, category, market.emp, event.number("deposit"))]


READERS: Final[Mapping[tuple[str, str], Reader]] = {
    ("AccessToken", "Bought"): bought,
    ("AccessToken", "Activated"): activated,
    ("AccessToken", "Consumed"): consumed,
    ("AccessToken", "Refunded"): refunded,
    ("UsageEscrow", "Settled"): settled,
    ("TokenMarket", "Filled"): filled,
    ("RevenueShares", "Distributed"): distributed,
    ("RevenueShares", "FeesFlushed"): fees_flushed,
    ("StakingVault", "Locked"): locked,
    ("StakingVault", "Increased"): locked,
    ("StakingVault", "Unlocked"): unlocked,
    ("StakingVault", "RewardsClaimed"): rewards_claimed,
    ("StakingVault", "RewardsStreamed"): rewards_streamed,
    ("ServiceRegistry", "ServiceRegistered"): registered,
    ("ServiceRegistry", "BondAdded"): _emp("from", "amount", "bond", Category.TRANSFER, -1),
    ("ServiceRegistry", "Unbonded"): _emp("to", "amount", "bond returned", Category.TRANSFER, 1),
    ("ServiceRegistry", "Challenged"): _emp(
        "challenger", "deposit", "challenge deposit", Category.TRANSFER, -1
    ),
    ("ServiceRegistry", "ChallengeEnded"): challenge_ended,
    ("DisputeCourt", "DisputeOpened"): _emp("claimant", "bond", "dispute bond", Category.TRANSFER, -1),
    ("EmporionDistributor", "AirdropClaimed"): _emp("account", "amount", "airdrop", Category.INCOME, 1),
    ("EmporionDistributor", "VestingReleased"): _emp("beneficiary", "amount", "vesting", Category.INCOME, 1),
}
