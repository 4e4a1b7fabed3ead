"""When the index has moved, for those who follow it beside the requests."""

from backend.entitlement.head import HeadWatch


class HeadMoves:
    """Counts the moves of a watched head."""

    def __init__(self, watch: HeadWatch) -> None:
        self._watch = watch
        self._count = 0
        watch.on_move(self._moved)

    def mark(self) -> int:
        """How often it has moved."""
        return self._count

    async def wait(self, mark: int, seconds: float) -> bool:
        """Return once it has moved since `mark`; False when time is up."""
        return self._count != mark or await self._watch.wait_for(None, seconds)

    def _moved(self) -> None:
        self._count += 1
