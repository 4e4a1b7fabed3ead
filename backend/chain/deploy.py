"""Deploys every contract at addresses predicted from the deployer's nonce, so that none needs wiring.

Begun work is in a journal beside the record and is resumed; a finished deployment, or one of another chain,
is refused. The record is written only after the code at every predicted address was compared.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backend.chain.client import NodeClient, Receipt
from backend.chain.contract import Contract, Transaction, read_all
from backend.chain.deploy_check import require_code, verify
from backend.chain.deploy_journal import Journal, journal_path, read_journal, write_journal
from backend.chain.deploy_plan import DeploySettings, Unit, artifact_checksum, fingerprint, json_ready, plan
from backend.chain.in_flight import Pending
from backend.chain.sender import Patience, Sender
from backend.core.clock import Clock, SystemClock
from backend.core.deployment import (
    DeployedContract,
    DeployedCurrency,
    Deployment,
    read_deployment,
    write_deployment,
)
from backend.core.errors import DeploymentMismatch, TransactionNotMined
from backend.core.logs import get_logger
from backend.core.units import checksum, hex_of
from backend.signing.keys import Signer

log = get_logger("chain")

_ATTEMPTS: Final = 3


class AddressTaken(Exception):
    """A predicted address cannot be had any more; the deployment begins again from a fresh nonce."""


async def deploy(
    client: NodeClient,
    signer: Signer,
    settings: DeploySettings,
    record_path: Path,
    *,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> Deployment:
    """Deploy all of it and write the record; resume what was left unfinished.

    Raises DeploymentMismatch (finished already, another chain, another deployer), InsufficientFunds,
    ContractRevert, TransactionNotMined, NodeUnreachable.
    """
    chain_id, genesis = await client.chain_id(), hex_of(await client.genesis_hash())
    await _refuse_finished(client, record_path, chain_id)
    run = _Run(client, signer, settings, journal_path(record_path), clock, patience)
    for _ in range(_ATTEMPTS):
        units = await run.open(chain_id, genesis)
        try:
            created = [await run.create(unit) for unit in units]
            await _require_standing(client, units)
        except AddressTaken as taken:
            log.warning("chain.deploy.restarted", reason=str(taken))
            run.path.unlink(missing_ok=True)
            continue
        currencies = await _currencies(client, units)
        deployment = _record(settings, chain_id, genesis, units, created, currencies)
        write_deployment(record_path, deployment)
        run.path.unlink(missing_ok=True)
        log.info("chain.deploy.finished", chain_id=chain_id, contracts=len(units))
        return deployment
    raise DeploymentMismatch(
        f"{_ATTEMPTS} times something else used a nonce of {checksum(signer.address)} meanwhile; deploy "
        "with a key that nothing else uses"
    )


class _Run:
    """One deployment under way."""

    def __init__(
        self,
        client: NodeClient,
        signer: Signer,
        settings: DeploySettings,
        path: Path,
        clock: Clock | None,
        patience: Patience | None,
    ) -> None:
        self.path = path
        self._client = client
        self._settings = settings
        self._clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._deployer = signer.address
        self._sender = Sender(
            client, signer, clock=self._clock, patience=self._patience, on_signed=self._note
        )
        self._journal: Journal | None = None

    async def open(self, chain_id: int, genesis: str) -> list[Unit]:
        """The plan of the journal that is there, else of a new one. Raises DeploymentMismatch."""
        found = read_journal(self.path)
        if found is not None:
            self._require_ours(found, chain_id, genesis)
            units = plan(self._settings, self._deployer, found.first_nonce, found.begun_at)
            if fingerprint(units) == found.fingerprint:
                log.info("chain.deploy.resumed", sent=len(found.sent), of=len(units))
                self._journal = found
                return units
            log.warning("chain.deploy.restarted", reason="contracts or settings changed since it was begun")
        first = await self._client.nonce(self._deployer, "pending")
        begun_at = await self._client.timestamp()
        units = plan(self._settings, self._deployer, first, begun_at)
        deployer = checksum(self._deployer)
        self._journal = Journal(chain_id, genesis, deployer, first, begun_at, fingerprint(units))
        write_journal(self.path, self._journal)
        return units

    async def create(self, unit: Unit) -> Receipt:
        """Make sure that a contract is at its place. Raises AddressTaken."""
        receipt = await self._standing(unit)
        if receipt is not None:
            return receipt
        if await self._client.nonce(self._deployer, "pending") != unit.nonce:
            raise AddressTaken(f"nonce {unit.nonce} of {unit.name} was used by another transaction")
        receipt = await self._sender.send(Transaction(None, unit.creation, unit.name))
        if receipt.contract != unit.address:
            raise AddressTaken(f"{unit.name} was created elsewhere than predicted")
        log.info("chain.deploy.created", contract=unit.name, address=checksum(unit.address))
        return receipt

    async def _standing(self, unit: Unit) -> Receipt | None:
        """The receipt of an earlier run's creation, waited for if it is on its way; None if there is none."""
        hashes = self._opened().hashes(unit.name)
        start = self._clock.monotonic()
        while hashes:
            # The count is read before the receipts: a transaction mined in between is seen either way.
            used = await self._client.nonce(self._deployer, "latest") > unit.nonce
            for receipt in await self._client.receipts(hashes):
                if receipt is not None and receipt.ok and receipt.contract == unit.address:
                    return receipt
            if used or await self._client.nonce(self._deployer, "pending") <= unit.nonce:
                return None
            if self._clock.monotonic() - start > self._patience.most:
                raise TransactionNotMined(f"the creation of {unit.name} is not mined; run deploy again later")
            await self._clock.sleep(self._patience.poll)
        return None

    async def _note(self, pending: Pending, _signed: bytes) -> None:
        journal = self._opened()
        if pending.hashes[-1] not in journal.hashes(pending.transaction.label):
            journal.note(pending.transaction.label, pending.hashes[-1])
            write_journal(self.path, journal)

    def _opened(self) -> Journal:
        if self._journal is None:
            raise AddressTaken("no plan was opened")
        return self._journal

    def _require_ours(self, journal: Journal, chain_id: int, genesis: str) -> None:
        if (journal.chain_id, journal.genesis_hash) != (chain_id, genesis):
            raise DeploymentMismatch(
                f"{self.path} is of a deployment begun on chain {journal.chain_id} (genesis "
                f"{journal.genesis_hash[:10]}), the node is on chain {chain_id} (genesis {genesis[:10]}); "
                "finish that one first, or move the file away"
            )
        if journal.deployer != checksum(self._deployer):
            raise DeploymentMismatch(
                f"the deployment in {self.path} was begun by {journal.deployer}; go on with that key, or "
                "move the file away to begin anew"
            )


