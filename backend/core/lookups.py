"""Look-ups that callers share: who asks for the same thing at the same moment waits for one answer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SharedLookups(Generic[K, V]):
    """One look-up under way for each key.

    When something remembered expires, every request under way would look it up again at once; so they ask
    once. `forget` keeps those who ask from then on from an answer that was begun before.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K, look_up: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The answer of the look-up under way, else of this one. Raises what it raises.

        A caller who leaves does not take the answer from the others.
        """
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(look_up())
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Something changed: what is under way answers those who wait for it and nobody else."""
        self._under_way.clear()

    def _end(self, key: K, task: "asyncio.Task[V]") -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may be left to
