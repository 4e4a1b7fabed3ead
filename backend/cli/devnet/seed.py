"""Gives a fresh devnet a history: services, purchases, usage, stakes, claims, offers, all on chain."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.chain.bindings.structs import Entry
from backend.chain.client import Receipt
from backend.chain.contract import Transaction
from backend.cli.devnet.catalogue import CATALOGUE, CHAT, DAY, EMBEDDINGS, EMP, WEATHER, Offer
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.core.units import ZERO_HASH, PlanId, ServiceId, Then, keccak

_FOREVER: Final = 2**39
_LOT: Final = 2**120
_PURSES: Final = {
    "provider": Gift(0, 0, 20_000 * EMP),
    "second_provider": Gift(0, 0, 20_000 * EMP),
    "co_owner": Gift(0, 0, 0),
    "buyer": Gift(0, 5_000 * 10**6, 2_000 * EMP),
    "second_buyer": Gift(0, 5_000 * 10**6, 2_000 * EMP),
    "third_buyer": Gift(0, 5_000 * 10**6, 2_000 * EMP),
    "staker": Gift(0, 100 * 10**6, 100_000 * EMP),
    "second_staker": Gift(0, 100 * 10**6, 100_000 * EMP),
}
_ACTS: Final = 8


@dataclass(slots=True)
class Seeded:
    """Ids of what was published: services by slug, plans by slug and name."""

    services: dict[str, ServiceId] = field(default_factory=dict)
    plans: dict[tuple[str, str], PlanId] = field(default_factory=dict)


async def seed(devnet: Devnet) -> Seeded:
    """Fill an empty devnet; what is there already stays and is only read. Mines at once meanwhile.

    Where the chain began days ago, the acts are spread over the days up to now.
    """
    if await devnet.contracts.registry.count() > 0:
        return await _found(devnet)
    async with devnet.controls.instant_mining():
        return await _History(devnet, await devnet.controls.now(), int(time.time())).play()


async def _found(devnet: Devnet) -> Seeded:
    """The ids of an earlier seed: they are given out in order."""
    seeded = Seeded()
    access = devnet.contracts.access
    for index, offer in enumerate(CATALOGUE[: await devnet.contracts.registry.count()]):
        service = ServiceId(index + 1)
        if (await devnet.contracts.registry.service(service)).content_hash != offer.content_hash():
            continue
        seeded.services[offer.slug] = service
        for number, (name, terms) in enumerate(offer.plans.items()):
            seeded.plans[offer.slug, name] = access.plan_id(service, number, terms)
    return seeded


class _History:
    """The acts, in order; `start` and `end` are unix times."""

    def __init__(self, devnet: Devnet, start: int, end: int) -> None:
        self._devnet = devnet
        self._contracts = devnet.contracts
        self._start = start
        self._step = max(0, end - start) // _ACTS
        self._act = 0
        self._seeded = Seeded()

    async def play(self) -> Seeded:
        """All of it; the last act happens now."""
        await self._fill_purses()
        for offer in CATALOGUE:
            await self._publish(offer)
        for act in (self._stake, self._share, self._buy_first, self._buy_more, self._use, self._claim):
            await self._pass_time()
            await act()
        await self._pass_time()
        await self._review()
        await self._resell()
        self._act = _ACTS - 1
        await self._pass_time()
        return self._seeded

    async def _pass_time(self) -> None:
        self._act += 1
        await self._devnet.controls.advance_to(self._start + self._act * self._step)

    async def _do(self, role: str, *transactions: Transaction) -> list[Receipt]:
        return [await self._devnet.sender(role).send(one) for one in transactions]

    def _address(self, role: str) -> bytes:
        return self._devnet.accounts[role].address

    def _plan(self, offer: Offer, name: str) -> PlanId:
        return self._seeded.plans[offer.slug, name]

    def _order(self, role: str, offer: Offer, name: str, units: int, then: Then = Then.HOLD) -> Transaction:
        plan = self._plan(offer, name)
        return self._contracts.access.buy(plan, units, self._address(role), _LOT, _FOREVER, then)

    async def _fill_purses(self) -> None:
        """Money for everybody, and the allowances that their purchases, bonds and locks need."""
        for role, gift in _PURSES.items():
            await self._devnet.faucet.fund(self._address(role), gift)
            await self._do(role, *self._allowances())

    def _allowances(self) -> Sequence[Transaction]:
        c = self._contracts
        takers = ((c.dollar, c.access), (c.emp, c.access), (c.emp, c.registry), (c.emp, c.vault))
        return [token.approve(taker.address, 2**256 - 1) for token, taker in takers]

    async def _publish(self, offer: Offer) -> None:
        c = self._contracts
        bond = 2 * await c.registry.min_bond()
        register = c.registry.register(
            offer.kind, offer.uri(), offer.content_hash(), meter=self._address(offer.meter), bond=bond
        )
        (receipt,) = await self._do(offer.provider, register)
        service = ServiceId(c.event(receipt, "ServiceRegistered")["serviceId"])
        self._seeded.services[offer.slug] = service
        for name, terms in offer.plans.items():
            (receipt,) = await self._do(offer.provider, c.access.create_plan(service, terms))
            self._seeded.plans[offer.slug, name] = PlanId(c.event(receipt, "PlanCreated")["planId"])

    async def _stake(self) -> None:
        vault = self._contracts.vault
        await self._do("staker", vault.lock(50_000 * EMP, 180 * DAY))
        await self._do(
            "second_staker", vault.lock(20_000 * EMP, 30 * DAY), vault.lock(5_000 * EMP, 365 * DAY)
        )

    async def _share(self) -> None:
        """The provider sells a tenth of its first service to a co-owner."""
        service = self._seeded.services[CHAT.slug]
        provider, owner = self._address("provider"), self._address("co_owner")
        await self._do("provider", self._contracts.shares.transfer(provider, owner, service, 100_000))

    async def _buy_first(self) -> None:
        await self._do("buyer", self._order("buyer", CHAT, "pass", 1))
        await self._do("second_buyer", self._order("second_buyer", CHAT, "pass", 2))
        await self._do("third_buyer", self._order("third_buyer", CHAT, "trial", 5, Then.DEPOSIT))
        await self._do("second_buyer", self._order("second_buyer", WEATHER, "rows", 400, Then.DEPOSIT))

    async def _buy_more(self) -> None:
        await self._do("buyer", self._order("buyer", CHAT, "credits", 500, Then.DEPOSIT))
        await self._do("second_buyer", self._order("second_buyer", CHAT, "day", 3, Then.ACTIVATE))
        await self._do("third_buyer", self._order("third_buyer", EMBEDDINGS, "credits", 200))
        await self._do("third_buyer", self._order("third_buyer", WEATHER, "month", 2))

    async def _use(self) -> None:
        """The data set's own meter settles; the devnet gateway's meter has served nobody yet."""
        plan, c = self._plan(WEATHER, "rows"), self._contracts
        for used in (40, 150):
            entry = Entry(
                self._devnet.accounts["second_buyer"].address, used, keccak(f"rows {used}".encode())
            )
            await self._do("second_provider", c.escrow.settle(plan, [entry]))
        third = self._address("third_buyer")
        await self._do("third_buyer", c.access.activate(self._plan(WEATHER, "month"), 1, third))
        await self._do("third_buyer", c.access.refund(self._plan(EMBEDDINGS, "credits"), 50, third))

    async def _claim(self) -> None:
        c = self._contracts
        service = self._seeded.services[CHAT.slug]
        await self._do("provider", c.shares.claim([(service, 0)], self._address("provider")))
        await self._do("operator", c.shares.flush_fees(0), c.shares.flush_fees(1))

    async def _review(self) -> None:
        """By who paid and used: a pass that was bought, a day that was begun, rows that were settled."""
        reviews = self._contracts.reviews
        await self._do("buyer", reviews.review(self._plan(CHAT, "pass"), 5, ZERO_HASH))
        await self._do("second_buyer", reviews.review(self._plan(CHAT, "day"), 4, ZERO_HASH))
        await self._do("second_buyer", reviews.review(self._plan(WEATHER, "rows"), 3, ZERO_HASH))

    async def _resell(self) -> None:
        c = self._contracts
        offer = c.market.offer(c.access.address, self._plan(CHAT, "pass"), 1, 15 * 10**6, 0, _FOREVER)
        await self._do("second_buyer", c.access.approve_all(c.market.address), offer)
