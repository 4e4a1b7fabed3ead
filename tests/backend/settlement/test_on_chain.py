"""Settlement on a real chain, read back by the real indexer.

a tab's whole life
    deposited, served, settled in whole credits, proved and verified, closed for the payer who leaves at once
given a fork that takes the settlement back
    the same receipts are settled again
given a process that dies after sending
    the next one sends the same, and the chain takes it once
given a settlement that is stuck when its process dies
    the next process offers more for the same number, and it is settled once
given upkeep
    ended positions lose their score, a service without its bond is flagged and retired in its time
given vouchers
    no more is settled than the payer signed for
given a withdrawal that overtakes a settlement
    the line is skipped with its reason, and not tried for ever
given a meter that was replaced
    it settles what it served, while the registry lets it; replaced twice, nothing more
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.cli.devnet.faucet import Gift
from backend.client.models import RateCard
from backend.client.verification import Evidence, Finding, verify_receipt
from backend.core.errors import ContractRevert
from backend.core.units import Address, ChainId, Hash32, PlanId, ServiceId, ServiceStatus, plan_service
from backend.gateway.answers import receipt_json
from backend.meter.schemas import ReceiptProof
from backend.settlement.chain_sender import ChainSettlement
from backend.settlement.keeper import REFUSED_SECONDS, Keeper
from backend.settlement.ports import SettleEntry
from backend.settlement.sent_repository import SentTransactions
from backend.settlement.service import LEASE_SECONDS, RESEND_SECONDS
from backend.signing.messages import receipt_domain
from tests.backend.chain.conftest import devnet
from tests.backend.settlement.stage import MICRO, OnChain, on_chain

__all__ = ["devnet"]
DAY = 86_400


@pytest.fixture
async def world(devnet: object, tmp_path: Path) -> AsyncIterator[OnChain]:
    async with on_chain(devnet, tmp_path) as found:  # type: ignore[arg-type]
        yield found


class Dies(BaseException):
    """The process ends here."""


class DyingSender:
    """Sends, and dies before anybody hears of it."""

    def __init__(self, real: ChainSettlement) -> None:
        self._real = real

    async def settle(self, chain_id: ChainId, plan_id: PlanId, entries: Sequence[SettleEntry]) -> Hash32:
        await self._real.settle(chain_id, plan_id, entries)
        raise Dies

    async def close(self, chain_id: ChainId, plan_id: PlanId, payer: Address) -> Hash32:
        return await self._real.close(chain_id, plan_id, payer)

    async def tend(self, chain_id: ChainId) -> None:
        await self._real.tend(chain_id)


def as_json(proof: ReceiptProof) -> dict[str, object]:
    path = ["0x" + step.hex() for step in proof.path]
    return {"leaf": "0x" + proof.leaf.hex(), "root": "0x" + proof.root.hex(), "path": path}


async def chain_roots(world: OnChain) -> list[Hash32]:
    async with world.chain.read_connection() as db:
        rows = await db.execute(text("SELECT receipts_root FROM chain.settlements"))
        return [Hash32(bytes(root)) for (root,) in rows]


async def outcomes(world: OnChain) -> list[tuple[str, str]]:
    async with world.store.read_connection() as db:
        rows = await db.execute(text("SELECT outcome, reason FROM gateway.settlement_lines ORDER BY rowid"))
        return [(row.outcome, row.reason) for row in rows]


class TestWholeLife:
    async def test_from_deposit_to_withdrawal(self, world: OnChain) -> None:
        escrow, access = world.devnet.contracts.escrow, world.devnet.contracts.access
        await world.deposit(10)
        worker = world.worker()
        first, second = await world.serve("a", 1.25), await world.serve("b", 2.25)
        assert (await worker.step()).sent == 1
        await world.index()
        assert (await worker.step()).confirmed == 1
        assert await world.settled() == (3, 7)
        await self.verified(world, receipt_json(second), receipt_json(first))

        await world.do("buyer", escrow.request_withdrawal(world.plan))
        await world.index()
        assert (await worker.step()).sent == 1
        await world.index()
        report = await worker.step()
        assert (report.confirmed, report.closed) == (1, 1)
        assert await world.settled() == (4, 6)
        await world.do("buyer", escrow.withdraw(world.plan, world.buyer.address))
        assert await access.balance(world.buyer.address, world.plan) == 6
        await world.index()
        assert (await world.meter.available(world.tab)).available == 0

    async def verified(self, world: OnChain, receipt: dict[str, object], previous: dict[str, object]) -> None:
        proof = await world.meter.proof("b")
        assert proof is not None
        assert proof.settled
        evidence = Evidence(
            receipt_domain(world.tab.chain_id, Address(world.devnet.contracts.escrow.address)),
            meter=world.devnet.accounts["meter"].address,
            request=b"b",
            response=b"b",
            proof=as_json(proof),
            roots=await chain_roots(world),
            card=RateCard(3 * MICRO, 0, 0),
            previous=previous,
        )
        verdicts = verify_receipt(receipt, evidence)
        assert {verdict.finding for verdict in verdicts} == {Finding.TRUE}, verdicts


class TestFork:
    async def test_settles_the_same_receipts_again(self, world: OnChain) -> None:
        await world.deposit(10)
        await world.serve("a", 3)
        worker = world.worker()
        await worker.step()
        await world.index()
        assert (await worker.step()).confirmed == 1
        roots = await chain_roots(world)
        await world.devnet.controls.reorg(1)
        await world.index()
        assert await world.settled() == (0, 10)
        assert (await world.meter.available(world.tab)).available == 7 * MICRO
        await world.clock.advance(LEASE_SECONDS + 1)
        restarted = world.worker()
        assert (await restarted.step()).sent == 1
        await world.index()
        assert (await restarted.step()).confirmed == 1
        assert await world.settled() == (3, 7)
        assert await chain_roots(world) == roots


class TestRestart:
    async def test_dies_after_sending(self, world: OnChain) -> None:
        await world.deposit(10)
        await world.serve("a", 3)
        with pytest.raises(Dies):
            await world.worker(DyingSender(world.sender())).step()
        await world.clock.advance(LEASE_SECONDS + 1)
        restarted = world.worker()
        assert (await restarted.step()).sent == 1
        await world.index()
        assert (await restarted.step()).confirmed == 1
        assert await outcomes(world) == [("settled", "")]
        assert await world.settled() == (3, 7)
        assert len(await chain_roots(world)) == 1


class TestStuck:
    async def test_is_replaced_by_the_next_process(self, world: OnChain) -> None:
        await world.deposit(10)
        await world.serve("a", 3)
        meter = world.devnet.accounts["meter"].address
        begun = await world.devnet.client.nonce(meter, "latest")
        await world.devnet.client.call("evm_setAutomine", False)
        assert (await world.worker().step()).sent == 1
        memory = SentTransactions(world.store, world.tab.chain_id, meter)
        (sent,) = await memory.load()
        await world.clock.advance(RESEND_SECONDS + LEASE_SECONDS)
        restarted = world.worker(world.sender(stuck=0))
        await restarted.step()
        offered = (await memory.load())[0]
        assert (offered.nonce, offered.hashes[0], len(offered.hashes)) == (begun, sent.hashes[0], 2)
        assert offered.fees.most > sent.fees.most
        await world.devnet.controls.mine_at_once()
        await world.devnet.controls.mine()
        await world.index()
        assert (await restarted.step()).confirmed == 1
        assert await world.settled() == (3, 7)
        await world.sender().tend(world.tab.chain_id)
        assert await memory.load() == []


class TestUpkeep:
    async def test_is_done_by_the_meter(self, world: OnChain) -> None:
        contracts, controls = world.devnet.contracts, world.devnet.controls
        service = ServiceId(plan_service(world.plan))
        await world.devnet.faucet.fund(world.devnet.accounts["staker"].address, Gift(0, 0, 100 * 10**18))
        await world.do("staker", contracts.emp.approve(contracts.vault.address, 2**256 - 1))
        await world.do("staker", contracts.vault.lock(100 * 10**18, 30 * DAY))
        bonded = (await contracts.registry.service(service)).bond
        await world.do("provider", contracts.registry.request_unbond(service, bonded))
        keeper = Keeper(world.store, world.sender(), world.clock)
        await world.index()
        assert await keeper.step() == 1
        await world.index()
        assert (await contracts.registry.service(service)).underbonded_since > 0
        await controls.advance(31 * DAY)
        await world.clock.advance(31 * DAY)
        await world.index()
        assert await keeper.step() == 2
        await world.index()
        assert await contracts.vault.total_score() == 0
        assert (await contracts.registry.service(service)).status is ServiceStatus.RETIRED
        await world.clock.advance(2 * REFUSED_SECONDS)
        assert await keeper.step() == 0


class TestVouchers:
    async def test_settles_what_was_signed_for(self, world: OnChain) -> None:
        escrow = world.devnet.contracts.escrow
        await world.do("buyer", escrow.set_tab_options(world.plan, True, 0))
        await world.deposit(10)
        assert (await world.meter.available(world.tab)).voucher_short_by == 10 * MICRO
        digest = world.vouchers.digest(world.tab, 4)
        assert await escrow.read("voucherDigest", world.buyer.address, world.plan, 4) == digest
        await world.meter.keep_voucher(world.tab, 4, world.buyer.sign(digest))
        await world.serve("a", 3.5)
        worker = world.worker()
        await worker.step()
        await world.index()
        assert (await worker.step()).confirmed == 1
        assert await world.settled() == (3, 7)


class TestOvertaken:
    async def test_line_is_skipped_with_its_reason(self, world: OnChain) -> None:
        escrow = world.devnet.contracts.escrow
        await world.deposit(10)
        await world.serve("a", 3)
        await world.do("buyer", escrow.request_withdrawal(world.plan))
        await world.devnet.controls.advance(await escrow.withdrawal_delay() + 1)
        await world.do("buyer", escrow.withdraw(world.plan, world.buyer.address))
        worker = world.worker()
        assert (await worker.step()).sent == 1
        await world.index()
        report = await worker.step()
        assert (report.confirmed, report.prepared) == (1, 0)
        assert await outcomes(world) == [("skipped", "exceeds balance")]
        await world.clock.advance(10 * DAY)
        assert (await worker.step()).prepared == 0


class TestReplacedMeter:
    async def test_settles_what_it_served(self, world: OnChain) -> None:
        registry, service = world.devnet.contracts.registry, world.plan >> 20
        await world.deposit(10)
        await world.serve("a", 3)
        await world.do("provider", registry.set_meter(service, world.devnet.accounts["staker"].address))
        await world.index()
        worker = world.worker()
        assert (await worker.step()).sent == 1
        await world.index()
        assert (await worker.step()).confirmed == 1
        assert await world.settled() == (3, 7)
        await world.serve("b", 2)
        await world.devnet.controls.advance(8 * DAY)
        await world.index()
        assert (await worker.step()).prepared == 0

    async def test_given_twice_a_leaked_key_settles_nothing(self, world: OnChain) -> None:
        registry, service = world.devnet.contracts.registry, world.plan >> 20
        await world.deposit(10)
        await world.serve("a", 3)
        for role in ("staker", "second_staker"):
            await world.do("provider", registry.set_meter(service, world.devnet.accounts[role].address))
        await world.index()
        assert (await world.worker().step()).prepared == 0
        stolen = SettleEntry(world.buyer.address, 10, Hash32(bytes(32)), b"")
        with pytest.raises(ContractRevert, match="UsageEscrow_NotMeter"):
            await world.sender().settle(world.tab.chain_id, world.plan, [stolen])
        assert await world.settled() == (0, 10)
