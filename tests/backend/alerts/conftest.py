"""Alerts over both stores of both databases, a sender that records, a clock that stands still."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.alerts.channels import Channels
from backend.alerts.kinds import Kind
from backend.alerts.ports import KnownGas, RecordingSender
from backend.alerts.schemas import AlertReply, AlertsRequest
from backend.alerts.service import Alerts
from backend.alerts.worker import AlertWorker
from backend.core.clock import ManualClock
from backend.core.settings import load_settings
from backend.core.units import Address, ChainId
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from backend.inference.secrets import SecretBox
from backend.net.guard import PUBLIC_ONLY
from tests.backend.market import BUYER, CHAIN_ID, METER, START, Market

CODE = "12345678"
HOOK = "https://hooks.example/private"


@dataclass
class Desk:
    """Alerts, and what a test moves."""

    alerts: Alerts
    worker: AlertWorker
    sender: RecordingSender
    market: Market
    store: Store
    clock: ManualClock

    async def channel(self, account: Address = BUYER, target: str = HOOK) -> str:
        """A confirmed channel; the message with its code is forgotten."""
        made = await self.alerts.channels.add(ChainId(CHAIN_ID), account, target)
        await self.alerts.channels.confirm(ChainId(CHAIN_ID), account, made.id, CODE)
        self.sender.sent.clear()
        return made.id

    async def want(self, kind: Kind, account: Address = BUYER, **rule: Any) -> None:
        await self.alerts.put(account, AlertsRequest.model_validate({"kinds": {kind: rule}}))

    async def told(self, account: Address = BUYER) -> list[AlertReply]:
        return (await self.alerts.shown(account)).recent


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    settings = load_settings(home=tmp_path, database_url=database_url, devnet=True, database_pool=5)
    chain_store = await open_chain_store(settings)
    store = await open_gateway_store(settings)
    sender, clock = RecordingSender(), ManualClock(START)
    box = SecretBox(settings.master_secret())
    channels = Channels(store, sender, box, PUBLIC_ONLY, clock, digits=lambda: CODE)
    alerts = Alerts(store, ChainId(CHAIN_ID), channels, KnownGas({METER: 5}), clock)
    worker = AlertWorker(store, alerts, sender, clock)
    market = Market(chain_store)
    await market.mine(now=START)
    yield Desk(alerts, worker, sender, market, store, clock)
    await store.close()
    await chain_store.close()
