"""Hop 2 of the data's path: a raw log becomes an event with named values.

Decoders are compiled once from the artifacts' ABIs. Static values are sliced by hand from their known places;
`eth_abi` reads only events that hold a string, bytes or an array.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple, Self

from backend.chain.abi import WORD, Parameter, decode_values, is_dynamic, topic_of
from backend.core.deployment import Deployment
from backend.core.errors import NodeError
from backend.core.units import to_address
from contracts.artifacts import load, names

_ADDRESS_PAD: Final = 12
_new: Final = tuple.__new__
"""A named tuple made by its own `__new__` takes twice as long."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a block's header; `timestamp` in unix seconds.

    `bloom` (256 bytes, Yellow Paper 4.3.1) tells whether a block may hold logs of ours.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    bloom: bytes = field(default=b"", compare=False, repr=False)


class RawLog(NamedTuple):
    """A log as the node gives it; `block_timestamp` only where the node tells it."""

    block_number: int
    block_hash: bytes
    tx_hash: bytes
    tx_index: int
    log_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_timestamp: int | None = None


class DecodedEvent(NamedTuple):
    """An event of one of our contracts. Enums are ints, addresses 20 bytes, structs dicts by field name."""

    contract: str
    name: str
    args: dict[str, Any]
    log: RawLog


class _Slice(NamedTuple):
    name: str
    start: int
    stop: int
    read: Callable[[bytes], Any]


def _signed(word: bytes) -> int:
    return int.from_bytes(word, "big", signed=True)


def _flag(byte: bytes) -> bool:
    return byte != b"\0"


def _place(kind: str, word: int) -> tuple[int, int, Callable[[bytes], Any]]:
    """Where a static value lies from the start of its part of the bytes, and how it is read."""
    start = word * WORD
    if kind == "address":
        return start + _ADDRESS_PAD, start + WORD, bytes
    if kind == "bool":
        return start + WORD - 1, start + WORD, _flag
    if kind.startswith("bytes"):
        return start, start + int(kind.removeprefix("bytes")), bytes
    if kind.startswith("uint"):
        return start + WORD - int(kind.removeprefix("uint")) // 8, start + WORD, int.from_bytes
    return start, start + WORD, _signed


class _StaticReader:
    """Reads values that lie one after another; a struct is read by a reader of its own."""

    def __init__(self, parameters: Iterable[Parameter], first: int = 0) -> None:
        self.slices: list[_Slice] = []
        self.structs: list[tuple[str, _StaticReader]] = []
        self.words = first
        for parameter in parameters:
            self._add(parameter)

    def _add(self, parameter: Parameter) -> None:
        name = str(parameter["name"])
        if parameter["type"] == "tuple":
            inner = _StaticReader(parameter["components"], self.words)
            self.structs.append((name, inner))
            self.words = inner.words
            return
        self.slices.append(_Slice(name, *_place(str(parameter["type"]), self.words)))
        self.words += 1

    def read(self, data: bytes) -> dict[str, Any]:
        values = {name: read(data[start:stop]) for name, start, stop, read in self.slices}
        for name, reader in self.structs:
            values[name] = reader.read(data)
        return values


class EventDecoder:
    """Reads one event of one contract."""

    def __init__(self, contract: str, entry: Mapping[str, Any]) -> None:
        self.contract = contract
        self.name = str(entry["name"])
        self.topic = topic_of(entry)
        indexed = [p for p in entry["inputs"] if p["indexed"]]
        self._rest = [p for p in entry["inputs"] if not p["indexed"]]
        self._dynamic = any(is_dynamic(p) for p in self._rest)
        self._topics = len(indexed) + 1
        # Topics and data lie one after another, and are read in one pass.
        self._values = _StaticReader(indexed if self._dynamic else [*indexed, *self._rest])
        self._bytes = self._values.words * WORD

    def decode(self, log: RawLog) -> DecodedEvent:
        """Name the log's values. Raises NodeError when topics or data are not this event's."""
        words = b"".join([*log.topics[1:], log.data])
        if len(log.topics) != self._topics or len(words) < self._bytes:
            raise NodeError(
                f"log {log.log_index} of block {log.block_number} is not a {self.contract}.{self.name}; "
                "is the deployment record of another chain?"
            )
        args = self._values.read(words)
        if self._dynamic:
            args.update(self._decode_dynamic(log.data))
        return _new(DecodedEvent, (self.contract, self.name, args, log))

    def _decode_dynamic(self, data: bytes) -> dict[str, Any]:
        values = decode_values(self._rest, data)
        return {str(p["name"]): value for p, value in zip(self._rest, values, strict=True)}


@cache
def contract_decoders(contract: str) -> Mapping[bytes, EventDecoder]:
    """Decoders of a contract's events by topic. Raises ArtifactMissingError."""
    entries = [entry for entry in load(contract).abi if entry["type"] == "event"]
    decoders = [EventDecoder(contract, entry) for entry in entries]
    return {decoder.topic: decoder for decoder in decoders}


class EventReader:
    """Decodes the logs of one deployment: which contract an address is, which event a topic is."""

    def __init__(self, contracts: Mapping[bytes, str]) -> None:
        self.contracts = dict(contracts)
        self._decoders = {
            (address, topic): decoder
            for address, contract in self.contracts.items()
            for topic, decoder in contract_decoders(contract).items()
        }

    @classmethod
    def of(cls, deployment: Deployment, wanted: Iterable[str] | None = None) -> Self:
        """A reader of the recorded contracts (only the `wanted` ones) that have an artifact."""
        chosen = set(deployment.contracts if wanted is None else wanted) & set(names())
        return cls({to_address(deployment.address(name)): name for name in sorted(chosen)})

    @property
    def addresses(self) -> list[bytes]:
        """Whose logs to ask a node for."""
        return list(self.contracts)

    def decode(self, log: RawLog) -> DecodedEvent | None:
        """The event; None for a log of a stranger or one that is in no ABI of ours. Raises NodeError."""
        if not log.topics:
            return None
        decoder = self._decoders.get((log.address, log.topics[0]))
        return decoder.decode(log) if decoder else None
