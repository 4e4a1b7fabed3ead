"""A node in memory: scripted answers by method, and a record of what was asked."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson


class RpcError(Exception):
    """What a scripted method raises to answer with a JSON-RPC error object."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data is not None else {})}


class FakeTransport:
    """Answers from functions by method name; `raw` replaces the next body whole."""

    def __init__(self, methods: Mapping[str, Callable[..., Any]]) -> None:
        self.methods = dict(methods)
        self.asked: list[tuple[str, list[Any]]] = []
        self.posts = 0
        self.raw: bytes | None = None

    async def post(self, url: str, body: bytes) -> bytes:
        self.posts += 1
        if self.raw is not None:
            return self.raw
        request = orjson.loads(body)
        if isinstance(request, list):
            return orjson.dumps([self._answer(entry) for entry in reversed(request)])
        return orjson.dumps(self._answer(request))

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((request["method"], request["params"]))
        head = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            return {**head, "result": self.methods[request["method"]](*request["params"])}
        except RpcError as error:
            return {**head, "error": error.error}
