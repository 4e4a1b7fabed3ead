"""Honest requests while others send bad signatures."""

import asyncio
import secrets
import time
from typing import Final

import aiohttp

from backend.client.signed_requests import signed_headers
from backend.core.units import hex_of
from backend.signing.keys import LocalKey
from scripts.bench.comparison import Comparison, in_turns
from scripts.bench.contestants import PATH, Contestant
from scripts.bench.load import Round, Target, Void, ask, percentile

HONEST_A_SECOND: Final = 100
BAD_A_SECOND: Final = 200
SECONDS: Final = 3.0
UNSIGNED: Final = 401


async def flooded(ours: Contestant, chain_id: int, rounds: int) -> Comparison:
    """Paced honest requests, with the flood and without it, in turns."""
    target = ours.target()
    key = LocalKey.create()

    async def quiet() -> Round:
        return await _paced(target)

    async def under_flood() -> Round:
        stop = asyncio.Event()
        flood = asyncio.create_task(_flood(target, chain_id, key, stop))
        try:
            return await _paced(target)
        finally:
            stop.set()
            await flood

    return await in_turns({"quiet": quiet, "flooded": under_flood}, rounds)


async def _paced(target: Target) -> Round:
    """Requests sent by the clock, whether earlier ones were answered or not."""
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(ask(session, target) for _ in range(8)))
        sending = []
        for _ in range(int(HONEST_A_SECOND * SECONDS)):
            sending.append(asyncio.create_task(ask(session, target)))
            await asyncio.sleep(1 / HONEST_A_SECOND)
        latencies = await asyncio.gather(*sending)
    p50, p99 = (1_000 * percentile(latencies, share) for share in (50, 99))
    return Round(0.0, 0.0, 0.0, len(latencies) / SECONDS, p50, p99, 0.0, tuple(latencies))


async def _flood(target: Target, chain_id: int, key: LocalKey, stop: asyncio.Event) -> None:
    """Requests signed by a key for another wallet's name: only recovering the signer tells. Raises Void where
    one is not refused as such.
    """
    refused: list[int] = []
    sending: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession() as session:

        async def one() -> None:
            headers = _forged(target, chain_id, key)
            async with session.post(target.url, data=target.body, headers=headers) as answer:
                await answer.read()
                refused.append(answer.status)

        while not stop.is_set():
            task = asyncio.create_task(one())
            sending.add(task)
            task.add_done_callback(sending.discard)
            await asyncio.sleep(1 / BAD_A_SECOND)
        await asyncio.gather(*sending)
    if set(refused) != {UNSIGNED}:
        raise Void(f"{target.name} answered bad signatures with {sorted(set(refused))}")


def _forged(target: Target, chain_id: int, key: LocalKey) -> dict[str, str]:
    headers = signed_headers(key, chain_id, "POST", target.url, int(time.time()), target.body)
    signed = headers["signature-input"]
    named = signed.replace(hex_of(key.address), hex_of(secrets.token_bytes(20)))
    if named == signed:
        raise RuntimeError(f"{PATH}: the signer is not named as expected in {signed}")
    return {**headers, "signature-input": named, "Content-Type": "application/json"}
