"""An account's data beyond the chain: all of it as JSON, or erased as far as money allows."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from backend.core.errors import FreshSignatureRequired, InvalidCredential, WalletRequired
from backend.core.units import hex_of
from backend.db.personal import NOBODYS, PLAN, erase, rows_of
from backend.gateway.rights import Given, Wallet
from backend.gateway.schemas import ErasedReply, problems
from backend.gateway.streamed import StreamedResponse

_ALWAYS = (InvalidCredential, WalletRequired)


def router() -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1/account", tags=["account"])

    @api.get(
        "/export",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/json": {}}}, **problems(*_ALWAYS)},
    )
    async def export(principal: Wallet, given: Given) -> Response:
        """Everything kept here about the account beyond the chain, table by table; no hashes, no secrets."""
        body = _written(given, int(principal.chain_id), bytes(principal.address))
        headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="account.json"'}
        return StreamedResponse(body, "application/json", headers)

    @api.delete("", responses=problems(*_ALWAYS, FreshSignatureRequired))
    async def delete(principal: Wallet, given: Given) -> ErasedReply:
        """Erase it, keys and grants with it; says what stays for money's sake. Needs a fresh signature."""
        now = given.deps.clock.now()
        principal.require_fresh(now)
        async with given.deps.store.write_connection() as db:
            done = await erase(db, int(principal.chain_id), bytes(principal.address), now)
            await given.deps.store.announce(db)
        given.resolver.forget()
        kept = {name: entry.fate.why for name, entry in PLAN.items() if entry.fate is not None}
        return ErasedReply(erased=done, kept={**kept, "upstreams": NOBODYS["upstreams"]})

    return api


async def _written(given: Given, chain_id: int, account: bytes) -> AsyncGenerator[bytes, None]:
    """One JSON object, piece by piece: an account may have a million usage rows."""
    yield b"{"
    async with given.deps.store.read_connection() as db:
        for at, name in enumerate(sorted(PLAN)):
            yield (b",\n" if at else b"") + orjson.dumps(name) + b": ["
            first = True
            async with aclosing(rows_of(db, name, chain_id, account)) as rows:
                async for row in rows:
                    yield (b"" if first else b",\n") + orjson.dumps(_plain(row))
                    first = False
            yield b"]"
    yield b"}\n"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _spelled(value) for name, value in row.items()}


def _spelled(value: Any) -> Any:
    if isinstance(value, bytes):
        return hex_of(value)
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value
