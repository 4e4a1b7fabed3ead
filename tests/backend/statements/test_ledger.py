"""Lines of an account from events

entries_of
├── given a purchase for another: it should be a gift of the payer's, and the receiver's at what it cost
├── given units that came by a transfer: their basis should be unknown, and their gain blank
├── given a batch of several tokens: each should have its line
├── given a deposit and a withdrawal of one's own: there should be no line
├── given a claim: its parts should add up to it, whatever was owed before
├── given a transfer of EMP inside a lock: the lock should be the only line
└── given a dispute's end: what comes back of the claim's bond should be a transfer, more than it income, what
    is lost an expense; what the service's owner of then won should be income, what was slashed an expense
lines_of
├── given no price: the value should be blank and counted
└── given a price: halves should be rounded up
read_time, period_of: dates, times with and without a zone, unix seconds; anything else is refused
"""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import MalformedRequest
from backend.core.units import keccak
from backend.statements.entries import Asset, Category, Event, Market, PlanTerms
from backend.statements.ledger import entries_of, lines_of
from backend.statements.periods import Period, period_of, read_time
from backend.statements.ports import Price
from backend.statements.valuation import plain, value_nearest

ME, OTHER, NOBODY = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "00" * 20
ESCROW, VAULT, MARKET = "0x" + "e0" * 20, "0x" + "e1" * 20, "0x" + "e2" * 20
CONTRACTS: Final = {ESCROW: "UsageEscrow", VAULT: "StakingVault", MARKET: "TokenMarket"}
PLAN: Final = 1_048_578
HERE: Final = Market({PLAN: PlanTerms(0, 5)}, {1: 0}, CONTRACTS, emp=1)
DECIMALS: Final = {0: 6, 1: 18}


