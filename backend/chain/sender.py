"""One sender a key: numbers its transactions, offers fees, waits, and replaces what gets stuck.

Two senders of one key collide on nonces: the composition root makes one and hands it to all who need it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from backend.chain.client import NodeClient, Receipt
from backend.chain.contract import Transaction
from backend.chain.fees import current_fees
from backend.chain.in_flight import InFlight, Pending
from backend.core.clock import Clock, SystemClock
from backend.core.errors import NodeError, TransactionNotMined, TransactionReverted
from backend.core.logs import get_logger
from backend.core.units import Address, hex_of, keccak
from backend.signing.envelope import Envelope
from backend.signing.keys import Signer

log = get_logger("chain")

_KNOWN: Final = re.compile(r"already (known|imported|in)|known transaction", re.IGNORECASE)
_STALE: Final = re.compile(r"nonce too low|nonce is too low|already been used", re.IGNORECASE)
_UNDERPRICED: Final = re.compile(r"underpriced|fee too low|max fee per gas less than", re.IGNORECASE)
_ATTEMPTS: Final = 4
_GAS_ROOM_PERCENT: Final = 20
_GAS_ROOM: Final = 60_000
"""A second later a contract may write new words where it changes some now, as votes do: 22,100 each."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between looks, until a transaction is replaced, until waiting ends."""

    poll: float = 0.2
    stuck: float = 45.0
    most: float = 300.0


OnSigned = Callable[[Pending, bytes], Awaitable[None]]
"""Told of a signed transaction before it is sent: who must survive a crash writes it down here."""


async def _nobody(_pending: Pending, _signed: bytes) -> None:
    """Nothing to write down."""


class Memory(Protocol):
    """Keeps what was sent and is not known to be mined, for a process that starts again to go on with."""

    async def load(self) -> list[Pending]:
        """What was kept."""
        ...

    async def keep(self, pending: Pending) -> None:
        """About to be sent (again): it takes the place of what had its number."""
        ...

    async def drop(self, nonce: int) -> None:
        """The node refused it: the number is free."""
        ...

    async def forget(self, mined: int) -> None:
        """Numbers below are on the chain."""
        ...


class Forgetful:
    """For keys whose transactions are waited for: nothing is left of them."""

    async def load(self) -> list[Pending]:
        """Nothing."""
        return []

    async def keep(self, pending: Pending) -> None:
        """Nothing."""

    async def drop(self, nonce: int) -> None:
        """Nothing."""

    async def forget(self, mined: int) -> None:
        """Nothing."""


