"""One chain's way forward: compare the stored head with the node's, fetch what is missing, take one step."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from backend.chain.events import Header, RawLog
from backend.core.errors import DatabaseError, DeploymentMismatch, NodeError, WrongChain
from backend.core.logs import get_logger
from indexer.backfill import Pace, Progress, fetched, untold
from indexer.mirror import Mirror
from indexer.ranges import Range, StepSize, next_range, split
from indexer.reorg import Fork, find_fork
from indexer.source import Heads, Source, linked
from indexer.steps import Applied, Head, Readied, Step

BEAT_MS: Final = 500
BACKFILL_FROM: Final = 50
"""Final blocks to catch up with that are worth a backfill."""


@dataclass(frozen=True, slots=True)
class IndexerOptions:
    """How a chain is followed. `step_blocks` bounds a step of a backfill, and so its memory."""

    poll_interval_ms: int = 500
    finality_depth: int = 64
    step_blocks: int = 2_000
    receipts: bool = True
    """Whether receipts of final blocks are kept (statements need them)."""
    progress: Progress = untold
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class Indexer:
    """Follows one chain into one store."""

    def __init__(self, mirror: Mirror, source: Source, options: IndexerOptions) -> None:
        self._mirror = mirror
        self._source = source
        self._options = options
        self._log = get_logger("indexer")
        self._head = Head(0, b"")
        self._heads: Heads | None = None
        self._beaten_at_ms = 0

    async def begin(self) -> None:
        """Bind the store to the chain. Raises WrongChain, DeploymentMismatch, DatabaseMismatch, NodeError."""
        deployment = self._mirror.deployment
        actual = await self._source.chain_id()
        if actual != deployment.chain_id:
            raise WrongChain(
                f"the node is on chain {actual}, the deployment record is of chain {deployment.chain_id}; "
                "point EMPORION_RPC_URLS at a node of that chain, or EMPORION_DEPLOYMENT_FILE at its record",
                expected=deployment.chain_id,
                actual=actual,
            )
        genesis = await self._header(0)
        if "0x" + genesis.hash.hex() != deployment.genesis_hash:
            raise WrongChain(
                f"the node's chain {actual} has another genesis than the deployment record: it was started "
                "afresh; deploy again, or point EMPORION_RPC_URLS at the chain of the record",
                expected=deployment.genesis_hash,
                actual="0x" + genesis.hash.hex(),
            )
        if not await self._mirror.is_bound():
            await self._require_whole_record()
        self._head = await self._mirror.bind(genesis.hash, await self._header(self._mirror.anchor))

    async def _require_whole_record(self) -> None:
        """Raise DeploymentMismatch where a contract was there before the block the record begins with.

        Its events up to then would be missing for good. Block 0 has none, whatever stands in it.
        """
        anchor = self._mirror.anchor
        early = await self._source.standing(anchor) if anchor > 0 else []
        if early:
            names = ", ".join(sorted(self._mirror.reader.contracts[address] for address in early))
            raise DeploymentMismatch(
                f"{names} stood on the chain before block {anchor + 1}, where the deployment record begins: "
                "events would be missing; set start_block in the record to the block that created the first"
            )

    async def _header(self, number: int) -> Header:
        found = await self._at(number)
        if not found:
            raise NodeError(f"the node has no block {number}; wait until it is synced, or use another")
        return found[0]

    async def catch_up(self, announced: Header | None = None) -> None:
        """Step until the store stands at the node's head. Raises NodeError to be tried again."""
        follows = self._following(announced)
        heads = follows or await self._source.heads()
        if heads.finalized - self._head.number >= BACKFILL_FROM and await self._has(self._head):
            await self._backfill(heads)
        while await self.advance(heads) and follows is None:
            heads = await self._source.heads()

    async def _backfill(self, heads: Heads) -> None:
        """Take the final blocks in bulk. Raises NodeError when what came does not hang together."""
        await self._require_history()
        size, first, last = StepSize(self._options.step_blocks), self._head.number, heads.finalized
        pace = Pace(self._mirror.chain_id, first, last, time.monotonic, self._options.progress)
        async for part in fetched(self._source, first, last, size, self._mirror.readied):
            headers = self._whole(part.headers, self._head, part.wanted)
            await self._take(self._step(Fork(self._head), headers, part.readied, heads))
            pace.at(self._head.number)
        await self._mirror.look_over()

    async def _require_history(self) -> None:
        """Raise NodeError when the node has pruned logs that are known to be there."""
        known = await self._mirror.block_with_logs()
        if known is not None and not await self._source.logs(Range(known, known)):
            raise NodeError(
                f"the node gives no logs of block {known}, where there are some: it has pruned them and "
                "would hide others; name an archive node in EMPORION_RPC_URLS"
            )

    def _following(self, announced: Header | None) -> Heads | None:
        """The heads, without asking for them, when the announced block follows the stored one."""
        if announced is None or self._heads is None or announced.parent_hash != self._head.hash:
            return None
        return replace(self._heads, latest=announced)

    async def advance(self, heads: Heads) -> bool:
        """Take one step towards the node's head; False when there."""
        self._heads = heads
        if heads.latest.hash == self._head.hash or await self._is_behind(heads.latest):
            await self._beat(heads.latest.number)
            return False
        fork = await self._fork(heads.latest)
        wanted = next_range(fork.head.number, heads.latest.number, self._options.step_blocks)
        if wanted is None and fork.head == self._head:
            return False  # a chain shorter than the deployment: wait for its blocks
        headers = await self._headers(fork, wanted, heads.latest) if wanted else []
        logs = await self._logs(headers, heads.finalized)
        await self._take(self._step(fork, headers, self._mirror.readied(headers, logs), heads))
        return True

    async def _take(self, step: Step) -> None:
        try:
            done = await self._mirror.apply(step)
        except DatabaseError:
            self._head = await self._mirror.head()  # another writer's, or ours if only the answer was lost
            raise
        last = step.headers[-1] if step.headers else step.fork
        self._head = Head(last.number, last.hash)
        self._beaten_at_ms = step.confirmed_at_ms
        self._tell(step, done)

    async def _fork(self, tip: Header) -> Fork:
        """The stored head if the node's chain goes through it, else where the two part."""
        head = self._head
        if tip.number == head.number + 1 and tip.parent_hash == head.hash:
            return Fork(head)
        if tip.number > head.number and await self._has(head):
            return Fork(head)
        return await find_fork(self._mirror, self._source, head, tip)

    async def _is_behind(self, tip: Header) -> bool:
        """Whether a lower tip is only a late answer: the node still has our head."""
        return tip.number < self._head.number and await self._has(self._head)

    async def _has(self, head: Head) -> bool:
        return [header.hash for header in await self._at(head.number)] == [head.hash]

    async def _at(self, number: int) -> list[Header]:
        return await self._source.headers(Range(number, number))

    async def _headers(self, fork: Fork, wanted: Range, tip: Header) -> list[Header]:
        known = list(fork.branch)[: wanted.width]
        rest = Range(wanted.first + len(known), wanted.last)
        if rest.width == 1 and rest.last == tip.number:
            known.append(tip)
        elif rest.width > 0:
            known += await self._source.headers(rest)
        return self._whole(known, fork.head, wanted)

    def _whole(self, headers: list[Header], fork: Head, wanted: Range) -> list[Header]:
        if len(headers) != wanted.width or not linked(headers, fork.hash):
            raise NodeError(f"blocks {wanted.first} to {wanted.last} changed while they were read; once more")
        return headers

    async def _logs(self, headers: list[Header], finalized: int) -> list[RawLog]:
        """Final blocks by range; the others by hash, so that an answer cannot mix forks."""
        if not headers:
            return []
        final, recent = split(Range(headers[0].number, headers[-1].number), finalized)
        logs = await self._source.logs(final) if final.width > 0 else []
        logs += await self._source.block_logs(headers[final.width :]) if recent.width > 0 else []
        return logs

    def _step(self, fork: Fork, headers: list[Header], ready: Readied, heads: Heads) -> Step:
        return Step(
            chain_id=self._mirror.chain_id,
            base=self._head,
            fork=fork.head,
            headers=headers,
            readied=ready,
            safe=heads.safe,
            finalized=heads.finalized,
            anchor=fork.anchor,
            confirmed_at_ms=self._options.now_ms(),
            node_number=heads.latest.number,
        )

    def _tell(self, step: Step, done: Applied) -> None:
        if step.fork != step.base:
            self._log.warning(
                "indexer.reorg.rewound",
                chain_id=step.chain_id,
                depth=done.undone,
                fork=step.fork.number,
                head=self._head.number,
                retracted=done.retracted,
                rebuilt=done.rebuilt,
            )
        self._log.debug("indexer.step", chain_id=step.chain_id, head=self._head.number, events=done.events)

    async def _beat(self, node_number: int) -> None:
        now = self._options.now_ms()
        if now - self._beaten_at_ms >= BEAT_MS:
            self._beaten_at_ms = now
            await self._mirror.beat(now, node_number)