class Told:
    """Events in order; those of one transaction share its number."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def say(self, contract: str, name: str, block: int = 1, **args: Any) -> None:
        spelled = {
            noun: str(value) if type(value) is int else value
            for noun, value in ((noun.rstrip("_"), value) for noun, value in args.items())
        }
        at = len(self.events)
        tx = keccak(str(block).encode())
        self.events.append(Event(contract, name, block, at, block * 100, tx, spelled))

    def move(self, sender: str, receiver: str, units: int, block: int = 1) -> None:
        self.say("AccessToken", "TransferSingle", block, from_=sender, to=receiver, id=PLAN, value=units)

    def buy(self, payer: str, recipient: str, units: int, block: int = 1) -> None:
        self.say(
            "AccessToken",
            "Bought",
            block,
            planId=PLAN,
            payer=payer,
            recipient=recipient,
            units=units,
            cost=5 * units,
        )


def told(told: Told, account: str = ME, given: list[Event] | None = None) -> list[tuple[Any, ...]]:
    """(kind, category, held, cash) of every line."""
    entries = entries_of(told.events, given or [], account, HERE)
    return [(entry.kind, entry.category, entry.held, entry.cash) for entry in entries]


class TestEntries:
    def test_makes_a_purchase_for_another_a_gift(self) -> None:
        chain = Told()
        chain.buy(ME, OTHER, 3)
        chain.move(NOBODY, OTHER, 3)
        assert told(chain) == [("purchase for another", Category.GIFT, 0, -15)]
        assert told(chain, OTHER) == [("units received", Category.GIFT, 3, 0)]

    def test_knows_no_basis_of_what_came_by_transfer(self) -> None:
        chain = Told()
        chain.move(OTHER, ME, 2)
        chain.say("AccessToken", "Refunded", 2, planId=PLAN, holder=ME, to=ME, units=2, amount=10)
        chain.move(ME, NOBODY, 2, 2)
        received, refund = lines_of(entries_of(chain.events, [], ME, HERE), {}, DECIMALS, "fifo")
        assert (received.entry.kind, received.entry.counterparty) == ("received", OTHER)
        assert (refund.entry.cash, refund.gain, refund.basis and refund.basis.cost.money) == (10, None, None)

    def test_has_a_line_for_each_token_of_a_batch(self) -> None:
        chain = Told()
        chain.say("AccessToken", "TransferBatch", from_=OTHER, to=ME, ids=["2", "6"], values=["3", "4"])
        entries = entries_of(chain.events, [], ME, HERE)
        assert [(entry.asset, entry.held) for entry in entries] == [
            (Asset("plan", 2), 3),
            (Asset("plan", 6), 4),
        ]

    def test_has_no_line_for_ones_own_tab(self) -> None:
        chain = Told()
        chain.move(ME, ESCROW, 4)
        chain.say("UsageEscrow", "Deposited", planId=PLAN, payer=ME, units=4, balance=4)
        chain.say("UsageEscrow", "Withdrawn", 2, planId=PLAN, payer=ME, to=ME, units=4, balance=0)
        chain.move(ESCROW, ME, 4, 2)
        assert told(chain) == []

    def test_gives_away_what_is_withdrawn_to_another(self) -> None:
        chain = Told()
        chain.say("UsageEscrow", "Withdrawn", planId=PLAN, payer=ME, to=OTHER, units=4, balance=0)
        chain.move(ESCROW, OTHER, 4)
        assert told(chain) == [("sent", Category.TRANSFER, -4, 0)]
        assert told(chain, OTHER) == [("received", Category.TRANSFER, 4, 0)]

    def test_explains_money_that_a_lock_moves(self) -> None:
        chain = Told()
        chain.say("StakingVault", "Locked", owner=ME, index=0, amount=9, score=9, end=5, totalScore=9)
        chain.say("EmporionToken", "Transfer", from_=ME, to=VAULT, value=9)
        chain.say("EmporionToken", "Transfer", 2, from_=ME, to=OTHER, value=4)
        assert told(chain) == [("lock", Category.TRANSFER, 0, -9), ("sent", Category.TRANSFER, 0, -4)]

    def test_passes_over_events_that_only_mention(self) -> None:
        chain = Told()
        chain.say("AccessToken", "ApprovalForAll", account=ME, operator=OTHER, approved=True)
        chain.say("AccessToken", "Consumed", planId=PLAN, holder=ESCROW, units=3, supply=0)
        assert told(chain) == []


COURT: Final = "0x" + "e3" * 20


def ruling(outcome: str, slashed: int, claimant: int, provider: int) -> tuple[Told, list[Event]]:
    """A dispute of mine with a bond of 10 about service 7 of another; its end is told apart."""
    chain, end = Told(), Told()
    chain.say("DisputeCourt", "DisputeOpened", 2, disputeId=1, serviceId=7, claimant=ME, bond=10)
    chain.say("EmporionToken", "Transfer", 2, from_=ME, to=COURT, value=10)
    chain.say("ServiceRegistry", "Transfer", 1, from_=NOBODY, to=OTHER, tokenId=7)
    end.say(
        "DisputeCourt",
        "DisputeResolved",
        9,
        disputeId=1,
        serviceId=7,
        outcome=outcome,
        slashed=slashed,
        toClaimant=claimant,
        toProvider=provider,
        burned=0,
    )
    for to, value in ((ME, claimant), (OTHER, provider)):
        if value:
            chain.say("EmporionToken", "Transfer", 9, from_=COURT, to=to, value=value)
    return chain, end.events


class TestRulings:
    @pytest.mark.parametrize(
        ("end", "mine", "others"),
        [
            (
                ("upheld", 30, 25, 0),
                [
                    ("dispute bond returned", Category.TRANSFER, 10, 10),
                    ("dispute award", Category.INCOME, 15, 15),
                ],
                [("bond slashed", Category.EXPENSE, 0, 30)],
            ),
            (
                ("rejected", 0, 0, 5),
                [("dispute bond lost", Category.EXPENSE, 0, 10)],
                [("dispute won", Category.INCOME, 5, 5)],
            ),
            (
                ("no quorum", 0, 9, 0),
                [
                    ("dispute bond returned", Category.TRANSFER, 9, 9),
                    ("dispute bond lost", Category.EXPENSE, 0, 1),
                ],
                [],
            ),
        ],
    )
    def test_say_what_the_end_of_a_dispute_means(
        self, end: tuple[str, int, int, int], mine: list[Any], others: list[Any]
    ) -> None:
        chain, resolved = ruling(*end)
        for account, wanted in ((ME, mine), (OTHER, others)):
            lines = entries_of(chain.events, [], account, HERE, resolved)
            told = [(one.kind, one.category, one.cash, one.amount) for one in lines if one.event.block == 9]
            assert told == wanted

    def test_pass_over_who_sold_the_service_before(self) -> None:
        chain, resolved = ruling("upheld", 30, 25, 0)
        chain.say("ServiceRegistry", "Transfer", 5, from_=OTHER, to="0x" + "33" * 20, tokenId=7)
        lines = entries_of(chain.events, [], OTHER, HERE, resolved)
        assert [line for line in lines if line.event.block == 9] == []


@st.composite
def distributions(draw: st.DrawFn) -> list[tuple[str, int]]:
    names = st.sampled_from(["Released", "UpstreamPaid", "gift", "royalty", "claim"])
    return draw(st.lists(st.tuples(names, st.integers(1, 10**7)), min_size=1, max_size=30))


class TestClaims:
    @given(steps=distributions(), shares=st.integers(1, 1_000_000))
    def test_add_up_whatever_was_owed_before(self, steps: list[tuple[str, int]], shares: int) -> None:
        chain, given_out, owed, claimed, count = Told(), Told(), 0, 0, 1
        chain.say("RevenueShares", "TransferSingle", 1, from_=OTHER, to=ME, id=7, value=shares)
        for name, amount in [*steps, ("claim", 0)]:
            count += 1
            if name == "claim":
                paid, owed = divmod(owed, 1_000_000)
                claimed += paid
                if paid:
                    chain.say(
                        "RevenueShares",
                        "Claimed",
                        count,
                        account=ME,
                        serviceId=7,
                        currency=0,
                        amount=paid,
                        owed=owed,
                    )
                continue
            owed += shares * amount
            distribute(given_out, name, amount, count)
        entries = entries_of(chain.events, given_out.events, ME, HERE)
        parts = [entry for entry in entries if entry.asset.kind == "currency"]
        assert sum(entry.cash for entry in parts) == claimed
        assert all(entry.cash > 0 for entry in parts)
        came = {name for name, _ in steps}
        kinds = {entry.kind for entry in parts}
        assert kinds <= {"revenue", "royalty", "distribution received"}
        if "gift" not in came:
            assert "distribution received" not in kinds


def distribute(told: Told, name: str, amount: int, block: int) -> None:
    if name == "UpstreamPaid":
        told.say("RevenueShares", name, block, upstreamId=7, serviceId=8, currency=0, amount=amount, total=0)
    elif name == "Released":
        told.say("RevenueShares", name, block, serviceId=7, planId=PLAN, currency=0, amount=amount, total=0)
    else:
        sender = MARKET if name == "royalty" else OTHER
        told.say("RevenueShares", "Distributed", block, serviceId=7, from_=sender, currency=0, amount=amount)


class TestLines:
    def test_leaves_a_value_blank_without_a_price(self) -> None:
        chain = Told()
        chain.buy(ME, ME, 3)
        chain.move(NOBODY, ME, 3)
        (line,) = lines_of(entries_of(chain.events, [], ME, HERE), {}, DECIMALS, "fifo")
        assert (line.value, line.price_missing) == (None, True)

    def test_values_at_the_time_of_the_block(self) -> None:
        chain = Told()
        chain.buy(ME, ME, 3)
        chain.move(NOBODY, ME, 3)
        entries = entries_of(chain.events, [], ME, HERE)
        (line,) = lines_of(entries, {(0, 100): Price(2 * 10**8, 8)}, DECIMALS, "fifo")
        assert (line.value, line.price_missing) == (3_000, False)

    def test_needs_no_price_for_nothing(self) -> None:
        chain = Told()
        chain.say("AccessToken", "Bought", planId=PLAN, payer=ME, recipient=ME, units=1, cost=0)
        chain.move(NOBODY, ME, 1)
        (line,) = lines_of(entries_of(chain.events, [], ME, HERE), {}, DECIMALS, "fifo")
        assert (line.value, line.price_missing) == (0, False)


class TestValues:
    def test_round_halves_up(self) -> None:
        assert value_nearest(1, 9, Price(5, 0)) == 1
        assert value_nearest(1, 9, Price(4, 0)) == 0

    def test_are_written_exactly(self) -> None:
        assert [plain(*one) for one in ((0, 6), (-1_500_000, 6), (10**18 + 1, 18), (7, 0))] == [
            "0",
            "-1.5",
            "1.000000000000000001",
            "7",
        ]


class TestPeriods:
    @pytest.mark.parametrize(
        "text", ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00", "1769817600"]
    )
    def test_reads_times(self, text: str) -> None:
        assert read_time(text) == 1_769_817_600

    @pytest.mark.parametrize(
        "text", ["", "yesterday", "-5", "99999999999999", "0001-01-01T00:00:00+23:59", "٣"]
    )
    def test_refuses_what_is_no_time(self, text: str) -> None:
        with pytest.raises(MalformedRequest):
            read_time(text)

    def test_refuses_an_empty_period(self) -> None:
        with pytest.raises(MalformedRequest):
            period_of("2026-02-01", "2026-02-01")
        assert period_of(None, None) == Period()
