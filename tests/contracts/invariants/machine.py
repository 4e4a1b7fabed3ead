"""A chain in this process that runs thousands of transactions a second: pyrevm, without blocks or fees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyrevm import EVM, BlockEnv, CfgEnv, Env

from backend.chain.events import Header, RawLog
from contracts.artifacts import error_index, load

BEGIN: Final = 1_700_000_000
GAS: Final = 30_000_000
LARGEST: Final = 2**18
FAILED: Final = 2**256 - 1
NOBODY: Final = "0x" + "0" * 40
_OUTPUT: Final = re.compile(r"output: 0x([0-9a-f]*)")
_STANDARD: Final = {"0x08c379a0": "Error", "0x4e487b71": "Panic"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction did: its logs, or the name of the error it reverted with."""

    logs: tuple[RawLog, ...] = ()
    error: str | None = None
    detail: str = ""


def text_of(address: bytes) -> str:
    """0x and lower-case hexadecimal: what pyrevm takes."""
    return f"0x{address.hex()}"


class Machine:
    """The EVM; `now` is the next block's time. Every transaction is a block of its own."""

    def __init__(self, codes: Mapping[str, str] | None = None) -> None:
        """`codes`: creation code in 0x hexadecimal, by contract, in the place of an artifact's."""
        # A replaced contract may come without the optimizer, and then be larger than a chain allows.
        limit = None if codes is None else LARGEST
        self.evm = EVM(spec_id="CANCUN", env=Env(cfg=CfgEnv(limit_contract_code_size=limit)))
        self.now = BEGIN
        self.number = 0
        self.logs: list[tuple[RawLog, Header]] = []
        self._codes = codes or {}
        self._errors = {selector: text.partition("(")[0] for selector, text in error_index().items()}
        self._errors |= _STANDARD
        self._asker = self.deploy(bytes(19) + b"\x99", "ViewBatch")

    def deploy(self, deployer: bytes, name: str, arguments: bytes = b"") -> bytes:
        """Create a contract; its address."""
        self._next_block()
        text = self._codes[name] if name in self._codes else load(name).bytecode
        code = bytes.fromhex(text[2:]) + arguments
        address = bytes.fromhex(self.evm.deploy(text_of(deployer), code)[2:])
        self._keep_logs()
        return address

    def send(self, caller: bytes, to: bytes, data: bytes) -> Outcome:
        """A transaction."""
        self._next_block()
        try:
            self.evm.message_call(text_of(caller), text_of(to), data, gas=GAS)
        except RuntimeError as failure:
            return self._failed(str(failure))
        return Outcome(self._keep_logs())

    def ask_packed(self, questions: bytes) -> bytes:
        """Answers of many views, `asked` one after another; `unpacked` takes them apart."""
        self._next_block(counts=False)
        return bytes(self.evm.message_call(NOBODY, text_of(self._asker), questions, is_static=True))

    def view(self, to: bytes, data: bytes) -> bytes:
        """The answer of one view."""
        self._next_block(counts=False)
        return bytes(self.evm.message_call(NOBODY, text_of(to), data, is_static=True))

    def storage(self, address: bytes, slot: int) -> int:
        """A storage word."""
        return int(self.evm.storage(text_of(address), slot))

    def _next_block(self, *, counts: bool = True) -> None:
        self.number += counts
        self.evm.set_block_env(BlockEnv(number=self.number, timestamp=self.now, prevrandao=bytes(32)))

    def _failed(self, message: str) -> Outcome:
        found = _OUTPUT.search(message)
        data = f"0x{found[1]}" if found else message[:40]
        name = "" if data == "0x" else self._errors.get(data[:10], data[:10])
        return Outcome(error=name, detail=data)

    def _keep_logs(self) -> tuple[RawLog, ...]:
        result = self.evm.result
        assert result is not None
        header = Header(self.number, bytes(32), bytes(32), self.now)
        found = tuple(self._raw(index, log) for index, log in enumerate(result.logs))
        self.logs += [(log, header) for log in found]
        return found

    def _raw(self, index: int, log: Any) -> RawLog:
        topics, data = log.data
        address = bytes.fromhex(log.address[2:])
        return RawLog(self.number, bytes(32), bytes(32), 0, index, address, tuple(topics), data, self.now)


def asked(to: bytes, data: bytes) -> bytes:
    """A view as `ViewBatch` takes it."""
    return to + len(data).to_bytes(2, "big") + data


def unpacked(answers: bytes) -> Iterator[bytes | None]:
    """Answers of `ViewBatch`; None for one that failed."""
    at = 0
    while at < len(answers):
        size = int.from_bytes(answers[at : at + 32], "big")
        at += 32
        if size == FAILED:
            yield None
            continue
        yield answers[at : at + size]
        at += size
