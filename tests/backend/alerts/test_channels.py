"""Channels

add: a code is sent; secrets are not kept in the clear; no more than a few an hour
confirm
├── given a wrong code five times, or the right one too late: refused, the right one after them too
├── given somebody else's channel: not found
└── given the code: used from then on
remove: not used any more, its secrets forgotten
"""

import pytest

from backend.alerts import repository
from backend.alerts.kinds import Kind
from backend.core.errors import AddressBlocked, Forbidden, NotFound, RateLimited, Unprocessable
from backend.core.units import ChainId
from tests.backend.alerts.conftest import CODE, HOOK, Desk
from tests.backend.market import BUYER, CHAIN_ID, STRANGER

HERE = ChainId(CHAIN_ID)


class TestAdd:
    async def test_sends_a_code_and_keeps_no_secret_in_the_clear(self, desk: Desk) -> None:
        made = await desk.alerts.channels.add(HERE, BUYER, HOOK)
        assert (made.scheme, made.shown, made.confirmed) == ("webhook", "https://hooks.example/...", False)
        ((target, message),) = desk.sender.sent
        assert (target.text, message.data["code"]) == (HOOK, CODE)
        async with desk.store.read_connection() as db:
            (row,) = await repository.channels(db, HERE, BUYER)
        kept = repr(tuple(row)).encode()
        assert made.secret is not None
        assert not any(secret in kept for secret in (b"private", made.secret.encode(), CODE.encode()))

    async def test_refuses_private_places(self, desk: Desk) -> None:
        with pytest.raises(AddressBlocked):
            await desk.alerts.channels.add(HERE, BUYER, "https://192.168.0.1/")
        assert desk.sender.sent == []

    async def test_bothers_few_strangers(self, desk: Desk) -> None:
        for _ in range(5):
            made = await desk.alerts.channels.add(HERE, BUYER, "mailto:owner@shop.example")
            assert made.secret is None
            await desk.alerts.channels.remove(HERE, BUYER, made.id)
        with pytest.raises(RateLimited):
            await desk.alerts.channels.add(HERE, BUYER, HOOK)
        await desk.clock.advance(3_601)
        assert await desk.alerts.channels.add(HERE, BUYER, HOOK)


class TestConfirm:
    async def test_gives_five_tries(self, desk: Desk) -> None:
        made = await desk.alerts.channels.add(HERE, BUYER, HOOK)
        for code in ["00000000"] * 5 + [CODE]:
            with pytest.raises(Forbidden):
                await desk.alerts.channels.confirm(HERE, BUYER, made.id, code)

    async def test_refuses_a_late_code(self, desk: Desk) -> None:
        made = await desk.alerts.channels.add(HERE, BUYER, HOOK)
        await desk.clock.advance(901)
        with pytest.raises(Forbidden):
            await desk.alerts.channels.confirm(HERE, BUYER, made.id, CODE)

    async def test_is_for_the_account_that_made_it(self, desk: Desk) -> None:
        made = await desk.alerts.channels.add(HERE, BUYER, HOOK)
        with pytest.raises(NotFound):
            await desk.alerts.channels.confirm(HERE, STRANGER, made.id, CODE)
        with pytest.raises(NotFound):
            await desk.alerts.channels.remove(HERE, STRANGER, made.id)
        with pytest.raises(Unprocessable):
            await desk.want(Kind.SALE, STRANGER, channels=[made.id])


class TestRemove:
    async def test_forgets_where_it_led(self, desk: Desk) -> None:
        channel = await desk.channel()
        await desk.alerts.channels.remove(HERE, BUYER, channel)
        assert (await desk.alerts.shown(BUYER)).channels == []
        with pytest.raises(NotFound):
            await desk.alerts.channels.confirm(HERE, BUYER, channel, CODE)
