"""One key's transactions.

Sender.send
├── when the contract would refuse: its error, and nothing is sent
├── when it is mined and undone: the reason of then
├── when the account has no money: said so
└── given several at once: numbers without gaps, in order
Sender.estimate
└── leaves room for words that are new a second later
Sender.wait
├── when it is stuck: replaced by a better offer, and the first to be mined counts
├── when another transaction takes the number: said so
└── when it is never mined: said so, with every hash
Sender.submit
├── when the node says it is known: taken as sent
├── when the number is stale: the node's own is taken
├── when it is underpriced: offered more
└── given a node that lags, or was set back: numbers go on, or begin again
Sender.tend: what nobody waits for is replaced when stuck
Sender, given a memory
├── what an earlier process sent is replaced when stuck, its number is not given again
├── what is mined is forgotten
├── what the node refused was never sent: its number is free
└── what an earlier process only meant to send: its number is free
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backend.chain.client import NodeClient
from backend.chain.contract import Transaction
from backend.chain.fees import Fees
from backend.chain.in_flight import InFlight, Pending
from backend.chain.sender import Patience, Sender
from backend.cli.devnet.network import Devnet
from backend.core.clock import ManualClock, SystemClock
from backend.core.errors import (
    ContractRevert,
    InsufficientFunds,
    NodeError,
    TransactionNotMined,
    TransactionReverted,
)
from backend.core.units import keccak
from backend.signing.keys import LocalKey
from tests.backend.chain.fakes import FakeTransport, RpcError

KEY = LocalKey(b"\3" * 32)
NOTHING = Transaction(bytes(20), b"", "nothing")
QUICK = Patience(poll=0.01, stuck=0.05, most=5.0)


class Mempool:
    """A scripted node: mines what it likes of what it was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.mined: list[bytes] = []
        self.count = 0
        self.counted = 0
        self.refusals: list[str] = []
        self.on_sent: Callable[[bytes], None] = lambda _tx: None

    def client(self) -> NodeClient:
        methods: dict[str, Any] = {
            "eth_chainId": lambda: "0x1",
            "eth_estimateGas": lambda *_: "0x5208",
            "eth_getTransactionCount": self._counted,
            "eth_getBalance": lambda *_: hex(10**9),
            "eth_getBlockByNumber": lambda *_: {"baseFeePerGas": "0x64"},
            "eth_maxPriorityFeePerGas": lambda: "0x0a",
            "eth_gasPrice": lambda: "0x6e",
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
        }
        return NodeClient(FakeTransport(methods), "http://127.0.0.1:1")

    def _counted(self, _account: str, tag: str) -> str:
        return hex(max(self.count, self.counted) if tag == "pending" else self.count)

    def _send(self, raw: str) -> str:
        if self.refusals:
            raise RpcError(-32000, self.refusals.pop(0))
        tx = keccak(bytes.fromhex(raw[2:]))
        self.sent.append(tx)
        self.on_sent(tx)
        return "0x" + tx.hex()

    def _receipt(self, text: str) -> dict[str, Any] | None:
        if bytes.fromhex(text[2:]) not in self.mined:
            return None
        zero = "0x" + "00" * 32
        place = {"blockNumber": "0x1", "blockHash": zero, "transactionHash": text, "logs": []}
        sender = "0x" + "00" * 20
        return {**place, "from": sender, "to": sender, "gasUsed": "0x1", "status": "0x1"}


def a_sender(mempool: Mempool, patience: Patience = QUICK) -> Sender:
    return Sender(mempool.client(), KEY, patience=patience)


