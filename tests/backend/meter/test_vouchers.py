"""Vouchers are taken from the payer only, and the largest is kept.

require
    given no credits, too many, or a signature without end: malformed
    given a signature by another key, for another plan, chain, payer or number, or a malleable one: refused
    given the payer's: accepted
    given a contract wallet: its oracle decides; without an oracle it is refused
keep_voucher
    given no check: it says that this gateway takes none
    given larger and smaller ones: the largest counts; `available` says how much larger it has to be
"""

from dataclasses import replace

import pytest

from backend.core.clock import ManualClock
from backend.core.errors import InvalidSignature, MalformedRequest, PortAbsent
from backend.core.units import MICRO, Address, ChainId, Hash32, PlanId
from backend.db.group_commit import GroupCommit
from backend.db.session import Store
from backend.meter.schemas import TabKey
from backend.meter.service import Meter
from backend.meter.vouchers import MOST_BYTES, MOST_UNITS, VoucherCheck
from backend.signing.keys import LocalKey
from tests.backend.meter.conftest import TAB, DigestSigner, Mirror, hold, served

KEY = LocalKey(b"\x42" * 32)
ESCROWS = {TAB.chain_id: Address(b"\xe5" * 20), ChainId(1): Address(b"\xe6" * 20)}
MINE = replace(TAB, payer=KEY.address)


class Wallet:
    """A contract wallet that accepts one signature."""

    def __init__(self, accepts: bytes, absent: bool = False) -> None:
        self.accepts = accepts
        self.absent = absent

    async def is_valid(self, chain_id: ChainId, wallet: Address, digest: Hash32, signature: bytes) -> bool:
        if self.absent:
            raise PortAbsent("no node")
        return signature == self.accepts


@pytest.fixture
def check() -> VoucherCheck:
    return VoucherCheck(ESCROWS)


def signed(check: VoucherCheck, tab: TabKey, units: int) -> bytes:
    return KEY.sign(check.digest(tab, units))


class TestRequire:
    @pytest.mark.parametrize("units", [0, -1, MOST_UNITS + 1])
    async def test_refuses_numbers_no_tab_can_have(self, check: VoucherCheck, units: int) -> None:
        with pytest.raises(MalformedRequest):
            await check.require(MINE, units, b"")

    async def test_refuses_an_endless_signature(self, check: VoucherCheck) -> None:
        with pytest.raises(MalformedRequest):
            await check.require(MINE, 1, bytes(MOST_BYTES + 1))

    @pytest.mark.parametrize(
        "other",
        [
            replace(MINE, plan_id=PlanId(MINE.plan_id + 16)),
            replace(MINE, chain_id=ChainId(1)),
            replace(MINE, payer=Address(b"\x01" * 20)),
        ],
    )
    async def test_refuses_it_elsewhere(self, check: VoucherCheck, other: TabKey) -> None:
        with pytest.raises(InvalidSignature):
            await check.require(other, 5, signed(check, MINE, 5))

    async def test_refuses_another_number(self, check: VoucherCheck) -> None:
        with pytest.raises(InvalidSignature):
            await check.require(MINE, 6, signed(check, MINE, 5))

    async def test_refuses_a_malleable_twin(self, check: VoucherCheck) -> None:
        given = signed(check, MINE, 5)
        order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
        high = (order - int.from_bytes(given[32:64], "big")).to_bytes(32, "big")
        with pytest.raises(InvalidSignature):
            await check.require(MINE, 5, given[:32] + high + bytes([55 - given[64]]))

    async def test_takes_the_payers(self, check: VoucherCheck) -> None:
        await check.require(MINE, MOST_UNITS, signed(check, MINE, MOST_UNITS))

    async def test_asks_a_contract_wallet(self) -> None:
        check = VoucherCheck(ESCROWS, Wallet(accepts=b"yes"))
        await check.require(TAB, 5, b"yes")
        with pytest.raises(InvalidSignature):
            await check.require(TAB, 5, b"no")

    async def test_refuses_a_contract_wallet_without_a_node(self) -> None:
        with pytest.raises(InvalidSignature):
            await VoucherCheck(ESCROWS, Wallet(b"yes", absent=True)).require(TAB, 5, b"yes")


class TestKeepVoucher:
    async def test_says_that_it_takes_none(self, meter: Meter) -> None:
        with pytest.raises(PortAbsent):
            await meter.keep_voucher(MINE, 1, b"")

    async def test_keeps_the_largest(
        self, store: Store, writer: GroupCommit, clock: ManualClock, mirror: Mirror, check: VoucherCheck
    ) -> None:
        meter = Meter(store, writer, DigestSigner(), clock, vouchers=check)
        await mirror.put(MINE, balance=10, vouchers=True)
        assert not await meter.reserve(replace(hold("r", 1), tab=MINE))
        assert (await meter.available(MINE)).voucher_short_by == 10 * MICRO
        for units in (4, 3):
            standing = await meter.keep_voucher(MINE, units, signed(check, MINE, units))
            assert (standing.available, standing.voucher_short_by) == (4 * MICRO, 6 * MICRO)
        assert await meter.reserve(replace(hold("r", 3), tab=MINE))
        await meter.capture(replace(served("r", 2 * MICRO), tab=MINE))
        assert not await meter.reserve(replace(hold("s", 3), tab=MINE))
        standing = await meter.available(MINE)
        assert (standing.available, standing.cumulative, standing.vouchers) == (2 * MICRO, 2 * MICRO, True)

    async def test_keeps_nothing_unsigned(
        self, store: Store, writer: GroupCommit, clock: ManualClock, mirror: Mirror, check: VoucherCheck
    ) -> None:
        meter = Meter(store, writer, DigestSigner(), clock, vouchers=check)
        await mirror.put(MINE, balance=10, vouchers=True)
        with pytest.raises(InvalidSignature):
            await meter.keep_voucher(MINE, 9, signed(check, MINE, 8))
        assert (await meter.available(MINE)).available == 0
