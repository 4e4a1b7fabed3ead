"""How long after a pass was transferred its seller is served still."""

import asyncio
import time
from typing import Final

import aiohttp

from backend.cli.demo.world import Person
from backend.core.units import Then
from scripts.bench.contestants import LASTING, PATH, House, body
from scripts.bench.load import Void

SERVED, REFUSED = 200, 402
PAUSE_SECONDS: Final = 0.005
MOST_SECONDS: Final = 20.0


async def refusals(house: House, times: int) -> list[float]:
    """Seconds from the block that holds a transfer to the first request refused for it; a pass goes back and
    forth between two wallets. Raises Void.
    """
    world, plan = house.world, house.plans[LASTING]
    first, second = await world.meet("first holder"), await world.meet("second holder")
    for person in (first, second):
        await person.sign_in()
    await first.trader.buy(plan, 1, Then.HOLD)
    seconds = []
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            await _until(session, house, first, SERVED)
            seconds.append(await _refused(session, house, first, second))
            first, second = second, first
    return seconds


async def _refused(session: aiohttp.ClientSession, house: House, seller: Person, taker: Person) -> float:
    """From the first sight of the block to the refusal; 0 where the index was faster than our look."""
    access, plan = house.world.devnet.contracts.access, house.plans[LASTING]
    moved = access.transfer(seller.key.address, taker.key.address, plan, 1)
    seen: dict[int, float] = {}
    watching = asyncio.create_task(_blocks(house, seen))
    refused = asyncio.create_task(_until(session, house, seller, REFUSED))
    try:
        receipt = await seller.trader.send(moved)
        told = await refused
    finally:
        for task in (watching, refused):
            task.cancel()
        await asyncio.gather(watching, refused, return_exceptions=True)
    return max(told - seen[receipt.block_number], 0.0)


async def _blocks(house: House, seen: dict[int, float]) -> None:
    """Note when each block is there."""
    while True:
        number = await house.world.devnet.client.block_number()
        seen.setdefault(number, time.perf_counter())
        await asyncio.sleep(PAUSE_SECONDS)


async def _until(session: aiohttp.ClientSession, house: House, person: Person, wanted: int) -> float:
    """Ask until the answer has this status; when it came. Raises Void for another one, or none in time.

    The block is named that everybody has seen, so that a refusal is not held back for the next.
    """
    ours = house.contestant
    headers = {"Authorization": f"Bearer {person.api_key}", "Content-Type": "application/json"}
    data, end = body(ours.model), time.perf_counter() + MOST_SECONDS
    while time.perf_counter() < end:
        sent = {**headers, "Emporion-Min-Block": "1"}
        async with session.post(ours.url + PATH, data=data, headers=sent) as answer:
            told = await answer.read()
        if answer.status == wanted:
            return time.perf_counter()
        if answer.status not in (SERVED, REFUSED):
            raise Void(f"a holder was answered {answer.status}: {told[:300]!r}")
        await asyncio.sleep(PAUSE_SECONDS)
    raise Void(f"no answer {wanted} within {MOST_SECONDS:.0f} s")
