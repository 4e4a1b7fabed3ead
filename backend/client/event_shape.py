"""Reading the logs of one kind of event. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eth_abi.abi import decode, encode

from backend.client.node import types_of
from backend.core.units import hex_of, keccak


@dataclass(frozen=True, slots=True)
class EventShape:
    """An event by its ABI entry: its topic, and its arguments in the order they were declared."""

    topic: str
    inputs: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """From an entry of the ABI."""
        signature = f"{entry['name']}({','.join(types_of(entry['inputs']))})"
        return cls(hex_of(keccak(signature.encode())), entry["inputs"])

    def topics(self, wanted: Mapping[str, Any]) -> list[str | None]:
        """Topics that pick events by indexed arguments; None passes every value."""
        return [
            hex_of(encode(types_of([part]), [wanted[part["name"]]])) if part["name"] in wanted else None
            for part in self.inputs
            if part["indexed"]
        ]

    def read(self, log: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a log by name; an indexed value of dynamic size is its hash."""
        indexed = [part for part in self.inputs if part["indexed"]]
        plain = [part for part in self.inputs if not part["indexed"]]
        values = dict(
            zip([part["name"] for part in plain], decode(types_of(plain), _raw(log["data"])), strict=True)
        )
        for part, topic in zip(indexed, log["topics"][1:], strict=True):
            kind = types_of([part])[0]
            plainly = not kind.startswith(("string", "bytes", "(")) and not kind.endswith("]")
            values[part["name"]] = decode([kind if plainly else "bytes32"], _raw(topic))[0]
        return values


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