async def _refuse_finished(client: NodeClient, path: Path, chain_id: int) -> None:
    if not await asyncio.to_thread(path.exists):
        return
    found = read_deployment(path)
    if found.chain_id != chain_id:
        raise DeploymentMismatch(
            f"{path} is of chain {found.chain_id}, the node is on chain {chain_id}; give another "
            "EMPORION_DEPLOYMENT_FILE for this chain"
        )
    await verify(client, found)
    raise DeploymentMismatch(
        f"chain {chain_id} has its deployment already, recorded in {path} and checked just now; move the "
        "record away to deploy a second one"
    )


async def _require_standing(client: NodeClient, units: Sequence[Unit]) -> None:
    """Compare the code at every address. Raises AddressTaken where there is none, DeploymentMismatch."""
    codes = await client.codes([unit.address for unit in units])
    lost = [unit.name for unit, code in zip(units, codes, strict=True) if not code]
    if lost:
        raise AddressTaken(f"nothing stands at the address of {', '.join(lost)}")
    await require_code(client, {unit.name: unit.address for unit in units})


def _record(
    settings: DeploySettings,
    chain_id: int,
    genesis: str,
    units: Sequence[Unit],
    created: Sequence[Receipt],
    currencies: list[DeployedCurrency],
) -> Deployment:
    contracts = {
        unit.name: DeployedContract(
            address=checksum(unit.address),
            block=receipt.block_number,
            transaction=hex_of(receipt.tx_hash),
            arguments=json_ready(unit.arguments),
            checksum=artifact_checksum(unit.artifact),
        )
        for unit, receipt in zip(units, created, strict=True)
    }
    return Deployment(
        chain_id=chain_id,
        genesis_hash=genesis,
        start_block=min(contract.block for contract in contracts.values()),
        devnet=settings.devnet,
        contracts=contracts,
        currencies=currencies,
    )


async def _currencies(client: NodeClient, units: Sequence[Unit]) -> list[DeployedCurrency]:
    """What the ERC-20s of the table say of themselves."""
    tables = [unit.arguments["initialCurrencies"] for unit in units if unit.name == "AccessToken"]
    found = []
    for index, address in enumerate(tables[0] if tables else []):
        token = Contract(client, "EmporionToken", address)
        symbol, name, decimals = await read_all(
            client, [token.view(part) for part in ("symbol", "name", "decimals")]
        )
        found.append(DeployedCurrency(index, checksum(address), symbol, name, decimals))
    return found
