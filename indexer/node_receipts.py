"""Receipts as a node gives them (`eth_getBlockReceipts`), as much of each as is kept."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class GasReceipt(NamedTuple):
    """One transaction's cost: `gas_price` in wei; `receiver` None where it made a contract."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    tx_index: int
    sender: bytes
    receiver: bytes | None
    gas_used: int
    gas_price: int
    ok: bool


def read_receipt(entry: Mapping[str, Any]) -> GasReceipt:
    """A receipt of the node's object. Raises KeyError, TypeError or ValueError for another shape."""
    return GasReceipt(
        tx_hash=bytes.fromhex(entry["transactionHash"][2:]),
        block_number=int(entry["blockNumber"], 16),
        block_hash=bytes.fromhex(entry["blockHash"][2:]),
        tx_index=int(entry["transactionIndex"], 16),
        sender=bytes.fromhex(entry["from"][2:]),
        receiver=bytes.fromhex(entry["to"][2:]) if entry.get("to") else None,
        gas_used=int(entry["gasUsed"], 16),
        gas_price=int(entry.get("effectiveGasPrice") or "0x0", 16),
        ok=int(entry.get("status") or "0x1", 16) == 1,
    )
