"""Honest requests while others send bad signatures, and while others are refused for less.

The refused are sent by a process of their own, `python -m scripts.bench.flood URL`, from headers made before
it starts: what signing costs the sender is no time of the server's, nor of those whose requests are timed.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
import orjson

from backend.client.signed_requests import signed_headers
from backend.core.units import hex_of
from backend.signing.keys import LocalKey
from scripts.bench.comparison import Comparison, in_turns
from scripts.bench.contestants import PATH, Contestant
from scripts.bench.load import Round, Target, Void, ask, percentile
from scripts.bench.servers import ended

HONEST_A_SECOND: Final = 100
BAD_A_SECOND: Final = 200
SECONDS: Final = 5.0
UNAUTHORIZED: Final = 401
READY: Final = b"ready\n"
NICE: Final = 10
"""Those who are timed come first on the core that the senders share."""
_JSON: Final = {"Content-Type": "application/json"}

Headers = Mapping[str, str]


async def flooded(ours: Contestant, chain_id: int, rounds: int) -> Comparison:
    """Paced honest requests in turns: alone, beside as many mistyped keys as bad signatures, beside those."""
    target = ours.target()
    key = LocalKey.create()

    async def quiet() -> Round:
        return await _paced(target)

    async def refused() -> Round:
        return await _beside(target, _mistyped)

    async def under_flood() -> Round:
        return await _beside(target, lambda: _forged(target, chain_id, key))

    return await in_turns({"quiet": quiet, "refused": refused, "flooded": under_flood}, rounds)


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


async def _beside(target: Target, one: Callable[[], Headers]) -> Round:
    """Honest requests while a process sends others. Raises Void where one of these is not refused."""
    many = [one() for _ in range(int(BAD_A_SECOND * (SECONDS + 1)))]
    command = (sys.executable, "-m", "scripts.bench.flood", target.url)
    async with ended(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE) as sender:
        if sender.stdin is None or sender.stdout is None:
            raise RuntimeError("the sender has no pipes")
        sender.stdin.write(orjson.dumps({"body": target.body.decode(), "headers": many}))
        sender.stdin.write_eof()
        if await sender.stdout.readline() != READY:
            raise RuntimeError(f"the sender ended with {await sender.wait()}")
        found = await _paced(target)
        answered: dict[str, int] = orjson.loads(await sender.stdout.read())
        await sender.wait()
    if set(answered) != {str(UNAUTHORIZED)}:
        raise Void(f"{target.name} answered what it had to refuse: {answered}")
    return found


def _mistyped() -> Headers:
    """A key that is refused on sight: what a request costs that is refused for nearly nothing."""
    return {**_JSON, "Authorization": f"Bearer emp_dev_{secrets.token_urlsafe(32)}"}


def _forged(target: Target, chain_id: int, key: LocalKey) -> Headers:
    """Signed by a key for another wallet's name: only recovering the signer tells."""
    headers = signed_headers(key, chain_id, "POST", target.url, int(time.time()), target.body)
    signed = headers["signature-input"]
    named = signed.replace(hex_of(key.address), hex_of(secrets.token_bytes(20)))
    if named == signed:
        raise RuntimeError(f"{PATH}: the signer is not named as expected in {signed}")
    return {**headers, "signature-input": named, **_JSON}


async def _send(url: str, body: bytes, many: list[Headers]) -> dict[str, int]:
    """Send each by the clock; how often each status came."""
    statuses: dict[str, int] = {}
    async with aiohttp.ClientSession() as session:

        async def one(headers: Headers) -> None:
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                statuses[str(answer.status)] = statuses.get(str(answer.status), 0) + 1

        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        async with asyncio.TaskGroup() as sending:
            for headers in many:
                sending.create_task(one(headers))
                await asyncio.sleep(1 / BAD_A_SECOND)
    return statuses


def main() -> None:
    """Send what standard input says to the URL named; say "ready", and the statuses at the end."""
    os.nice(NICE)
    told = orjson.loads(sys.stdin.buffer.read())
    statuses = asyncio.run(_send(sys.argv[1], told["body"].encode(), told["headers"]))
    sys.stdout.buffer.write(orjson.dumps(statuses))


if __name__ == "__main__":
    main()
