"""A chain double behind HTTP and WebSocket on loopback, for indexers that run in a process of their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from aiohttp import WSMsgType, web

from backend.core.errors import NodeUnreachable
from tests.chain_double.node import NodeDouble, header_json


@asynccontextmanager
async def served(node: NodeDouble) -> AsyncIterator[str]:
    """Serve JSON-RPC on a free port; gives the URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _subscription(request, node)
        try:
            body = await node.post("", await request.read())
        except NodeUnreachable:
            return web.Response(status=503, text="down")
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


async def _subscription(request: web.Request, node: NodeDouble) -> web.WebSocketResponse:
    """`eth_subscribe` to new heads, told by looking every few milliseconds."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    message = await socket.receive()
    if message.type is WSMsgType.TEXT:
        await socket.send_str('{"jsonrpc":"2.0","id":1,"result":"0x1"}')
    seen = node.chain.tip.hash
    while not socket.closed:
        await asyncio.sleep(0.002)
        if node.chain.tip.hash != seen:
            seen = node.chain.tip.hash
            params = {"subscription": "0x1", "result": header_json(node.chain.tip)}
            note = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
            await socket.send_str(orjson.dumps(note).decode())
    return socket
