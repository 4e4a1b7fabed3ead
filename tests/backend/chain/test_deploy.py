"""Deployment at predicted addresses.

deploy
├── when the record is of another chain, or another chain of the same id: refused with the way out
├── when it is finished already: refused, and nothing is sent
├── when the record's contracts have other code now: refused, naming them
├── when the journal is of another chain or deployer, or damaged: refused
├── given a fresh chain
│   └── it should put every contract at its predicted address, with its code, and write the record
├── given a run that died after any number of contracts, or after signing
│   └── it should resume, and send each contract once
├── given a journal of other contracts: begun anew from a fresh nonce
└── given a nonce used by something else meanwhile: begun anew from a fresh nonce
plan
├── when a parameter has no value: refused, naming it
└── given a live chain: no test dollar, long periods
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.chain.client import NodeClient
from backend.chain.contract import Transaction
from backend.chain.deploy import deploy
from backend.chain.deploy_check import verify
from backend.chain.deploy_journal import journal_path, read_journal
from backend.chain.deploy_plan import COMPLETE, ORDER, DeploySettings, plan, value_of
from backend.chain.deploy_values import DAY, EMP
from backend.chain.sender import Patience, Sender
from backend.chain.transport import HttpTransport, Transport
from backend.cli.devnet.accounts import devnet_accounts
from backend.cli.devnet.anvil import Anvil, AnvilOptions
from backend.cli.devnet.controls import Controls
from backend.core.deployment import Deployment, read_deployment, write_deployment
from backend.core.errors import DeploymentMismatch, NodeUnreachable, SettingsError
from backend.core.units import checksum, to_address
from backend.net.client import HttpClient
from backend.net.guard import LOOPBACK_ONLY
from backend.signing.envelope import creation_address
from backend.signing.keys import LocalKey
from contracts.artifacts import load

pytestmark = [pytest.mark.devnet, pytest.mark.integration]

QUICK = Patience(poll=0.01, stuck=5, most=10)
KEY = LocalKey(b"\1" * 32)
SETTINGS = DeploySettings(operator=devnet_accounts()["operator"].address, devnet=True)


class Dying(Transport):
    """A transport that breaks at the n-th raw transaction: before it is sent, or after."""

    def __init__(self, inner: Transport, survives: int, *, after: bool) -> None:
        self.inner, self.left, self.after = inner, survives, after
        self.sent = 0

    async def post(self, url: str, body: bytes) -> bytes:
        if b"eth_sendRawTransaction" not in body:
            return await self.inner.post(url, body)
        if self.left == 0 and not self.after:
            raise NodeUnreachable("died")
        answer = await self.inner.post(url, body)
        self.sent += 1
        if self.left == 0:
            raise NodeUnreachable("died")
        self.left -= 1
        return answer


class Chain:
    """An empty chain and a place for the record."""

    def __init__(self, transport: Transport, anvil: Anvil, home: Path) -> None:
        self.transport, self.anvil = transport, anvil
        self.client = NodeClient(transport, anvil.url)
        self.record = home / "deployment.json"

    async def deploy(self, client: NodeClient | None = None, signer: LocalKey = KEY) -> Deployment:
        return await deploy(client or self.client, signer, SETTINGS, self.record, patience=QUICK)

    async def die(self, survives: int, *, after: bool) -> None:
        dying = NodeClient(Dying(self.transport, survives, after=after), self.anvil.url)
        with pytest.raises(NodeUnreachable, match="died"):
            await self.deploy(dying)

    def edit_journal(self, **changes: Any) -> None:
        path = journal_path(self.record)
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    async with HttpClient(LOOPBACK_ONLY) as http:
        transport = HttpTransport(http)
        anvil = await Anvil.start(transport, tmp_path, AnvilOptions(port=0), print)
        try:
            chain = Chain(transport, anvil, tmp_path)
            await Controls(chain.client).give_gas(KEY.address, 10**20)
            yield chain
        finally:
            await anvil.stop()


class TestDeployFresh:
    async def test_puts_every_contract_at_its_place(self, chain: Chain) -> None:
        deployment = await chain.deploy()
        assert list(deployment.contracts) == list(ORDER)
        for nonce, name in enumerate(ORDER):
            address = creation_address(KEY.address, nonce)
            assert deployment.address(name) == checksum(address)
            assert load(name).runtime_matches(await chain.client.code(address))

    async def test_writes_the_record_and_takes_the_journal_away(self, chain: Chain) -> None:
        deployment = await chain.deploy()
        assert read_deployment(chain.record) == deployment
        assert not journal_path(chain.record).exists()
        assert [line.symbol for line in deployment.currencies] == ["tUSD", "EMP"]
        assert deployment.contracts["AccessToken"].arguments["registry"] == deployment.address(
            "ServiceRegistry"
        )
        assert 0 < deployment.start_block <= await chain.client.block_number()
        await verify(chain.client, deployment)


class TestDeployComplete:
    async def test_puts_court_and_government_at_their_places(self, chain: Chain) -> None:
        settings = replace(SETTINGS, contracts=COMPLETE)
        deployment = await deploy(chain.client, KEY, settings, chain.record, patience=QUICK)
        assert list(deployment.contracts) == list(COMPLETE)
        registry = deployment.contracts["ServiceRegistry"].arguments
        assert registry["court"] == deployment.address("DisputeCourt")
        assert registry["governance"] == deployment.address("EmporionTimelock")
        assert deployment.contracts["EmporionTimelock"].arguments["governor"] == deployment.address(
            "EmporionGovernor"
        )
        assert deployment.contracts["EmporionToken"].arguments["treasury"] == checksum(SETTINGS.operator)

    def test_asks_who_deploys_live_for_the_airdrop(self) -> None:
        with pytest.raises(SettingsError, match="root of the constructor of EmporionDistributor"):
            plan(replace(SETTINGS, devnet=False, contracts=COMPLETE), KEY.address, 0)

    def test_vests_what_the_airdrop_leaves(self) -> None:
        values = {"root": b"\1" * 32, "airdropAmount": 30_000_000 * EMP}
        live = replace(SETTINGS, devnet=False, contracts=COMPLETE, values=values)
        units = {unit.name: unit for unit in plan(live, KEY.address, 0, begun_at=1_000)}
        (vesting,) = units["EmporionDistributor"].arguments["vestings"]
        assert vesting["beneficiary"] == units["EmporionTimelock"].address
        assert (vesting["amount"], vesting["start"]) == (10_000_000 * EMP, 1_000)


class TestDeployAgain:
    async def test_refuses_a_finished_one_and_sends_nothing(self, chain: Chain) -> None:
        await chain.deploy()
        before = await chain.client.nonce(KEY.address)
        with pytest.raises(DeploymentMismatch, match="has its deployment already"):
            await chain.deploy()
        assert await chain.client.nonce(KEY.address) == before

    async def test_refuses_another_chain(self, chain: Chain) -> None:
        write_deployment(chain.record, replace(await self._made(chain), chain_id=5))
        with pytest.raises(DeploymentMismatch, match="EMPORION_DEPLOYMENT_FILE"):
            await chain.deploy()

    async def test_refuses_a_chain_that_began_anew(self, chain: Chain) -> None:
        write_deployment(chain.record, replace(await self._made(chain), genesis_hash="0x" + "77" * 32))
        with pytest.raises(DeploymentMismatch, match="started anew"):
            await chain.deploy()

    async def test_names_contracts_of_other_code(self, chain: Chain) -> None:
        made = await self._made(chain)
        wrong = replace(made.contracts["TokenMarket"], address=made.address("UsageEscrow"))
        write_deployment(chain.record, replace(made, contracts={**made.contracts, "TokenMarket": wrong}))
        with pytest.raises(DeploymentMismatch, match="the code of TokenMarket"):
            await chain.deploy()

    @staticmethod
    async def _made(chain: Chain) -> Deployment:
        return await chain.deploy()


class TestDeployResumed:
    @pytest.mark.parametrize("after", [False, True], ids=["before-sending", "after-sending"])
    @pytest.mark.parametrize("survives", [0, 1, 4, len(ORDER) - 1])
    async def test_goes_on_where_it_died(self, chain: Chain, survives: int, after: bool) -> None:
        await chain.die(survives, after=after)
        assert not chain.record.exists()
        deployment = await chain.deploy()
        await verify(chain.client, deployment)
        assert deployment.address("TestDollar") == checksum(creation_address(KEY.address, 0))
        assert await chain.client.nonce(KEY.address) == len(ORDER), "each contract is created once"

    async def test_begins_anew_for_other_contracts(self, chain: Chain) -> None:
        await chain.die(2, after=False)
        chain.edit_journal(fingerprint="00" * 32)
        deployment = await chain.deploy()
        assert deployment.address("TestDollar") == checksum(creation_address(KEY.address, 2))

    async def test_begins_anew_when_a_nonce_was_used(self, chain: Chain) -> None:
        await chain.die(2, after=False)
        await Sender(chain.client, KEY, patience=QUICK).send(Transaction(KEY.address, b"", "nothing"))
        deployment = await chain.deploy()
        assert deployment.address("TestDollar") == checksum(creation_address(KEY.address, 3))
        await verify(chain.client, deployment)

    @pytest.mark.parametrize("change", [{"chain_id": 5}, {"genesis_hash": "0x" + "77" * 32}])
    async def test_refuses_a_journal_of_another_chain(self, chain: Chain, change: dict[str, Any]) -> None:
        await chain.die(2, after=False)
        chain.edit_journal(**change)
        with pytest.raises(DeploymentMismatch, match="begun on chain"):
            await chain.deploy()

    async def test_refuses_another_deployer(self, chain: Chain) -> None:
        await chain.die(2, after=False)
        with pytest.raises(DeploymentMismatch, match="begun by"):
            await chain.deploy(signer=LocalKey(b"\2" * 32))

    async def test_refuses_a_damaged_journal(self, chain: Chain) -> None:
        await chain.die(2, after=False)
        chain.edit_journal(surprise=1)
        with pytest.raises(DeploymentMismatch, match="damaged"):
            await chain.deploy()

    async def test_writes_a_hash_down_before_it_is_sent(self, chain: Chain) -> None:
        await chain.die(0, after=False)
        journal = read_journal(journal_path(chain.record))
        assert journal is not None
        assert len(journal.hashes("TestDollar")) == 1


class TestPlan:
    def test_names_a_parameter_without_a_value(self) -> None:
        with pytest.raises(SettingsError, match="surprise of the constructor of AccessToken"):
            value_of("AccessToken", "surprise", SETTINGS)

    def test_has_no_test_dollar_on_a_live_chain(self) -> None:
        dollar = to_address("0x" + "33" * 20)
        units = {
            u.name: u for u in plan(replace(SETTINGS, devnet=False, currencies=(dollar,)), KEY.address, 0)
        }
        assert "TestDollar" not in units
        assert units["AccessToken"].arguments["initialCurrencies"] == [dollar, units["EmporionToken"].address]
        assert units["ServiceRegistry"].arguments["settings"]["unbondCooldown"] == 45 * DAY

    def test_gives_roles_to_named_accounts_before_the_operator(self) -> None:
        guardian = to_address("0x" + "44" * 20)
        units = {u.name: u for u in plan(replace(SETTINGS, roles={"guardian": guardian}), KEY.address, 0)}
        assert units["AccessToken"].arguments["guardian"] == guardian
        assert units["AccessToken"].arguments["governance"] == SETTINGS.operator