class TestSend:
    async def test_sends_nothing_that_would_be_refused(self, devnet: Devnet) -> None:
        buyer = devnet.sender("buyer")
        with pytest.raises(ContractRevert, match="get more of the token"):
            await buyer.send(devnet.contracts.emp.transfer(buyer.address, 1))
        assert await devnet.client.nonce(buyer.address) == 0

    async def test_gives_the_reason_of_what_was_mined_and_undone(self, devnet: Devnet) -> None:
        buyer = devnet.sender("buyer")
        with pytest.raises(ContractRevert, match="ERC20InsufficientBalance"):
            await buyer.send(devnet.contracts.emp.transfer(buyer.address, 1), gas=100_000)
        assert await devnet.client.nonce(buyer.address) == 1

    async def test_says_when_the_reason_is_gone(self, devnet: Devnet) -> None:
        buyer = devnet.sender("buyer")
        with pytest.raises(TransactionReverted, match="look, and send it again"):
            await buyer.send(devnet.contracts.dollar.mint(buyer.address, 1), gas=30_000)

    async def test_says_when_there_is_no_money(self, devnet: Devnet) -> None:
        with pytest.raises(InsufficientFunds):
            await Sender(devnet.client, KEY).send(NOTHING, gas=21_000)

    async def test_one_shared_wallet_never_collides_on_nonces(self, devnet: Devnet) -> None:
        buyer = devnet.sender("buyer")
        mints = [devnet.contracts.dollar.mint(buyer.address, amount) for amount in (1, 2, 3)]
        await asyncio.gather(*(buyer.send(mint) for mint in mints), buyer.send_all(mints))
        assert await devnet.client.nonce(buyer.address) == 6
        assert await devnet.contracts.dollar.balance(buyer.address) == 12


class TestEstimate:
    async def test_leaves_room_for_words_that_are_new_a_second_later(self) -> None:
        assert await a_sender(Mempool()).estimate(NOTHING) >= 0x5208 + 2 * 22_100


class TestWait:
    async def test_replaces_what_is_stuck(self) -> None:
        mempool = Mempool()
        mempool.on_sent = lambda tx: mempool.mined.append(tx) if len(mempool.sent) == 2 else None
        receipt = await a_sender(mempool).send(NOTHING)
        assert receipt.tx_hash == mempool.sent[1]

    async def test_takes_the_first_offer_if_that_is_mined(self) -> None:
        mempool = Mempool()
        mempool.on_sent = lambda _: mempool.mined.append(mempool.sent[0]) if len(mempool.sent) == 2 else None
        receipt = await a_sender(mempool).send(NOTHING)
        assert receipt.tx_hash == mempool.sent[0]

    async def test_says_when_another_took_the_number(self) -> None:
        mempool = Mempool()
        sender = a_sender(mempool)
        pending = await sender.submit(NOTHING)
        mempool.count = 1
        with pytest.raises(TransactionNotMined, match="took its place"):
            await sender.wait(pending)

    async def test_gives_up_with_every_hash(self) -> None:
        mempool = Mempool()
        with pytest.raises(TransactionNotMined) as caught:
            await a_sender(mempool, Patience(poll=0.01, stuck=0.1, most=0.15)).send(NOTHING)
        assert caught.value.details["transactions"] == ["0x" + tx.hex() for tx in mempool.sent]
        assert len(mempool.sent) == 2


class TestSubmit:
    async def test_takes_known_as_sent(self) -> None:
        mempool = Mempool()
        mempool.refusals = ["already known"]
        assert (await a_sender(mempool).submit(NOTHING)).nonce == 0

    async def test_takes_the_nodes_number_when_its_own_is_stale(self) -> None:
        mempool = Mempool()
        mempool.refusals = ["nonce too low: next nonce 4, tx nonce 0"]
        sender = a_sender(mempool)
        mempool.count = 4
        assert (await sender.submit(NOTHING)).nonce == 4
        assert len(mempool.sent) == 1

    async def test_offers_more_when_underpriced(self) -> None:
        mempool = Mempool()
        mempool.refusals = ["replacement transaction underpriced"]
        pending = await a_sender(mempool).submit(NOTHING)
        assert pending.fees.tip > 10
        assert len(pending.hashes) == 2

    async def test_raises_what_no_offer_cures(self) -> None:
        mempool = Mempool()
        mempool.refusals = ["intrinsic gas too low"]
        with pytest.raises(NodeError, match="intrinsic"):
            await a_sender(mempool).submit(NOTHING)

    async def test_gives_up_when_every_offer_is_refused(self) -> None:
        mempool = Mempool()
        mempool.refusals = ["transaction underpriced"] * 9
        with pytest.raises(TransactionNotMined, match="refuses every offer"):
            await a_sender(mempool).submit(NOTHING)

    async def test_goes_on_when_the_node_lags(self) -> None:
        sender = a_sender(Mempool())
        assert [(await sender.submit(NOTHING)).nonce for _ in range(3)] == [0, 1, 2]


