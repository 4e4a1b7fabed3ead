"""deploy/compose.yaml, run: PostgreSQL, Redis, indexer, settlement, three gateways, nginx with TLS.

all of it
├── gets ready, by its own health checks and through the proxy
├── serves a call that was paid for, by a name with a certificate, and settles it on chain
├── shows figures of each part to Prometheus, and no secret in any log
└── told to stop: each part ends in order within the time it is given
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from backend.chain.bindings.structs import PlanTerms
from backend.cli.devnet.faucet import Gift
from backend.cli.trading import Trader
from backend.client.sign_in import sign_in_message
from backend.core.units import (
    BaseUnits,
    Measure,
    PlanId,
    PlanKind,
    ServiceId,
    ServiceKind,
    Then,
    checksum,
    hex_of,
    keccak,
)
from backend.signing.http_messages import personal_message
from backend.signing.keys import LocalKey
from tests.compose_file import GATEWAYS, PARTS
from tests.e2e.composed import Composed, composed
from tests.e2e.replicas.stage import until

DATA = b"a line of data\n" * 100
CREDIT = 1_000_000
SECRET = (
    "EMPORION_DATABASE_URL",
    "EMPORION_REDIS_URL",
    "EMPORION_MASTER_KEY",
    "EMPORION_KEYSTORE_PASSWORD",
)
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.devnet,
    pytest.mark.integration,
    pytest.mark.timeout(300),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Composed]:
    async with composed(tmp_path_factory.mktemp("composed")) as found:
        await until(lambda: ready(found), "every gateway")
        yield found


async def ready(running: Composed) -> bool:
    """Whether every gateway takes calls, as the proxy finds them; a part that ended ends the waiting."""
    for name, child in running.children.items():
        assert child.running, f"{name} ended: {child.last_words()}"
    return all([(await running.ask("GET", "/readyz")).status_code == 200 for _ in range(6)])


async def signed_in(running: Composed, key: LocalKey) -> dict[str, str]:
    """The header of a wallet's session."""
    nonce = (await running.ask("GET", "/v1/auth/nonce")).json()
    assert nonce["domain"] == "gateway.example.org"
    message = sign_in_message(nonce, checksum(key.address))
    signature = hex_of(key.sign_data(personal_message(message.encode())))
    answer = await running.ask("POST", "/v1/auth/siwe", json={"message": message, "signature": signature})
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def published(running: Composed) -> PlanId:
    """A data set of one file, kept at the gateways, and a plan of a credit a read."""
    document = {
        "emporion": "service/1",
        "name": "Lines",
        "slug": "lines",
        "data": {"files": [{"path": "lines.txt", "size": len(DATA), "hash": hex_of(keccak(DATA))}]},
    }
    text = json.dumps(document).encode()
    devnet, contracts, sender = running.devnet, running.devnet.contracts, running.devnet.sender("provider")
    key = devnet.accounts["provider"]
    await devnet.faucet.fund(key.address, Gift())
    bond = await contracts.registry.min_bond()
    await sender.send(contracts.emp.approve(contracts.registry.address, bond))
    uri = f"https://gateway.example.org/v1/metadata/{hex_of(keccak(text))}"
    register = contracts.registry.register(
        ServiceKind.DATASET, uri, keccak(text), meter=running.meter.address, bond=bond
    )
    service = ServiceId(contracts.event(await sender.send(register), "ServiceRegistered")["serviceId"])
    terms = PlanTerms(PlanKind.METERED, BaseUnits(10_000), measure=Measure.KIB, per_request=CREDIT)
    created = await sender.send(contracts.access.create_plan(service, terms))
    session = await signed_in(running, key)
    kept = await running.ask("PUT", f"/v1/metadata/{hex_of(keccak(text))}", content=text, headers=session)
    assert kept.status_code in (200, 201), kept.text

    async def stored() -> bool:
        path = f"/v1/provider/services/{service}/data/lines.txt"
        return (await running.ask("PUT", path, content=DATA, headers=session)).status_code < 300

    await until(stored, "the file to be kept")
    return PlanId(contracts.event(created, "PlanCreated")["planId"])


class TestAllOfIt:
    async def test_gets_ready(self, running: Composed) -> None:
        assert all([await asyncio.to_thread(running.healthy, name) for name in GATEWAYS])

    async def test_serves_and_settles(self, running: Composed) -> None:
        plan = await published(running)
        buyer, devnet = LocalKey.create(), running.devnet
        await devnet.faucet.fund(buyer.address, Gift())
        trader = Trader(devnet.contracts, buyer, running.sender(buyer))
        await trader.buy(plan, 5, Then.DEPOSIT)
        session = await signed_in(running, buyer)
        made = await running.ask("POST", "/v1/keys", json={"name": "k"}, headers=session)
        secret = made.json()["key"]
        assert secret.startswith("emp_live_")
        path = f"/v1/services/{plan >> 20}/data/lines.txt"
        for _ in GATEWAYS:
            answer = await running.ask("GET", path, headers={"authorization": f"Bearer {secret}"})
            assert (answer.status_code, answer.content) == (200, DATA), answer.text

        async def settled() -> bool:
            tab = await devnet.contracts.escrow.tab(plan, buyer.address)
            return (tab.settled, tab.balance) == (3, 2)

        await until(settled, "the settlement of every credit")
        assert (await running.ask("GET", path)).status_code == 401
        await self.shows_figures(running)

    async def shows_figures(self, running: Composed) -> None:
        """Of each part, for Prometheus."""
        said = {name: await running.figures(name) for name in (*GATEWAYS, "settle")}
        assert all("emporion_store_up 1.0" in text for text in said.values())
        assert 'emporion_settlement_leads{part="settle"} 1.0' in said["settle"]
        assert 'emporion_settlement_batches_total{state="sent"}' in said["settle"]
        lines = "\n".join(said.values()).splitlines()
        charged = [line.rpartition(" ")[2] for line in lines if "charged_credits_total{" in line]
        assert sum(map(float, charged)) == 3

    async def test_names_no_secret_in_its_logs(self, running: Composed) -> None:
        secrets = [running.environments["serve-1"][name] for name in SECRET]
        said = "".join((running.logs / f"{name}.log").read_text() for name in PARTS)
        assert said
        assert not [name for name, secret in zip(SECRET, secrets, strict=True) if secret in said]

    async def test_ends_in_order(self, running: Composed) -> None:
        for name, child in running.children.items():
            begun = time.monotonic()
            await child.stop()
            assert await child.wait() == 0, child.last_words()
            assert time.monotonic() - begun < int(PARTS[name]["stop_grace_period"].rstrip("s"))
