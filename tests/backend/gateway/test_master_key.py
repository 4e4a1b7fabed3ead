"""The master key changed, as docs/runbook.md says.

a gateway that knows the new key and the one before
├── opens what the one before sealed, and seals it anew at its start: upstreams, webhooks, alert channels
├── does so once; afterwards the new key alone opens all of it
└── leaves alone what neither sealed
`emporion keys rotate-master`
├── does the same in one transaction, tells counts, and finds nothing to do the second time
├── broken off: nothing is changed
└── tells what no key opens; needs an earlier key
"""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from backend.cli.master_key import rotate_master
from backend.core.errors import SettingsError, Unprocessable
from backend.core.settings import Settings, load_settings
from backend.core.units import ChainId
from backend.db.tables.alerts import AlertChannel
from backend.db.tables.feed import WebhookEndpoint
from backend.db.tables.inference import BoundUpstream
from backend.gateway.app import running
from backend.gateway.deps import assemble
from backend.inference.schemas import ServiceKey, UpstreamDefinition, UpstreamKind
from backend.inference.secrets import SecretBox
from backend.inference.service import Upstreams
from tests.backend.gateway.conftest import House, address_of, bearer
from tests.backend.market import CHAIN_ID, SERVICE

OLD, NEW, OTHER = "0a" * 32, "0b" * 32, "0c" * 32


@pytest.fixture
def gateway_settings(database_url: str) -> dict[str, Any]:
    return {"database_url": database_url, "master_key": OLD}


def with_keys(house: House, **keys: str) -> Settings:
    shown = house.settings.model_dump(exclude={"master_key", "earlier_master_keys"}, exclude_unset=True)
    return load_settings(**{**shown, **keys})


async def restart(house: House, **keys: str) -> None:
    """Start and stop a gateway with other keys on the same store."""
    settings = with_keys(house, **keys)
    box = SecretBox(settings.master_secret(), settings.earlier_master_secrets())
    deps = house.services.deps
    upstreams = Upstreams(deps.store, deps.outgoing, box, deps.clock)  # type: ignore[arg-type]
    async with running(assemble(replace(deps, settings=settings, upstreams=upstreams))):
        pass


async def sealed(house: House) -> list[bytes]:
    """Everything that is kept sealed."""
    columns = (
        BoundUpstream.secret,
        WebhookEndpoint.secret,
        WebhookEndpoint.earlier_secret,
        AlertChannel.sealed_target,
        AlertChannel.sealed_secret,
    )
    async with house.services.deps.store.read() as session:
        found = [(await session.execute(select(column))).scalars().all() for column in columns]  # type: ignore[call-overload]
    return [bytes(value) for values in found for value in values if value is not None]


async def entrust(house: House) -> None:
    """A secret of each kind."""
    definition = UpstreamDefinition(kind=UpstreamKind.OPENAI, url=house.model.url, model="m", secret="sk-1")
    await house.services.deps.upstreams.put(ServiceKey(ChainId(CHAIN_ID), SERVICE), [definition])
    token = bearer(await house.sign_in(house.buyer))
    hook = (await house.http.post("/v1/webhooks", json={"url": house.model.url}, headers=token)).json()
    path = f"/v1/webhooks/{hook['id']}/rotate"
    assert (await house.http.post(path, json={}, headers=token)).status_code == 200
    channels = house.services.alerting.alerts.channels
    with pytest.raises(Unprocessable):
        await channels.add(ChainId(CHAIN_ID), address_of(house.buyer), "mailto:owner@shop.example")


class TestMasterKey:
    async def test_is_changed_without_loss(self, house: House) -> None:
        await entrust(house)
        before = await sealed(house)
        assert len(before) == 5
        await restart(house, master_key=OLD, earlier_master_keys=NEW)
        assert await sealed(house) == before
        await restart(house, master_key=NEW, earlier_master_keys=f"{OTHER}, {OLD}")
        after = await sealed(house)
        box = SecretBox(bytes.fromhex(NEW))
        assert all(box.is_current(one) for one in after)
        await restart(house, master_key=NEW, earlier_master_keys=OLD)
        assert await sealed(house) == after

    async def test_leaves_alone_what_no_key_opens(self, house: House) -> None:
        await entrust(house)
        before = await sealed(house)
        await restart(house, master_key=NEW, earlier_master_keys=OTHER)
        assert await sealed(house) == before


class TestCommand:
    async def test_seals_everything_anew_once(self, house: House) -> None:
        await entrust(house)
        settings = with_keys(house, master_key=NEW, earlier_master_keys=OLD)
        assert await rotate_master(settings) == {"resealed": 5, "current": 0, "unopened": 0}
        after = await sealed(house)
        box = SecretBox(bytes.fromhex(NEW))
        assert len(after) == 5
        assert all(box.is_current(one) for one in after)
        assert await rotate_master(settings) == {"resealed": 0, "current": 5, "unopened": 0}
        assert await sealed(house) == after

    async def test_broken_off_changes_nothing(self, house: House) -> None:
        """The last secret it comes to belongs elsewhere, so that it fails when most is done."""
        await entrust(house)
        misplaced = SecretBox(bytes.fromhex(OLD)).seal("whsec", "another place")
        async with house.services.deps.store.write() as session:
            await session.execute(update(AlertChannel).values(sealed_secret=misplaced))
        before = await sealed(house)
        with pytest.raises(SettingsError, match="does not belong"):
            await rotate_master(with_keys(house, master_key=NEW, earlier_master_keys=OLD))
        assert await sealed(house) == before

    async def test_tells_what_no_key_opens(self, house: House) -> None:
        await entrust(house)
        told = await rotate_master(with_keys(house, master_key=NEW, earlier_master_keys=OTHER))
        assert told == {"resealed": 0, "current": 0, "unopened": 5}
        with pytest.raises(SettingsError, match="EMPORION_EARLIER_MASTER_KEYS"):
            await rotate_master(with_keys(house, master_key=NEW))
