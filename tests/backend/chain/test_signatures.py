"""Contract wallets are asked about signatures.

is_valid
    given another chain, or too many questions: refused before the node is asked
    given an honest wallet: its owner's signature counts, a stranger's does not
    given a wallet that refuses, burns all gas, or is no contract: no
    given a wallet that is not deployed yet (ERC-6492): created for the question alone
    given a malformed wrapping: no
"""

import pytest
from eth_abi.abi import encode

from backend.chain.abi import encode_values
from backend.chain.contract import Contract, Transaction
from backend.chain.signatures import BURST, NodeSignatureOracle
from backend.cli.devnet.network import Devnet
from backend.core.clock import ManualClock
from backend.core.errors import NodeUnreachable, RateLimited
from backend.core.units import Address, ChainId, Hash32, keccak
from backend.signing.keys import LocalKey
from contracts.artifacts import load

CHAIN = ChainId(31_337)
DIGEST = keccak(b"sign in")
MAGIC = bytes.fromhex("6492" * 16)
FACTORY = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
"""The deterministic deployment proxy: anvil has it at this address from the first block."""
REFUSES, BURNS_ALL_GAS = 1, 2


@pytest.fixture
def oracle(devnet: Devnet) -> NodeSignatureOracle:
    return NodeSignatureOracle(devnet.client, CHAIN, ManualClock())


@pytest.fixture
def owner() -> LocalKey:
    return LocalKey.create()


def creation_of(owner: LocalKey) -> bytes:
    artifact = load("SmartWallet")
    inputs = next(entry["inputs"] for entry in artifact.abi if entry["type"] == "constructor")
    return bytes.fromhex(artifact.bytecode[2:]) + encode_values(inputs, (owner.address,))


@pytest.fixture
async def wallet(devnet: Devnet, owner: LocalKey) -> Contract:
    receipt = await devnet.sender("operator").send(Transaction(None, creation_of(owner), "SmartWallet"))
    assert receipt.contract is not None
    return Contract(devnet.client, "SmartWallet", receipt.contract)


def wrapped(owner: LocalKey, signature: bytes) -> tuple[Address, bytes]:
    """A wallet that does not exist yet, and a signature that says how to make it."""
    salt, creation = bytes(32), creation_of(owner)
    address = keccak(b"\xff" + bytes.fromhex(FACTORY[2:]) + salt + keccak(creation))[12:]
    inner = encode(["address", "bytes", "bytes"], [FACTORY, salt + creation, signature])
    return Address(address), inner + MAGIC


class TestIsValid:
    async def test_other_chain_is_not_asked(self, oracle: NodeSignatureOracle) -> None:
        with pytest.raises(NodeUnreachable, match="chain 5"):
            await oracle.is_valid(ChainId(5), Address(bytes(20)), DIGEST, b"")

    async def test_crowd_is_turned_away(self, oracle: NodeSignatureOracle) -> None:
        nobody = Address(b"\x01" * 20)
        for _ in range(int(BURST)):
            assert not await oracle.is_valid(CHAIN, nobody, DIGEST, bytes(65))
        with pytest.raises(RateLimited):
            await oracle.is_valid(CHAIN, nobody, DIGEST, bytes(65))

    async def test_owner_counts_and_a_stranger_does_not(
        self, oracle: NodeSignatureOracle, wallet: Contract, owner: LocalKey
    ) -> None:
        address = Address(wallet.address)
        assert await oracle.is_valid(CHAIN, address, DIGEST, owner.sign(DIGEST))
        assert not await oracle.is_valid(CHAIN, address, DIGEST, LocalKey.create().sign(DIGEST))
        assert not await oracle.is_valid(CHAIN, address, Hash32(bytes(32)), owner.sign(DIGEST))

    @pytest.mark.parametrize("mood", [REFUSES, BURNS_ALL_GAS])
    async def test_difficult_wallet_says_no(
        self, devnet: Devnet, oracle: NodeSignatureOracle, wallet: Contract, owner: LocalKey, mood: int
    ) -> None:
        await devnet.sender("operator").send(wallet.transaction("setMood", mood))
        assert not await oracle.is_valid(CHAIN, Address(wallet.address), DIGEST, owner.sign(DIGEST))

    async def test_ordinary_account_is_no_contract_wallet(
        self, oracle: NodeSignatureOracle, owner: LocalKey
    ) -> None:
        assert not await oracle.is_valid(CHAIN, owner.address, DIGEST, owner.sign(DIGEST))

    async def test_wallet_not_deployed_yet(
        self, devnet: Devnet, oracle: NodeSignatureOracle, owner: LocalKey
    ) -> None:
        address, signature = wrapped(owner, owner.sign(DIGEST))
        assert await oracle.is_valid(CHAIN, address, DIGEST, signature)
        assert await devnet.client.code(address) == b""
        _, forged = wrapped(owner, LocalKey.create().sign(DIGEST))
        assert not await oracle.is_valid(CHAIN, address, DIGEST, forged)

    async def test_malformed_wrapping_is_a_no(self, oracle: NodeSignatureOracle, wallet: Contract) -> None:
        assert not await oracle.is_valid(CHAIN, Address(wallet.address), DIGEST, b"\xff" * 65 + MAGIC)
