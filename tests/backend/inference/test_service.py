"""Upstreams that providers bind.

Upstreams.put
  when the address may not be used -> blocked, nothing changes
  when the gateway has no embedded model -> unprocessable
  when a definition does not fit its kind -> named
  when a secret is given -> sealed in the table, never shown, sent to its origin alone
  when the secret is left out -> kept for the same origin, dropped for another
  when put again -> replaces
members
  when another process changed the table -> seen within five seconds
  when the row is unchanged -> the same member with its health
  when a row cannot be used -> left out
reseal
  when the master key rotates -> opens with the old, sealed with the new
SecretBox
  when moved to another place, changed, or the master unknown -> refused
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.core.clock import ManualClock
from backend.core.errors import AddressBlocked, SettingsError, Unprocessable
from backend.core.settings import Settings
from backend.core.units import ChainId, ServiceId
from backend.db.session import Store
from backend.db.stores import open_gateway_store
from backend.inference import repository
from backend.inference.schemas import ServiceKey, UpstreamDefinition
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from backend.net.client import HttpClient
from backend.net.guard import DEVNET, PUBLIC_ONLY

SERVICE = ServiceKey(ChainId(31337), ServiceId(1))
OLD, NEW = b"o" * 32, b"n" * 32
URL = "https://llm.example.com/v1"


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[Store]:
    store = await open_gateway_store(Settings(home=tmp_path, database_url=database_url))
    yield store
    await store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def upstreams(store: Store, clock: ManualClock) -> Upstreams:
    return Upstreams(store, HttpClient(PUBLIC_ONLY), SecretBox(OLD), clock)


def openai(url: str = URL, **more: object) -> UpstreamDefinition:
    return UpstreamDefinition.model_validate({"kind": "openai", "url": url, "model": "m"} | more)


async def sealed(store: Store) -> list[bytes | None]:
    async with store.read() as session:
        return [row.secret for row in await repository.of_service(session, SERVICE)]


async def token(upstreams: Upstreams) -> str | None:
    (member,) = await upstreams.members(SERVICE)
    return member.upstream._headers.get("Authorization")  # type: ignore[attr-defined, no-any-return]


class TestPut:
    @pytest.mark.parametrize(
        "url",
        [
            "http://llm.example.com/v1",
            "https://10.0.0.1/v1",
            "https://u:p@a.example/v1",
            "http://127.0.0.1:1",
        ],
    )
    async def test_address_that_may_not_be_used(self, upstreams: Upstreams, url: str) -> None:
        await upstreams.put(SERVICE, [openai()])
        with pytest.raises(AddressBlocked):
            await upstreams.put(SERVICE, [openai(), openai(url)])
        assert [shown.url for shown in await upstreams.shown(SERVICE)] == [URL]

    async def test_no_embedded_model_here(self, upstreams: Upstreams) -> None:
        with pytest.raises(Unprocessable, match="no embedded model"):
            await upstreams.put(SERVICE, [UpstreamDefinition.model_validate({"kind": "embedded"})])

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"kind": "openai", "model": "m"}, "url"),
            ({"kind": "embedded", "url": URL}, "url"),
            ({"kind": "openai", "url": URL}, "model"),
            ({"kind": "http", "url": URL, "secret": "a\r\nb"}, "secret"),
            ({"kind": "http", "url": URL, "weight": 0}, "weight"),
            ({"kind": "http", "url": URL, "headers": {}}, "headers"),
        ],
    )
    def test_definition_that_does_not_fit(self, fields: dict[str, object], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            UpstreamDefinition.model_validate(fields)

    async def test_secret_is_sealed_and_never_shown(self, upstreams: Upstreams, store: Store) -> None:
        (shown,) = await upstreams.put(SERVICE, [openai(secret="sk-canary")])
        assert shown.has_secret
        assert "sk-canary" not in shown.model_dump_json()
        (secret,) = await sealed(store)
        assert secret is not None
        assert b"sk-canary" not in secret
        assert await token(upstreams) == "Bearer sk-canary"

    async def test_secret_is_kept_for_its_origin(self, upstreams: Upstreams) -> None:
        await upstreams.put(SERVICE, [openai(secret="sk-1")])
        await upstreams.put(SERVICE, [openai("https://llm.example.com:443/other", weight=3)])
        assert await token(upstreams) == "Bearer sk-1"

    async def test_secret_is_dropped_for_another_origin(self, upstreams: Upstreams) -> None:
        await upstreams.put(SERVICE, [openai(secret="sk-1")])
        for url in ("https://evil.example.com/v1", "https://llm.example.com:8443/v1"):
            (shown,) = await upstreams.put(SERVICE, [openai(url)])
            assert not shown.has_secret
            assert await token(upstreams) is None

    async def test_other_services_stay(self, upstreams: Upstreams) -> None:
        other = ServiceKey(ChainId(31337), ServiceId(2))
        await upstreams.put(other, [openai()])
        await upstreams.put(SERVICE, [])
        assert len(await upstreams.members(other)) == 1
        assert await upstreams.members(SERVICE) == []


class TestMembers:
    async def test_change_by_another_process(
        self, upstreams: Upstreams, store: Store, clock: ManualClock
    ) -> None:
        assert await upstreams.members(SERVICE) == []
        elsewhere = Upstreams(store, HttpClient(PUBLIC_ONLY), SecretBox(OLD), clock)
        await elsewhere.put(SERVICE, [openai()])
        assert await upstreams.members(SERVICE) == []
        await clock.advance(5)
        assert len(await upstreams.members(SERVICE)) == 1

    async def test_unchanged_row_keeps_its_health(self, upstreams: Upstreams, clock: ManualClock) -> None:
        await upstreams.put(SERVICE, [openai()])
        (before,) = await upstreams.members(SERVICE)
        before.healthy = False
        await clock.advance(5)
        assert await upstreams.members(SERVICE) == [before]

    async def test_row_that_cannot_be_used(self, store: Store, clock: ManualClock) -> None:
        devnet = Upstreams(store, HttpClient(DEVNET), SecretBox(OLD), clock)
        await devnet.put(SERVICE, [openai("http://127.0.0.1:9/v1"), openai()])
        live = Upstreams(store, HttpClient(PUBLIC_ONLY), SecretBox(OLD), clock)
        assert len(await devnet.members(SERVICE)) == 2
        assert len(await live.members(SERVICE)) == 1


class TestReseal:
    async def test_rotated_master(self, upstreams: Upstreams, store: Store, clock: ManualClock) -> None:
        await upstreams.put(SERVICE, [openai(secret="sk-1")])
        between = Upstreams(store, HttpClient(PUBLIC_ONLY), SecretBox(NEW, [OLD]), clock)
        assert (await between.reseal(), await between.reseal()) == (1, 0)
        after = Upstreams(store, HttpClient(PUBLIC_ONLY), SecretBox(NEW), clock)
        assert await token(after) == "Bearer sk-1"


class TestSecretBox:
    def test_another_place(self) -> None:
        box = SecretBox(OLD)
        sealed = box.seal("sk", "up_1 https://a:443")
        assert box.open(sealed, "up_1 https://a:443") == "sk"
        with pytest.raises(SettingsError, match="does not belong"):
            box.open(sealed, "up_1 https://b:443")

    @pytest.mark.parametrize("at", [0, 6, -1])
    def test_changed(self, at: int) -> None:
        sealed = bytearray(SecretBox(OLD).seal("sk", "p"))
        sealed[at] ^= 1
        with pytest.raises(SettingsError):
            SecretBox(OLD).open(bytes(sealed), "p")

    def test_unknown_master(self) -> None:
        with pytest.raises(SettingsError, match="EMPORION_MASTER_KEY"):
            SecretBox(NEW).open(SecretBox(OLD).seal("sk", "p"), "p")

    def test_never_the_same_twice(self) -> None:
        box = SecretBox(OLD)
        assert box.seal("sk", "p") != box.seal("sk", "p")
