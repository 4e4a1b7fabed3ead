"""What a node's JSON-RPC error means: a revert, too many requests, too many logs, or a plain refusal. Pure.

Nodes share codes between meanings (-32005 is both a rate and a size limit), so the words decide.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from backend.chain.reverts import revert_of
from backend.core.errors import (
    ChainError,
    InsufficientFunds,
    LogsRefused,
    NodeError,
    NodeThrottled,
    TransactionReverted,
)

REVERTED: Final = 3
_RATE = re.compile(
    r"rate.?limit|too many requests?\b|requests? per (second|minute|day)|compute units|capacity|throughput"
    r"|throttl|try again (in|later)|request (count|limit)|request rate|daily (request|limit)|\brps\b|/sec",
    re.IGNORECASE,
)
_LOGS = re.compile(
    r"block range|range (is )?too|too (wide|large|many (results|logs|blocks))|max(imum)?[ -](block )?range"
    r"|limited to (a )?[\d,.]+k?|more than [\d,]+ (results|logs)|response size|query (timeout|returned)"
    r"|exceed(s|ed)? (the )?(max|limit|range|block)|limit exceeded|timed? ?out|backend response",
    re.IGNORECASE,
)
_HINT = re.compile(r"\[?(0x[0-9a-f]+)\s*(?:,|-|to)\s*(0x[0-9a-f]+)\]?", re.IGNORECASE)
_DECIMAL_HINT = re.compile(r"with the range (\d+)-(\d+)", re.IGNORECASE)
_FUNDS = re.compile(
    r"insufficient funds|doesn't have enough funds|out of gas: gas required exceeds allowance: 0", re.I
)


def fault_of(method: str, error: Mapping[str, Any]) -> ChainError:
    """The error to raise for a JSON-RPC error object of a call of `method`."""
    code, message = error.get("code", 0), str(error.get("message", ""))
    told = f"the node refused {method}: {message[:300] or 'no reason given'} (code {code})"
    data = _revert_data(error.get("data"))
    if data or code == REVERTED or "revert" in message.lower():
        return revert_of(data) if data else TransactionReverted(f"{told}; the contract gives no reason")
    if _RATE.search(message) or code == 429:
        return NodeThrottled(f"{told}; ask less often or give another URL in EMPORION_RPC_URLS")
    if method == "eth_getLogs" and (_LOGS.search(message) or code == -32005):
        return LogsRefused(f"{told}; ask for fewer blocks", suggested_range(message))
    if _FUNDS.search(message):
        return InsufficientFunds(f"{told}; send the account money for gas")
    return NodeError(told, rpc_code=code)


def suggested_range(message: str) -> tuple[int, int] | None:
    """The block range that an error's words propose, as some providers do."""
    if found := _HINT.search(message):
        return int(found[1], 16), int(found[2], 16)
    found = _DECIMAL_HINT.search(message)
    return (int(found[1]), int(found[2])) if found else None


def _revert_data(data: object) -> bytes:
    """The bytes of a revert: hexadecimal itself, or inside an object as some nodes wrap it."""
    if isinstance(data, Mapping):
        data = data.get("data") or data.get("result")
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return b""
