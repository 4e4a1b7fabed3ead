"""Sent transactions on disk, on both databases.

SentTransactions
├── gives back what was kept, whole
├── the same number again takes the place of the one before
├── forgets what is mined, drops what was refused
└── keeps the keys of one store apart
"""

import pytest

from backend.chain.contract import Transaction
from backend.chain.fees import Fees
from backend.chain.in_flight import Pending
from backend.core.units import Address
from backend.db.session import Store
from backend.settlement.sent_repository import SentTransactions
from tests.backend.settlement.conftest import BUYER, CHAIN, METER


def pending(nonce: int, *hashes: bytes, to: Address | None = BUYER) -> Pending:
    sent = Transaction(to, b"\x01\x02", "UsageEscrow.settle", 2**200)
    return Pending(sent, nonce, 21_000, Fees(10**20, 7), [one * 32 for one in hashes])


@pytest.fixture
def memory(store: Store) -> SentTransactions:
    return SentTransactions(store, CHAIN, METER)


class TestSentTransactions:
    async def test_gives_back_what_was_kept(self, memory: SentTransactions) -> None:
        kept = [pending(3, b"a", b"b"), pending(4, b"c", to=None)]
        for one in kept:
            await memory.keep(one)
        assert await memory.load() == kept

    async def test_replaces_forgets_and_drops(self, memory: SentTransactions) -> None:
        for nonce in (3, 4, 5):
            await memory.keep(pending(nonce, b"a"))
        await memory.keep(pending(4, b"a", b"b"))
        await memory.forget(4)
        await memory.drop(5)
        assert await memory.load() == [pending(4, b"a", b"b")]

    async def test_keeps_keys_apart(self, store: Store, memory: SentTransactions) -> None:
        other = SentTransactions(store, CHAIN, BUYER)
        await memory.keep(pending(1, b"a"))
        await other.forget(9)
        assert (len(await memory.load()), await other.load()) == (1, [])
