"""Just enough of a node: read, send, wait. JSON-RPC over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from backend.client.closing import Closing
from backend.client.http import TIMEOUT
from backend.core.errors import EmporionError
from backend.core.units import checksum, hex_of, to_address
from backend.signing.envelope import Envelope
from backend.signing.keys import Signer

WAIT_SECONDS: Final = 120.0
_POLL: Final = 0.25
_ROOM_PERCENT: Final = 20


class NodeRefused(EmporionError):
    """The node or a contract refused; the node's own words, and a revert's data where it gave any."""

    code = "node_refused"


class TransactionFailed(EmporionError):
    """Mined and reverted, or not mined in time."""

    code = "transaction_failed"


class Node(Closing):
    """One node of one chain."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)
        self._next = 0

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def call(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. Raises NodeRefused."""
        self._next += 1
        request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        try:
            answer = (await self._client.post(self._url, json=request)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise NodeRefused(f"no answer from the node ({type(error).__name__}); check its URL") from error
        if "error" in answer:
            told = answer["error"]
            raise NodeRefused(str(told.get("message")), data=told.get("data"))
        return answer.get("result")

    async def read(self, to: str, data: bytes) -> bytes:
        """`eth_call` at the newest block."""
        return bytes.fromhex((await self.call("eth_call", {"to": to, "data": hex_of(data)}, "latest"))[2:])

    async def now(self) -> int:
        """Timestamp of the newest block."""
        return int((await self.call("eth_getBlockByNumber", "latest", False))["timestamp"], 16)

    async def send(self, key: Signer, to: str, data: bytes) -> dict[str, Any]:
        """Estimate, sign, send, wait; the receipt. Raises NodeRefused (before sending), TransactionFailed."""
        sender = checksum(key.address)
        call = {"from": sender, "to": to, "data": hex_of(data)}
        gas = int(await self.call("eth_estimateGas", call, "pending"), 16)
        block = await self.call("eth_getBlockByNumber", "latest", False)
        tip = int(await self.call("eth_maxPriorityFeePerGas"), 16)
        envelope = Envelope(
            chain_id=int(await self.call("eth_chainId"), 16),
            nonce=int(await self.call("eth_getTransactionCount", sender, "pending"), 16),
            tip=tip,
            most=2 * int(block["baseFeePerGas"], 16) + tip,
            gas=gas + gas * _ROOM_PERCENT // 100,
            to=to_address(to),
            value=0,
            data=data,
        )
        signed = await asyncio.to_thread(envelope.signed, key)  # a remote signer takes a while
        return await self._mined(await self.call("eth_sendRawTransaction", hex_of(signed)))

    async def _mined(self, tx_hash: str) -> dict[str, Any]:
        for _ in range(int(WAIT_SECONDS / _POLL)):
            receipt: dict[str, Any] | None = await self.call("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                if int(receipt["status"], 16) != 1:
                    raise TransactionFailed(f"transaction {tx_hash} reverted", transaction=tx_hash)
                return receipt
            await asyncio.sleep(_POLL)
        raise TransactionFailed(f"{tx_hash} is not mined yet; look it up before sending again")


def types_of(parameters: Sequence[Mapping[str, Any]]) -> list[str]:
    """Canonical types of a function's inputs or outputs; tuples written out."""
    return [_type_of(part) for part in parameters]


def _type_of(part: Mapping[str, Any]) -> str:
    kind = str(part["type"])
    if not kind.startswith("tuple"):
        return kind
    inner: Sequence[Mapping[str, Any]] = part["components"]
    return f"({','.join(_type_of(one) for one in inner)}){kind.removeprefix('tuple')}"
