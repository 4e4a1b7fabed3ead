"""Delivery

given a confirmed channel: the message arrives once, whatever other replicas do
given quiet hours: it waits for their end
given a channel that fails: it is tried less and less often, and given up in the end
given a place that will never take it: it is given up at once
given a channel nobody confirmed: nothing is sent
"""

import asyncio

from backend.alerts.kinds import Kind
from backend.alerts.quiet import clock_of
from backend.alerts.schemas import AlertsRequest
from backend.alerts.worker import AlertWorker
from backend.core.errors import AddressBlocked, UpstreamError
from backend.core.units import ChainId, PlanKind
from tests.backend.alerts.conftest import HOOK, Desk
from tests.backend.market import BUYER, CHAIN_ID, START, access, plan_id

TIMED = plan_id(PlanKind.TIMED)


async def ending(desk: Desk, *channels: str) -> None:
    """Access that ends within the hour, to be told."""
    await desk.want(Kind.ACCESS_ENDING, threshold="3600", channels=list(channels))
    await desk.market.mine(access(TIMED, START + 3_600))


class TestDelivery:
    async def test_arrives_once(self, desk: Desk) -> None:
        await ending(desk, await desk.channel())
        others = [AlertWorker(desk.store, desk.alerts, desk.sender, desk.clock) for _ in range(3)]
        await asyncio.gather(*(worker.step() for worker in others))
        await desk.clock.advance(600)
        await desk.worker.step()
        ((target, message),) = desk.sender.sent
        assert (target.text, message.kind) == (HOOK, "access_ending")
        assert message.data["plan_id"] == str(TIMED)

    async def test_waits_for_the_end_of_quiet_hours(self, desk: Desk) -> None:
        channel = await desk.channel()
        minute = START // 60 % 1_440
        quiet = {"start": clock_of(minute - 5), "end": clock_of(minute + 10)}
        wanted = {"kinds": {Kind.ACCESS_ENDING: {"channels": [channel]}}, "quiet_hours": quiet}
        shown = await desk.alerts.put(BUYER, AlertsRequest.model_validate(wanted))
        assert shown.quiet_hours is not None
        await desk.market.mine(access(TIMED, START + 3_600))
        assert await desk.worker.step() == 0
        await desk.clock.advance(500)
        assert await desk.worker.step() == 0
        await desk.clock.advance(100)
        assert await desk.worker.step() == 1

    async def test_tries_again_later(self, desk: Desk) -> None:
        await ending(desk, await desk.channel())
        desk.sender.failures = [UpstreamError("busy")] * 2
        assert await desk.worker.step() == 0
        assert await desk.worker.step() == 0
        await desk.clock.advance(10)
        assert await desk.worker.step() == 0
        assert desk.sender.failures == []
        await desk.clock.advance(60)
        assert await desk.worker.step() == 1

    async def test_gives_up_in_the_end(self, desk: Desk) -> None:
        await ending(desk, await desk.channel())
        desk.sender.failures = [UpstreamError("busy")] * 20
        for _ in range(12):
            await desk.worker.deliver() if _ else await desk.worker.step()
            await desk.clock.advance(86_400)
        assert len(desk.sender.failures) == 12

    async def test_gives_up_at_once_where_it_is_hopeless(self, desk: Desk) -> None:
        await ending(desk, await desk.channel())
        desk.sender.failures = [AddressBlocked("private")]
        await desk.worker.step()
        await desk.clock.advance(1_000)
        assert await desk.worker.step() == 0
        assert desk.sender.sent == []

    async def test_sends_nothing_unconfirmed(self, desk: Desk) -> None:
        made = await desk.alerts.channels.add(ChainId(CHAIN_ID), BUYER, HOOK)
        desk.sender.sent.clear()
        await ending(desk, made.id)
        assert await desk.worker.step() == 0
        assert [told.kind for told in await desk.told()] == ["access_ending"]
