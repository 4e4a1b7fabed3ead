"""A real chain with one service and a metered plan, the real indexer, a meter and a worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.chain.bindings.structs import PlanTerms
from backend.chain.contract import Transaction
from backend.chain.sender import Patience, Sender
from backend.cli.devnet.faucet import Gift
from backend.cli.devnet.network import Devnet
from backend.core.clock import ManualClock
from backend.core.settings import load_settings
from backend.core.units import (
    Address,
    BaseUnits,
    ChainId,
    MicroCredits,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceKind,
    Then,
    UnixTime,
    keccak,
    plan_service,
    to_address,
)
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.db.stores import open_chain_store, open_gateway_store
from backend.meter.schemas import HoldRequest, Outcome, Receipt, Served, TabKey
from backend.meter.service import Meter
from backend.meter.signer import MeterSigner
from backend.meter.vouchers import VoucherCheck
from backend.settlement.batch import Policy
from backend.settlement.chain_sender import ChainSettlement, Line
from backend.settlement.ports import SettlementSender
from backend.settlement.sent_repository import SentTransactions
from backend.settlement.service import SettlementWorker
from backend.signing.keys import LocalKey
from indexer.loop import IndexerOptions, index_once

EMP = 10**18
MICRO = 10**6
FOREVER = 2**39


@dataclass
class OnChain:
    """Everything in one hand; `chain` and `store` are the indexer's store and the gateway's."""

    devnet: Devnet
    chain: Store
    store: Store
    meter: Meter
    vouchers: VoucherCheck
    clock: ManualClock
    plan: PlanId

    @property
    def buyer(self) -> LocalKey:
        return self.devnet.accounts["buyer"]

    @property
    def tab(self) -> TabKey:
        return TabKey(ChainId(self.devnet.deployment.chain_id), self.plan, self.buyer.address)

    async def do(self, role: str, *transactions: Transaction) -> None:
        for transaction in transactions:
            await self.devnet.sender(role).send(transaction)

    async def deposit(self, units: int) -> None:
        access = self.devnet.contracts.access
        await self.do(
            "buyer",
            access.buy(self.plan, units, self.buyer.address, 2**100, FOREVER, Then.DEPOSIT),
        )
        await self.index()

    async def index(self) -> None:
        """Catch up, once what the meter sent is mined: the worker does not wait for that."""
        client, meter = self.devnet.client, self.devnet.accounts["meter"].address
        async with asyncio.timeout(20):
            while await client.nonce(meter, "latest") < await client.nonce(meter, "pending"):
                await asyncio.sleep(0.02)
        await index_once(
            self.chain, self.devnet.client, self.devnet.deployment, IndexerOptions(finality_depth=64)
        )

    async def settled(self) -> tuple[int, int]:
        """Of the tab on chain: (settled, balance)."""
        tab = await self.devnet.contracts.escrow.tab(self.plan, self.buyer.address)
        return tab.settled, tab.balance

    def sender(self, stuck: float = 20) -> ChainSettlement:
        """The port, with a sender that knows only what the store does: a process that just started."""
        key, chain_id = self.devnet.accounts["meter"], self.tab.chain_id
        patience = Patience(poll=0.02, stuck=stuck, most=60)
        memory = SentTransactions(self.store, chain_id, key.address)
        sender = Sender(self.devnet.client, key, patience=patience, memory=memory)
        return ChainSettlement({chain_id: Line(sender, self.devnet.contracts)})

    def worker(self, sender: SettlementSender | None = None) -> SettlementWorker:
        """A worker that just started."""
        key = self.devnet.accounts["meter"].address
        return SettlementWorker(self.store, sender or self.sender(), key, self.clock, Policy(max_age=0))

    async def serve(self, name: str, whole: float) -> Receipt:
        """One request of so many credits."""
        cost = MicroCredits(int(whole * MICRO))
        assert await self.meter.reserve(HoldRequest(name, self.tab, cost))
        return await self.meter.capture(
            Served(
                request_id=name,
                tab=self.tab,
                service_id=ServiceId(plan_service(self.plan)),
                route="chat",
                outcome=Outcome.COMPLETED,
                units_in=1,
                units_out=1,
                cost=cost,
                model_digest=keccak(b"model"),
                request_hash=keccak(name.encode()),
                response_hash=keccak(name.encode()),
                started_at=UnixTime(self.clock.now()),
                duration_ms=1,
            )
        )


@asynccontextmanager
async def on_chain(devnet: Devnet, home: Path) -> AsyncIterator[OnChain]:
    """Publish a service with a plan of a cent a credit, fund a buyer, open the stores."""
    plan = await _published(devnet)
    settings = load_settings(home=home / "stores", devnet=True)
    chain, store = await open_chain_store(settings), await open_gateway_store(settings)
    escrows = {ChainId(devnet.deployment.chain_id): to_address(devnet.deployment.address("UsageEscrow"))}
    clock, vouchers = ManualClock(int(time.time())), VoucherCheck(escrows)
    async with GroupCommit(store) as group:
        signer = MeterSigner(devnet.accounts["meter"], escrows)
        meter = Meter(store, group, signer, clock, vouchers=vouchers)
        yield OnChain(devnet, chain, store, meter, vouchers, clock, plan)
    await store.close()
    await chain.close()


async def _published(devnet: Devnet) -> PlanId:
    c, accounts = devnet.contracts, devnet.accounts
    await devnet.faucet.fund(accounts["provider"].address, Gift(0, 0, 10_000 * EMP))
    await devnet.faucet.fund(accounts["buyer"].address, Gift(0, 10**9, 0))
    meter: Address = accounts["meter"].address
    bond = 2 * await c.registry.min_bond()
    await _sent(devnet, "provider", [c.emp.approve(c.registry.address, 2**256 - 1)])
    await _sent(devnet, "buyer", [c.dollar.approve(c.access.address, 2**256 - 1)])
    register = c.registry.register(ServiceKind.MODEL, "data:,", keccak(b""), meter=meter, bond=bond)
    registered = await devnet.sender("provider").send(register)
    service = ServiceId(c.event(registered, "ServiceRegistered")["serviceId"])
    terms = PlanTerms(PlanKind.METERED, BaseUnits(10_000), refundable=True, per_request=MICRO)
    created = await devnet.sender("provider").send(c.access.create_plan(service, terms))
    return PlanId(c.event(created, "PlanCreated")["planId"])


async def _sent(devnet: Devnet, role: str, transactions: Sequence[Transaction]) -> None:
    for transaction in transactions:
        await devnet.sender(role).send(transaction)