class Sender:
    """Sends transactions of one key to one node."""

    def __init__(
        self,
        client: NodeClient,
        signer: Signer,
        *,
        clock: Clock | None = None,
        patience: Patience | None = None,
        on_signed: OnSigned = _nobody,
        memory: Memory | None = None,
    ) -> None:
        self._client = client
        self._signer = signer
        self._clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._on_signed = on_signed
        self._memory = memory or Forgetful()
        self._recalled = False
        self._lock = asyncio.Lock()
        self._in_flight = InFlight(self._clock)
        self._chain_id: int | None = None

    @property
    def address(self) -> Address:
        """Whose transactions these are."""
        return self._signer.address

    async def send(self, transaction: Transaction, *, gas: int | None = None) -> Receipt:
        """Send and wait until it is mined.

        Raises ContractRevert (before anything is sent where the node can tell), InsufficientFunds,
        TransactionNotMined, NodeUnreachable.
        """
        return await self.wait(await self.submit(transaction, gas=gas))

    async def send_all(self, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Send in order without waiting in between, then wait for all."""
        pending = [await self.submit(transaction) for transaction in transactions]
        return [await self.wait(one) for one in pending]

    async def submit(self, transaction: Transaction, *, gas: int | None = None) -> Pending:
        """Estimate, number, sign and send; then `wait` for it, or `tend` now and then. Raises as `send`."""
        async with self._lock:
            await self._recall()
            limit = gas or await self.estimate(transaction)
            pending = Pending(transaction, await self._next_nonce(), limit, await current_fees(self._client))
            await self._dispatch(pending)
        return pending

    async def tend(self) -> None:
        """Look after what was submitted and nobody waits for: offer more for what is stuck."""
        async with self._lock:
            await self._recall()
            await self._forget_mined(await self._client.nonce(self.address, "latest"))
            for pending in self._in_flight.stuck(self._patience.stuck):
                await self._replace(pending)

    async def affordable(self, gas: int) -> int:
        """How many transactions of so much gas the key's balance pays for, at what is offered now."""
        fees = await current_fees(self._client)
        return await self._client.balance(self.address) // (gas * fees.most)

    async def estimate(self, transaction: Transaction) -> int:
        """Gas to allow, on top of what is already pending. Raises ContractRevert, InsufficientFunds."""
        request = {"from": hex_of(self.address), "data": hex_of(transaction.data)}
        if transaction.value:
            request["value"] = hex(transaction.value)
        if transaction.to is not None:
            request["to"] = hex_of(transaction.to)
        used = int(await self._client.call("eth_estimateGas", request, "pending"), 16)
        return used + used * _GAS_ROOM_PERCENT // 100 + _GAS_ROOM

    async def wait(self, pending: Pending) -> Receipt:
        """Wait until it is mined, offering more when it is stuck. Raises TransactionReverted and its like."""
        try:
            receipt = await self._mined(pending)
        finally:
            self._in_flight.discard(pending)
        if not receipt.ok:
            await self._explain(pending.transaction, receipt)
        return receipt

    async def _mined(self, pending: Pending) -> Receipt:
        start = sent = self._clock.monotonic()
        while True:
            for receipt in await self._client.receipts(pending.hashes):
                if receipt is not None:
                    return receipt
            now = self._clock.monotonic()
            if now - start > self._patience.most:
                raise self._not_mined(pending, "it may still be: look it up before sending again")
            if now - sent > self._patience.stuck:
                await self._replace(pending)
                sent = now
            await self._clock.sleep(self._patience.poll)

    async def _replace(self, pending: Pending) -> None:
        """Send it again with a better offer, unless its number was used by another transaction."""
        if await self._client.nonce(self.address, "latest") > pending.nonce:
            if any(await self._client.receipts(pending.hashes)):
                return
            raise self._not_mined(
                pending, "another transaction of the same key took its place; send it again"
            )
        pending.fees = pending.fees.replacing(await current_fees(self._client))
        await self._dispatch(pending)
        log.warning("chain.transaction.replaced", label=pending.transaction.label, nonce=pending.nonce)

    async def _dispatch(self, pending: Pending) -> None:
        for _ in range(_ATTEMPTS):
            envelope = await self._envelope(pending)
            signed = await asyncio.to_thread(envelope.signed, self._signer)  # a remote signer takes a while
            pending.hashes.append(bytes(keccak(signed)))
            await self._memory.keep(pending)
            await self._on_signed(pending, signed)
            try:
                await self._client.send_raw(signed)
            except NodeError as error:
                if not await self._arrived(pending, error):
                    continue
            self._in_flight.add(pending)
            return
        raise self._not_mined(pending, "the node refuses every offer; raise the key's balance or wait")

    async def _arrived(self, pending: Pending, error: NodeError) -> bool:
        """Whether a refusal means that the node has it. Prepares another try, or raises what none cures."""
        if _KNOWN.search(error.message):
            return True
        if _UNDERPRICED.search(error.message):
            pending.fees = pending.fees.replacing(await current_fees(self._client))
            return False
        if not _STALE.search(error.message):
            if len(pending.hashes) == 1:
                await self._memory.drop(pending.nonce)
            raise error
        if len(pending.hashes) > 1:
            return True  # an earlier offer was mined meanwhile
        pending.hashes.clear()
        pending.nonce = await self._client.nonce(self.address, "pending")
        return False

    async def _envelope(self, pending: Pending) -> Envelope:
        if self._chain_id is None:
            self._chain_id = await self._client.chain_id()
        return Envelope(
            chain_id=self._chain_id,
            nonce=pending.nonce,
            tip=pending.fees.tip,
            most=pending.fees.most,
            gas=pending.gas,
            to=pending.transaction.to,
            value=pending.transaction.value,
            data=pending.transaction.data,
        )

    async def _next_nonce(self) -> int:
        mined = await self._client.nonce(self.address, "latest")
        await self._forget_mined(mined)
        return self._in_flight.next_nonce(mined, await self._client.nonce(self.address, "pending"))

    async def _recall(self) -> None:
        """Go on with what an earlier process sent."""
        if self._recalled:
            return
        for pending in await self._memory.load():
            self._in_flight.recall(pending)
        self._recalled = True

    async def _forget_mined(self, mined: int) -> None:
        if self._in_flight.forget_mined(mined):
            await self._memory.forget(mined)

    async def _explain(self, transaction: Transaction, receipt: Receipt) -> None:
        """Raise the reason of a mined failure, by calling it again where it failed."""
        if transaction.to is not None:
            await self._client.read(
                transaction.to, transaction.data, sender=self.address, block=receipt.block_number
            )
        raise TransactionReverted(
            f"{transaction.label} was mined in block {receipt.block_number} and undone without a reason; "
            "the state has moved on since it was sent: look, and send it again",
            transaction=hex_of(receipt.tx_hash),
        )

    def _not_mined(self, pending: Pending, advice: str) -> TransactionNotMined:
        return TransactionNotMined(
            f"{pending.transaction.label} (nonce {pending.nonce}) is not mined; {advice}",
            transactions=[hex_of(tx) for tx in pending.hashes],
            nonce=pending.nonce,
        )
