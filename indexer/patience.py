"""Trying again: what may be, and how long to wait."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from backend.core.errors import EmporionError, NodeError
from backend.core.logs import get_logger

BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


async def tried(act: Awaitable[None], failures: int) -> int:
    """Failures in a row, this one counted. Raises what cannot be helped by trying again."""
    try:
        await act
    except EmporionError as error:
        if not (error.retryable or isinstance(error, NodeError)):
            raise
        log = get_logger("indexer")
        tell: Callable[..., None] = log.warning if failures else log.info
        tell("indexer.retry", error=error.message, code=error.code, attempt=failures + 1)
        return failures + 1
    return 0


def backoff(failures: int) -> float:
    """Seconds to wait, a little different each time, so that many do not come back at once."""
    return BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311