class TestTend:
    async def test_replaces_what_nobody_waits_for(self) -> None:
        mempool = Mempool()
        sender = a_sender(mempool, Patience(stuck=0.0))
        await sender.submit(NOTHING)
        await sender.tend()
        assert len(mempool.sent) == 2

    async def test_leaves_what_is_mined(self) -> None:
        mempool = Mempool()
        sender = a_sender(mempool, Patience(stuck=0.0))
        await sender.submit(NOTHING)
        mempool.count = 1
        await sender.tend()
        assert len(mempool.sent) == 1


class TestInFlight:
    async def test_begins_again_when_the_node_was_set_back(self) -> None:
        clock = ManualClock()
        flying = InFlight(clock)
        flying.add(Pending(NOTHING, 7, 21_000, Fees(2, 1)))
        assert flying.next_nonce(mined=3, counted=3) == 8
        await clock.advance(6)
        assert flying.next_nonce(mined=3, counted=3) == 3

    def test_counts_what_the_node_counts(self) -> None:
        flying = InFlight(SystemClock())
        flying.add(Pending(NOTHING, 7, 21_000, Fees(2, 1)))
        assert flying.next_nonce(mined=3, counted=12) == 12


class TestFees:
    def test_raises_both_parts_of_a_replacement(self) -> None:
        assert Fees(100, 10).replacing(Fees(0, 0)) == Fees(116, 12)

    def test_never_offers_less_than_a_fresh_one(self) -> None:
        assert Fees(100, 10).replacing(Fees(500, 50)) == Fees(500, 50)


class Notes:
    """A memory."""

    def __init__(self) -> None:
        self.kept: dict[int, Pending] = {}

    async def load(self) -> list[Pending]:
        return [replace(one, hashes=list(one.hashes)) for one in self.kept.values()]

    async def keep(self, pending: Pending) -> None:
        self.kept[pending.nonce] = replace(pending, hashes=list(pending.hashes))

    async def drop(self, nonce: int) -> None:
        self.kept.pop(nonce, None)

    async def forget(self, mined: int) -> None:
        self.kept = {nonce: pending for nonce, pending in self.kept.items() if nonce >= mined}


class TestMemory:
    def process(self, mempool: Mempool, notes: Notes, stuck: float = 0.0) -> Sender:
        return Sender(mempool.client(), KEY, patience=Patience(stuck=stuck), memory=notes)

    async def test_goes_on_with_what_an_earlier_process_sent(self) -> None:
        mempool, notes = Mempool(), Notes()
        await self.process(mempool, notes).submit(NOTHING)
        mempool.counted = 1
        again = self.process(mempool, notes)
        await again.tend()
        assert len(set(mempool.sent)) == 2
        assert (notes.kept[0].hashes, notes.kept[0].fees.tip > 10) == (mempool.sent, True)
        assert (await again.submit(NOTHING)).nonce == 1

    async def test_forgets_what_is_mined(self) -> None:
        mempool, notes = Mempool(), Notes()
        await self.process(mempool, notes).submit(NOTHING)
        mempool.count = 1
        again = self.process(mempool, notes)
        await again.tend()
        assert (notes.kept, len(mempool.sent)) == ({}, 1)

    async def test_frees_a_refused_number(self) -> None:
        mempool, notes = Mempool(), Notes()
        mempool.refusals = ["intrinsic gas too low"]
        with pytest.raises(NodeError):
            await self.process(mempool, notes).submit(NOTHING)
        assert notes.kept == {}

    async def test_frees_the_number_of_what_never_left(self) -> None:
        mempool, notes = Mempool(), Notes()
        await notes.keep(Pending(NOTHING, 0, 21_000, Fees(200, 10), [b"h" * 32]))
        assert (await self.process(mempool, notes, 45.0).submit(NOTHING)).nonce == 0


class TestAffordable:
    async def test_counts_transactions(self) -> None:
        assert await a_sender(Mempool()).affordable(1_000) == 10**9 // (1_000 * 210)
