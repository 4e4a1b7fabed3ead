"""A chain in this process, and contracts deployed on it from their artifacts."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.contract.contract import Contract, ContractFunction
from web3.exceptions import ContractLogicError
from web3.logs import DISCARD

from contracts.artifacts import load, names

MAX_UINT256 = 2**256 - 1
ZERO = "0x" + "0" * 40
_GAS = 15_000_000
# Ahead of every clock: a chain that lags behind one follows it, and a slow machine would see time pass.
_START = 1_990_000_000


class Stage:
    """One chain: transactions are mined one a block, time moves when told."""

    def __init__(self) -> None:
        genesis = PyEVMBackend.generate_genesis_params({"timestamp": _START})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        self.errors = {selector: text for name in names() for selector, text in load(name).errors.items()}
        self.errors |= {"0x08c379a0": "Error(string)", "0x4e487b71": "Panic(uint256)"}

    @property
    def now(self) -> int:
        """Timestamp a transaction sent now would see."""
        return int(self.tester.get_block_by_number("pending")["timestamp"])

    def account(self, number: int) -> str:
        """A funded account."""
        return str(self.web3.eth.accounts[number])

    def key(self, number: int) -> bytes:
        """Private key of a funded account."""
        keys: list[Any] = self.tester.backend.account_keys
        return bytes(keys[number].to_bytes())

    def deploy(self, contract: str, *arguments: Any, sender: str | None = None) -> Contract:
        """Deploys an artifact."""
        artifact = load(contract)
        factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        transaction = {"from": sender or self.account(0), "gas": _GAS}
        constructor = factory.constructor(*arguments)
        receipt = self._mined(constructor.transact(transaction))
        if receipt["status"] != 1:
            self.web3.eth.call(constructor.build_transaction(transaction), "pending")
        return self.at(contract, receipt["contractAddress"])

    def nonce(self, account: str) -> int:
        """Transactions an account has sent."""
        return self.web3.eth.get_transaction_count(account)  # type: ignore[arg-type]

    def create(self, contract: str, creation: bytes, sender: str) -> Contract:
        """Deploys creation code with its arguments behind it."""
        transaction: Any = {"from": sender, "data": creation, "gas": _GAS}
        receipt = self._mined(self.web3.eth.send_transaction(transaction))
        assert receipt["status"] == 1, f"{contract} cannot be deployed"
        return self.at(contract, receipt["contractAddress"])

    def at(self, contract: str, address: str) -> Contract:
        """A contract that is deployed already."""
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=load(contract).abi)

    def send(self, call: ContractFunction, sender: str) -> dict[str, Any]:
        """Mines a transaction and gives its receipt. Raises what `reverts` understands."""
        point = self.snapshot()
        receipt = self._mined(call.transact({"from": sender, "gas": _GAS}))
        if receipt["status"] != 1:
            # A receipt does not say why: ask again, in the same state at the same time.
            self.revert(point)
            call.call({"from": sender, "gas": _GAS}, "pending")
            raise AssertionError("a transaction failed that succeeds when it is only called")
        return receipt

    def _mined(self, transaction: Any) -> dict[str, Any]:
        return dict(self.web3.eth.get_transaction_receipt(transaction))

    def events(self, receipt: dict[str, Any], contract: Contract, name: str) -> list[dict[str, Any]]:
        """Arguments of the events of one name in a receipt."""
        found = contract.events[name]().process_receipt(receipt, errors=DISCARD)
        return [dict(log["args"]) for log in found if log["address"] == contract.address]

    def advance(self, seconds: int) -> None:
        """Lets time pass: the next transaction sees the time that is now plus the seconds."""
        self.tester.time_travel(self.now + seconds)

    def travel(self, timestamp: int) -> None:
        """The next transaction sees this time."""
        self.tester.time_travel(timestamp)

    @contextmanager
    def reverts(self, error: str, *values: Any) -> Iterator[None]:
        """The block must revert with this error, and with these values where any are given."""
        with pytest.raises((TransactionFailed, ContractLogicError)) as caught:
            yield
        data = getattr(caught.value, "data", None) or _revert_data(str(caught.value))
        signature = self.errors.get(data[:10], data[:10] or str(caught.value))
        assert signature.split("(")[0] == error, f"reverted with {signature}, not {error}"
        if values:
            assert _decoded(signature, data) == values

    def snapshot(self) -> Any:
        """A point to return to."""
        return self.tester.take_snapshot()

    def revert(self, point: Any) -> None:
        """Returns to a snapshot."""
        self.tester.revert_to_snapshot(point)


def _revert_data(message: str) -> str:
    _, found, data = message.partition("execution reverted: ")
    return f"0x{literal_eval(data).hex()}" if found and data.startswith("b") else ""


def _decoded(signature: str, data: str) -> tuple[Any, ...]:
    inner = signature[signature.index("(") + 1 : -1]
    values = decode(inner.split(",") if inner else [], bytes.fromhex(data[10:]))
    return tuple(Web3.to_checksum_address(v) if isinstance(v, str) else v for v in values)
