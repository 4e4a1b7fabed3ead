"""A small economy that emits what the contracts would: each event could follow from the ones before it.

Its state is kept for every block, so that a fork goes on from where it leaves the old branch. Amounts are
made up, conservation is not: nobody ever spends what they do not have.
"""

import copy
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from backend.core.units import PlanKind, Then, keccak, pack_plan_id
from tests.chain_double.chain import ChainDouble, Emitted, MinedBlock
from tests.chain_double.emitter import ADDRESSES, emit

ACCOUNTS = [keccak(b"account" + bytes([index]))[:20] for index in range(12)]
NOBODY = bytes(20)
ESCROW = ADDRESSES["UsageEscrow"]
CURRENCY = keccak(b"dollar")[:20]
SHARES = 1_000_000
STREAM_SECONDS = 600


@dataclass
class State:
    """What the contracts would store."""

    services: dict[int, bytes] = field(default_factory=dict)
    plans: dict[int, int] = field(default_factory=dict)
    supply: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    sold: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    units: dict[tuple[int, bytes], int] = field(default_factory=lambda: defaultdict(int))
    tabs: dict[tuple[int, bytes], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    until: dict[tuple[int, bytes], int] = field(default_factory=lambda: defaultdict(int))
    shares: dict[tuple[int, bytes], int] = field(default_factory=lambda: defaultdict(int))
    distributed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    owed: dict[tuple[int, bytes], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    fees: int = 0
    emp: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    positions: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)
    total_score: int = 0
    streaming_until: int = 0
    idle_since: int = 0
    idle: int = 0
    listings: dict[int, list[int]] = field(default_factory=dict)


class Market:
    """Mines blocks of random, possible events on a chain double."""

    def __init__(self, chain: ChainDouble) -> None:
        self.chain = chain
        self.random = random.Random(chain.random.random())
        self.states: dict[bytes, State] = {chain.tip.hash: State()}
        self.acts: list[Callable[[State, int], list[Emitted]]] = [
            self._register, self._plan, self._buy, self._buy, self._buy, self._activate, self._deposit,
            self._settle, self._settle, self._give, self._give_shares, self._distribute, self._claim,
            self._send_emp, self._lock, self._expire, self._stream, self._list, self._fill, self._refund,
        ]  # fmt: skip

    @property
    def state(self) -> State:
        return self.states[self.chain.tip.hash]

    def mine(self, acts: int) -> MinedBlock:
        """Mine a block in which so many things are tried."""
        state = copy.deepcopy(self.state)
        timestamp = self.chain.tip.timestamp + self.chain.block_seconds
        logs: list[Emitted] = []
        if not state.emp:
            logs += self._genesis(state)
        for _ in range(acts):
            logs += self.random.choice(self.acts)(state, timestamp)
        block = self.chain.mine(logs)
        self.states[block.hash] = state
        return block

    def mine_blocks(self, count: int, most_acts: int = 4) -> None:
        """Mine blocks; about a third of them without any log of ours."""
        for _ in range(count):
            self.mine(self.random.choice([0, *range(1, most_acts + 1)]))

    def fork(self, depth: int, length: int, most_acts: int = 4) -> None:
        """Replace the highest blocks by others."""
        self.chain.fall_back(depth)
        self.mine_blocks(length, most_acts)

    def _genesis(self, state: State) -> list[Emitted]:
        logs = [emit("AccessToken", "CurrencyAdded", index=0, token=CURRENCY)]
        for account in ACCOUNTS:
            state.emp[account] = 10**24
            logs.append(emit("EmporionToken", "Transfer", from_=NOBODY, to=account, value=10**24))
        return logs

    def _account(self) -> bytes:
        return self.random.choice(ACCOUNTS)

    def _register(self, state: State, now: int) -> list[Emitted]:
        service, provider = len(state.services) + 1, self._account()
        state.services[service] = provider
        state.shares[service, provider] = SHARES
        upstreams = [{"serviceId": 1, "bps": 500}] if service > 2 else []
        mint = {"operator": ADDRESSES["ServiceRegistry"], "from_": NOBODY, "to": provider}
        return [
            emit("RevenueShares", "TransferSingle", **mint, id=service, value=SHARES),
            emit("ServiceRegistry", "Transfer", from_=NOBODY, to=provider, tokenId=service),
            emit(
                "ServiceRegistry", "ServiceRegistered", serviceId=service, provider=provider, meter=provider,
                kind=service % 4, uri=f"data:,{service}", contentHash=keccak(b"%d" % service),
                upstreams=upstreams, bond=10**21,
            ),
        ]  # fmt: skip

    def _plan(self, state: State, now: int) -> list[Emitted]:
        if not state.services:
            return []
        service = self.random.choice(list(state.services))
        kind = PlanKind(self.random.randrange(3))
        plan = pack_plan_id(service, len(state.plans), True, kind)
        state.plans[plan] = price = self.random.randrange(1, 10**7)
        terms = {
            "kind": int(kind), "transferable": True, "refundable": kind != PlanKind.PASS, "measure": 0,
            "currency": 0, "royaltyBps": 100, "unitPrice": price, "period": 3600 * (kind == PlanKind.TIMED),
            "supplyCap": 0, "accountCap": 0, "saleStart": 0, "earlySeconds": 0, "earlyScore": 0,
            "limitsHash": bytes(32), "perRequest": 1, "perUnitIn": 2, "perUnitOut": 3,
        }  # fmt: skip
        provider = state.services[service]
        event = {"planId": plan, "serviceId": service, "provider": provider}
        return [emit("AccessToken", "PlanCreated", **event, terms=terms, feeBps=250)]

    def _one_plan(self, state: State, kind: PlanKind | None = None) -> int | None:
        plans = [plan for plan in state.plans if kind is None or plan & 3 == kind]
        return self.random.choice(plans) if plans else None

    def _moved(
        self, state: State, plan: int, sender: bytes, receiver: bytes, units: int, batch: bool = False
    ) -> list[Emitted]:
        if sender != NOBODY:
            state.units[plan, sender] -= units
        if receiver != NOBODY:
            state.units[plan, receiver] += units
        both = {"operator": sender or receiver, "from_": sender, "to": receiver}
        if batch:
            return [emit("AccessToken", "TransferBatch", **both, ids=[plan], values=[units])]
        return [emit("AccessToken", "TransferSingle", **both, id=plan, value=units)]

    def _buy(self, state: State, now: int) -> list[Emitted]:
        plan = self._one_plan(state)
        if plan is None:
            return []
        units, payer = self.random.randrange(1, 50), self._account()
        kind = PlanKind(plan & 3)
        deposits = kind == PlanKind.METERED and self.random.random() < 0.5
        state.supply[plan] += units
        state.sold[plan] += units
        bought = emit(
            "AccessToken", "Bought", planId=plan, payer=payer, recipient=payer, units=units,
            cost=units * state.plans[plan], then=Then.DEPOSIT if deposits else Then.HOLD,
            supply=state.supply[plan], sold=state.sold[plan], bought=units,
        )  # fmt: skip
        logs = [bought]
        if kind == PlanKind.PASS:
            logs += self._released(state, plan, units * state.plans[plan])
        logs += self._moved(state, plan, NOBODY, ESCROW if deposits else payer, units)
        return logs + (self._deposited(state, plan, payer, units) if deposits else [])

    def _deposited(self, state: State, plan: int, payer: bytes, units: int) -> list[Emitted]:
        state.tabs[plan, payer][0] += units
        balance = state.tabs[plan, payer][0]
        return [emit("UsageEscrow", "Deposited", planId=plan, payer=payer, units=units, balance=balance)]

    def _held(self, state: State, kind: PlanKind | None = None) -> tuple[int, bytes, int] | None:
        held = [
            (plan, account, units)
            for (plan, account), units in state.units.items()
            if units and account != ESCROW and (kind is None or plan & 3 == kind)
        ]
        return self.random.choice(held) if held else None

    def _activate(self, state: State, now: int) -> list[Emitted]:
        held = self._held(state, PlanKind.TIMED)
        if held is None:
            return []
        plan, holder, most = held
        units = self.random.randrange(1, most + 1)
        state.supply[plan] -= units
        until = max(now, state.until[plan, holder]) + 3600 * units
        state.until[plan, holder] = until
        both = {"planId": plan, "holder": holder, "beneficiary": holder}
        return [
            *self._moved(state, plan, holder, NOBODY, units),
            emit(
                "AccessToken", "Activated", **both, units=units, accessUntil=until, supply=state.supply[plan]
            ),
            *self._released(state, plan, units * state.plans[plan]),
        ]

    def _deposit(self, state: State, now: int) -> list[Emitted]:
        held = self._held(state, PlanKind.METERED)
        if held is None:
            return []
        plan, holder, most = held
        units = self.random.randrange(1, most + 1)
        return [
            *self._moved(state, plan, holder, ESCROW, units, batch=self.random.random() < 0.3),
            *self._deposited(state, plan, holder, units),
        ]

    def _settle(self, state: State, now: int) -> list[Emitted]:
        tabs = [(key, tab) for key, tab in state.tabs.items() if tab[0]]
        if not tabs:
            return []
        (plan, payer), tab = self.random.choice(tabs)
        units = self.random.randrange(1, tab[0] + 1)
        tab[0] -= units
        tab[1] += units
        state.supply[plan] -= units
        meter = state.services[plan >> 20]
        burnt = {"planId": plan, "holder": ESCROW, "units": units}
        return [
            emit(
                "UsageEscrow", "Settled", planId=plan, payer=payer, meter=meter, units=units, balance=tab[0],
                settled=tab[1], spent=units, day=now // 86_400, receiptsRoot=keccak(payer + bytes([units])),
            ),
            *self._moved(state, plan, ESCROW, NOBODY, units),
            emit("AccessToken", "Consumed", **burnt, supply=state.supply[plan]),
            *self._released(state, plan, units * state.plans[plan]),
        ]  # fmt: skip

    def _released(self, state: State, plan: int, gross: int) -> list[Emitted]:
        service = plan >> 20
        fee, logs, paid = gross * 250 // 10_000, [], 0
        state.fees += fee
        if service > 2 and (paid := gross * 500 // 10_000):
            state.distributed[1] += paid
            place = {"upstreamId": 1, "serviceId": service, "currency": 0}
            logs.append(
                emit("RevenueShares", "UpstreamPaid", **place, amount=paid, total=state.distributed[1])
            )
        amount = gross - fee - paid
        state.distributed[service] += amount
        released = emit(
            "RevenueShares", "Released", serviceId=service, planId=plan, currency=0, gross=gross, fee=fee,
            amount=amount, total=state.distributed[service], fees=state.fees,
        )  # fmt: skip
        return [*logs, released]

    def _give(self, state: State, now: int) -> list[Emitted]:
        held = self._held(state)
        if held is None:
            return []
        plan, holder, most = held
        batch = self.random.random() < 0.3
        return self._moved(state, plan, holder, self._account(), self.random.randrange(0, most + 1), batch)

    def _touch(self, state: State, service: int, account: bytes) -> list[int]:
        owed = state.owed[service, account]
        owed[0] += state.shares[service, account] * (state.distributed[service] - owed[1])
        owed[1] = state.distributed[service]
        return owed

    def _share(self, state: State) -> tuple[int, bytes, int] | None:
        held = [(service, account, units) for (service, account), units in state.shares.items() if units]
        return self.random.choice(held) if held else None

    def _give_shares(self, state: State, now: int) -> list[Emitted]:
        share = self._share(state)
        if share is None:
            return []
        service, holder, most = share
        receiver, units = self._account(), self.random.randrange(1, most + 1)
        for account in (holder, receiver):
            self._touch(state, service, account)
        state.shares[service, holder] -= units
        state.shares[service, receiver] += units
        both = {"operator": holder, "from_": holder, "to": receiver}
        return [emit("RevenueShares", "TransferSingle", **both, id=service, value=units)]

    def _distribute(self, state: State, now: int) -> list[Emitted]:
        if not state.services:
            return []
        service, amount = self.random.choice(list(state.services)), self.random.randrange(1, 10**6)
        state.distributed[service] += amount
        place = {"serviceId": service, "from_": self._account(), "currency": 0}
        return [
            emit("RevenueShares", "Distributed", **place, amount=amount, total=state.distributed[service])
        ]

    def _claim(self, state: State, now: int) -> list[Emitted]:
        share = self._share(state)
        if share is None:
            return []
        service, holder, _ = share
        owed = self._touch(copy.deepcopy(state), service, holder)
        amount = owed[0] // SHARES
        if not amount:
            return []
        owed[0] -= amount * SHARES
        state.owed[service, holder] = owed
        who = {"account": holder, "serviceId": service, "currency": 0}
        return [emit("RevenueShares", "Claimed", **who, amount=amount, owed=owed[0])]

    def _send_emp(self, state: State, now: int) -> list[Emitted]:
        sender, receiver = self._account(), self._account()
        amount = self.random.randrange(0, state.emp[sender] + 1)
        state.emp[sender] -= amount
        state.emp[receiver] += amount
        return [emit("EmporionToken", "Transfer", from_=sender, to=receiver, value=amount)]

    def _clock(self, state: State, now: int) -> int:
        if state.total_score == 0:
            state.idle += now - state.idle_since
        state.idle_since = now
        return now - state.idle

    def _lock(self, state: State, now: int) -> list[Emitted]:
        owner = self._account()
        if state.emp[owner] < 10**18:
            return []
        self._clock(state, now)
        amount = self.random.randrange(10**18, state.emp[owner] + 1)
        index = sum(1 for key in state.positions if key[0] == owner)
        end, score = now + self.random.randrange(1, 500), amount * self.random.randrange(1, 5)
        state.positions[owner, index] = [amount, score, end]
        state.total_score += score
        place = {"owner": owner, "index": index, "amount": amount}
        return [emit("StakingVault", "Locked", **place, score=score, end=end, totalScore=state.total_score)]

    def _expire(self, state: State, now: int) -> list[Emitted]:
        ended = [(key, p) for key, p in state.positions.items() if p[2] <= now and p[0]]
        if not ended:
            return []
        (owner, index), position = self.random.choice(ended)
        self._clock(state, now)
        logs = []
        place = {"owner": owner, "index": index}
        if position[1]:
            state.total_score -= position[1]
            position[1] = 0
            who = {"actor": owner, "amount": position[0]}
            logs.append(emit("StakingVault", "Expired", **place, **who, totalScore=state.total_score))
        if self.random.random() < 0.5:
            amount, position[0] = position[0], 0
            left = {"to": owner, "amount": amount, "totalScore": state.total_score}
            logs.append(emit("StakingVault", "Unlocked", **place, **left))
        return logs

    def _stream(self, state: State, now: int) -> list[Emitted]:
        clock = self._clock(state, now)
        if not state.fees or not state.total_score or clock < state.streaming_until:
            return []
        amount, state.fees = state.fees, 0
        state.streaming_until = clock + STREAM_SECONDS
        money = {"currency": 0, "amount": amount}
        begun = {"from_": ADDRESSES["RevenueShares"], "clockNow": clock, "streamEnd": state.streaming_until}
        return [
            emit("RevenueShares", "FeesFlushed", to=ADDRESSES["StakingVault"], **money),
            emit("StakingVault", "RewardsStreamed", **money, **begun),
        ]

    def _list(self, state: State, now: int) -> list[Emitted]:
        number, seller = len(state.listings) + 1, self._account()
        # Nobody checks what a seller offers: any 256 bits.
        token_id, units = self.random.choice([(1, 5), (2**256 - 1, 2**256 - 1)])
        state.listings[number] = [units]
        place = {"listingId": number, "seller": seller, "token": ADDRESSES["AccessToken"], "id": token_id}
        money = {"unitPrice": 10**6, "currency": 0, "expiry": now + 3600}
        return [emit("TokenMarket", "Listed", **place, units=units, **money)]

    def _fill(self, state: State, now: int) -> list[Emitted]:
        open_ones = [(number, listing) for number, listing in state.listings.items() if listing[0]]
        if not open_ones:
            return []
        number, listing = self.random.choice(open_ones)
        listing[0] -= 1
        both = {"listingId": number, "buyer": self._account(), "seller": self._account()}
        what = {"token": ADDRESSES["AccessToken"], "id": 1, "units": 1, "cost": 5, "royalty": 0}
        return [emit("TokenMarket", "Filled", **both, **what, remaining=listing[0])]

    def _refund(self, state: State, now: int) -> list[Emitted]:
        held = self._held(state, PlanKind.METERED)
        if held is None:
            return []
        plan, holder, most = held
        units = self.random.randrange(1, most + 1)
        state.supply[plan] -= units
        state.sold[plan] -= units
        what = {"units": units, "amount": units * state.plans[plan]}
        counters = {"supply": state.supply[plan], "sold": state.sold[plan]}
        return [
            *self._moved(state, plan, holder, NOBODY, units),
            emit("AccessToken", "Refunded", planId=plan, holder=holder, to=holder, **what, **counters),
        ]
