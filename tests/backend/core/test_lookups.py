"""Look-ups that callers share.

get
├── asks once for all who wait
├── asks again once it was answered
├── tells each of them its error
└── answers the others when one leaves
forget
└── keeps who asks from then on from what was begun before
"""

import asyncio

import pytest

from backend.core.errors import ModelNotFound
from backend.core.lookups import SharedLookups


class Source:
    """Answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        answer = self.asked
        await self.open.wait()
        return answer


class TestGet:
    async def test_asks_once(self) -> None:
        lookups, source = SharedLookups[str, int](), Source()
        callers = [asyncio.create_task(lookups.get("a", source)) for _ in range(5)]
        await asyncio.sleep(0)
        source.open.set()
        assert await asyncio.gather(*callers) == [1] * 5
        assert await lookups.get("a", source) == 2

    async def test_tells_each_its_error(self) -> None:
        async def broken() -> int:
            raise ModelNotFound("none")

        lookups = SharedLookups[str, int]()
        answers = await asyncio.gather(*(lookups.get("a", broken) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ModelNotFound] * 3

    async def test_answers_the_others_when_one_leaves(self) -> None:
        lookups, source = SharedLookups[str, int](), Source()
        first, second = (asyncio.create_task(lookups.get("a", source)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        source.open.set()
        assert await second == 1
        assert source.asked == 1


class TestForget:
    async def test_parts_before_from_after(self) -> None:
        lookups, source = SharedLookups[str, int](), Source()
        before = asyncio.create_task(lookups.get("a", source))
        await asyncio.sleep(0)
        lookups.forget()
        after = asyncio.create_task(lookups.get("a", source))
        await asyncio.sleep(0)
        source.open.set()
        assert (await before, await after) == (1, 2)
        assert source.asked == 2
