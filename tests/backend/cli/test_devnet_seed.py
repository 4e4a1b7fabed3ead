"""A seeded devnet.

seed
├── given an empty chain
│   ├── it should publish three services of two providers, with plans of every kind
│   ├── it should leave what money there is where the laws say
│   └── it should end now, wherever it began
└── given a seeded chain: it should change nothing and give the same ids
Offer: documents are what the metadata schema takes
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.cli.devnet.catalogue import CATALOGUE, CHAT, Offer
from backend.cli.devnet.network import Devnet
from backend.cli.devnet.seed import seed
from backend.core.units import PlanKind, plan_kind
from backend.metadata.documents import read_document

pytestmark = [pytest.mark.devnet, pytest.mark.integration]


@pytest.fixture
async def devnet(tmp_path: Path) -> AsyncIterator[Devnet]:
    async with Devnet.start(tmp_path, port=0, history_days=30) as devnet:
        yield devnet


class TestSeed:
    async def test_publishes_plans_of_every_kind(self, devnet: Devnet) -> None:
        seeded = await seed(devnet)
        assert await devnet.contracts.registry.count() == 3
        owners = {await devnet.contracts.registry.owner(service) for service in seeded.services.values()}
        assert owners == {devnet.accounts[role].address for role in ("provider", "second_provider")}
        for offer in CATALOGUE:
            plans = [plan for (slug, _), plan in seeded.plans.items() if slug == offer.slug]
            assert {plan_kind(plan) for plan in plans} == set(PlanKind)

    async def test_backs_every_unit(self, devnet: Devnet) -> None:
        seeded = await seed(devnet)
        for index in (0, 1):
            backing = 0
            for plan in seeded.plans.values():
                if (await devnet.contracts.access.terms(plan)).currency == index:
                    backing += await devnet.contracts.access.backing(plan)
            assert (
                await devnet.contracts.currency(index).balance(devnet.contracts.access.address) == backing > 0
            )

    async def test_ends_now(self, devnet: Devnet) -> None:
        first = await devnet.client.header(1)
        assert first is not None
        assert first.timestamp < time.time() - 29 * 86_400
        await seed(devnet)
        assert abs(await devnet.controls.now() - time.time()) < 10

    async def test_changes_nothing_the_second_time(self, devnet: Devnet) -> None:
        seeded = await seed(devnet)
        sent = await devnet.client.nonce(devnet.accounts["provider"].address)
        assert await seed(devnet) == seeded
        assert await devnet.client.nonce(devnet.accounts["provider"].address) == sent

    async def test_leaves_the_gateways_meter_unused(self, devnet: Devnet) -> None:
        seeded = await seed(devnet)
        plan = seeded.plans[CHAT.slug, "credits"]
        tab = await devnet.contracts.escrow.tab(plan, devnet.accounts["buyer"].address)
        assert (tab.balance, tab.settled) == (500, 0)


class TestOffer:
    @pytest.mark.parametrize("offer", CATALOGUE, ids=lambda offer: offer.slug)
    def test_has_a_document_that_readers_accept(self, offer: Offer) -> None:
        document = read_document(offer.content(), offer.content_hash())
        assert document.slug == offer.slug
