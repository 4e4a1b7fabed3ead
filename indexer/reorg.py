"""Where the stored chain and the node's part: the fork point, found by walking hashes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backend.chain.events import Header
from backend.core.errors import NodeError
from indexer.mirror import Mirror
from indexer.ranges import Range
from indexer.source import Source, linked
from indexer.steps import Head

FIRST_WINDOW: Final = 8
WINDOW_GROWTH: Final = 4
LARGEST_WINDOW: Final = 512


@dataclass(frozen=True, slots=True)
class Fork:
    """The last block both have; `anchor` where even the block before the deployment was replaced.

    `branch` is what the way to it showed of the node's chain after that block.
    """

    head: Head
    anchor: Header | None = None
    branch: Sequence[Header] = ()


async def find_fork(mirror: Mirror, source: Source, head: Head, tip: Header) -> Fork:
    """Walk down from the lower of the two heads until a hash is the same.

    Raises NodeError (to be tried again) when the node's chain moves under the walk.
    """
    anchor = mirror.anchor
    high, window = min(head.number, tip.number), FIRST_WINDOW
    branch: list[Header] = []
    while high >= anchor:
        low = max(anchor, high - window + 1)
        headers, stored = await asyncio.gather(
            _window(source, Range(low, high), branch[0] if branch else None),
            mirror.hashes(range(low, high + 1)),
        )
        branch = headers + branch
        for place, header in reversed(list(enumerate(headers))):
            if stored.get(header.number) == header.hash:
                return Fork(Head(header.number, header.hash), branch=branch[place + 1 :])
        high, window = low - 1, min(window * WINDOW_GROWTH, LARGEST_WINDOW)
    return await _below_the_anchor(mirror, source, branch[0] if branch else None)


async def _window(source: Source, wanted: Range, above: Header | None) -> list[Header]:
    """Headers that hang together, and hang under the window above."""
    headers = await source.headers(wanted)
    whole = len(headers) == wanted.width and linked(headers[1:], headers[0].hash)
    if not whole or (above is not None and above.parent_hash != headers[-1].hash):
        raise NodeError(f"blocks {wanted.first} to {wanted.last} changed while they were read; once more")
    return headers


async def _below_the_anchor(mirror: Mirror, source: Source, anchor: Header | None) -> Fork:
    """Nothing stored is left. The same chain, replaced from before the deployment on, or another chain."""
    await mirror.bind((await source.headers(Range(0, 0)))[0].hash, anchor or Header(0, b"", b"", 0))
    if anchor is not None:
        return Fork(Head(anchor.number, anchor.hash), anchor)
    # The chain ends before the deployment: keep the anchor as it was and wait for blocks.
    stored = await mirror.hashes([mirror.anchor])
    return Fork(Head(mirror.anchor, stored[mirror.anchor]))
