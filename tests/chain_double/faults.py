"""What can go wrong with a node, as a table a test fills: each fault is used up by the calls it hits."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.core.errors import NodeUnreachable

RANGE_REFUSED = (-32005, "query returned more than 10000 results")


class RpcFault(Exception):
    """A JSON-RPC error to answer with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message}


@dataclass
class FaultTable:
    """Counters say how many of the next calls are hit; predicates are asked every time."""

    drops: int = 0
    """Requests that get no answer."""
    garbage: int = 0
    """Answers that are no JSON."""
    partial: int = 0
    """Batches that lose their second half."""
    shuffled: bool = False
    """Batches answered in another order."""
    empty_logs: int = 0
    """`eth_getLogs` answers of a pruned node: no logs, no error."""
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    """(method, code, message) to answer with, each once, in order."""
    widest: int | None = None
    """Ranges of logs wider than this are refused."""
    refusal: tuple[int, str] = RANGE_REFUSED
    stall: asyncio.Event | None = None
    """Requests wait until it is set."""
    hooks: list[Callable[[Sequence[str]], None]] = field(default_factory=list)
    """Called before each request with its methods: a test moves the chain under the indexer here."""
    lie: Callable[[str, Any], Any] | None = None
    """Changes results by method."""

    async def before(self, methods: Sequence[str]) -> None:
        for hook in list(self.hooks):
            hook(methods)
        if self.stall is not None:
            await self.stall.wait()
        if self.drops:
            self.drops -= 1
            raise NodeUnreachable("the double dropped the connection")

    def refuse(self, method: str, params: Sequence[Any]) -> None:
        for entry in self.errors:
            if entry[0] == method:
                self.errors.remove(entry)
                raise RpcFault(entry[1], entry[2])
        if method == "eth_getLogs" and self.widest is not None and "fromBlock" in params[0]:
            width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if width > self.widest:
                raise RpcFault(*self.refusal)

    def result(self, method: str, result: Any) -> Any:
        if method == "eth_getLogs" and self.empty_logs and result:
            self.empty_logs -= 1
            return []
        return result if self.lie is None else self.lie(method, result)

    def batch(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(answers) > 1 and self.partial:
            self.partial -= 1
            answers = answers[: len(answers) // 2]
        return answers[::-1] if self.shuffled else answers

    def body(self, body: bytes) -> bytes:
        if self.garbage:
            self.garbage -= 1
            return b"<html>502</html>"
        return body
