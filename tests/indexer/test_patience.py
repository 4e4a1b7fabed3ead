"""What is tried again, how long after, and what is asked then

tried
    given what may pass (a node away, throttled, confused; a database away or busy), it should count it
    given what does not (another chain, another deployment), it should raise it
    given success, it should forget the failures before
backoff
    it should grow to a few seconds, and be a little different each time
given a node that wishes for fewer requests
    the same range should be asked for again: it was not too wide
given a node that gives no answer
    less should be asked for next time: it may have taken too long
"""

import pytest

from backend.chain.client import NodeClient
from backend.core.errors import (
    DatabaseBusy,
    DatabaseMismatch,
    DatabaseUnreachable,
    DeploymentMismatch,
    EmporionError,
    NodeError,
    NodeThrottled,
    NodeUnreachable,
    WrongChain,
)
from indexer.node_source import NodeSource
from indexer.patience import BACKOFF_SECONDS, backoff, tried
from indexer.ranges import Range
from tests.chain_double.emitter import ADDRESSES
from tests.chain_double.market import Market
from tests.chain_double.node import NodeDouble

MAY_PASS = (NodeUnreachable, NodeThrottled, NodeError, DatabaseUnreachable, DatabaseBusy)
DOES_NOT = (WrongChain, DeploymentMismatch, DatabaseMismatch)


async def act(error: EmporionError | None = None) -> None:
    if error is not None:
        raise error


class TestTried:
    @pytest.mark.parametrize("kind", MAY_PASS)
    async def test_counts_what_may_pass(self, kind: type[EmporionError]) -> None:
        assert await tried(act(kind("away")), 3) == 4

    @pytest.mark.parametrize("kind", DOES_NOT)
    async def test_raises_what_does_not(self, kind: type[EmporionError]) -> None:
        with pytest.raises(kind):
            await tried(act(kind("other")), 3)

    async def test_forgets_failures_after_success(self) -> None:
        assert await tried(act(), 3) == 0


class TestBackoff:
    def test_grows_and_differs(self) -> None:
        for failures, seconds in enumerate(BACKOFF_SECONDS, 1):
            drawn = {backoff(failures) for _ in range(50)}
            assert len(drawn) > 1
            assert all(0.8 * seconds <= one <= 1.2 * seconds for one in drawn)
        assert 4.0 <= backoff(1_000) <= 6.0


class TestAskedNext:
    async def test_the_same_after_a_wish_for_fewer_requests(self, market: Market) -> None:
        node, source = self._asked_for_logs(market)
        node.faults.errors.append(("eth_getLogs", 429, "Too many requests"))
        with pytest.raises(NodeThrottled):
            await source.logs(Range(1, 40))
        await source.logs(Range(1, 40))
        assert widths(node) == [40, 40]

    async def test_less_after_no_answer(self, market: Market) -> None:
        node, source = self._asked_for_logs(market)
        node.faults.drops = 1
        with pytest.raises(NodeUnreachable):
            await source.logs(Range(1, 40))
        await source.logs(Range(1, 40))
        assert widths(node) == [20, 20]

    def _asked_for_logs(self, market: Market) -> tuple[NodeDouble, NodeSource]:
        market.mine_blocks(40)
        node = NodeDouble(market.chain)
        return node, NodeSource(NodeClient(node, "http://double"), list(ADDRESSES.values()), 64)


def widths(node: NodeDouble) -> list[int]:
    """How many blocks each answered or refused question for logs was about."""
    asked = [params[0] for method, params in node.asked if method == "eth_getLogs"]
    return [int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1 for wanted in asked]
