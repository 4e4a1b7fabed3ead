"""Contract ABI values as this program keeps them: addresses are 20 raw bytes, structs dicts by field name.

Encoded by Solidity's contract ABI specification: `eth_abi` does the bytes, this module the names and types.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.core.units import keccak

Parameter = Mapping[str, Any]
"""One entry of an ABI's `inputs`, `outputs` or `components`."""

WORD: Final = 32
SELECTOR: Final = 4


def type_of(parameter: Parameter) -> str:
    """The canonical type: `(uint40,uint16)[]` for an array of structs, `uint8` for an enum."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(type_of(part) for part in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def types_of(parameters: Sequence[Parameter]) -> list[str]:
    """Canonical types in order."""
    return [type_of(parameter) for parameter in parameters]


def signature_of(entry: Mapping[str, Any]) -> str:
    """`name(type,type)` of a function, event or error."""
    return f"{entry['name']}({','.join(types_of(entry['inputs']))})"


def selector_of(entry: Mapping[str, Any]) -> bytes:
    """The first 4 bytes of the signature's hash."""
    return keccak(signature_of(entry).encode())[:SELECTOR]


def topic_of(entry: Mapping[str, Any]) -> bytes:
    """The 32-byte hash of an event's signature."""
    return keccak(signature_of(entry).encode())


def is_dynamic(parameter: Parameter) -> bool:
    """Whether a value of this type lies behind an offset."""
    kind = str(parameter["type"])
    if kind in ("string", "bytes") or kind.endswith("]"):
        return True  # fixed-size arrays count as dynamic too: none of ours needs the quick path
    return kind == "tuple" and any(is_dynamic(part) for part in parameter["components"])


def encode_values(parameters: Sequence[Parameter], values: Sequence[Any]) -> bytes:
    """Encode arguments in order; a struct is a dict or a sequence. Raises MalformedRequest."""
    from backend.chain.abi_codec import encode  # slow to load

    plain = [_flat(parameter, value) for parameter, value in zip(parameters, values, strict=True)]
    return encode(types_of(parameters), plain)


def decode_values(parameters: Sequence[Parameter], data: bytes) -> tuple[Any, ...]:
    """Decode to this program's types. Raises NodeError when the bytes are not of these types."""
    from backend.chain.abi_codec import decode  # slow to load

    values = decode(types_of(parameters), data)
    return tuple(named(parameter, value) for parameter, value in zip(parameters, values, strict=True))


def named(parameter: Parameter, value: Any) -> Any:
    """A value of `eth_abi` in this program's types."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [named(element, item) for item in value]
    if kind == "tuple":
        parts = zip(parameter["components"], value, strict=True)
        return {str(part["name"]): named(part, item) for part, item in parts}
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _flat(parameter: Parameter, value: Any) -> Any:
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_flat(element, item) for item in value]
    if kind == "tuple":
        parts = parameter["components"]
        chosen = [value[part["name"]] for part in parts] if isinstance(value, Mapping) else list(value)
        return [_flat(part, item) for part, item in zip(parts, chosen, strict=True)]
    return value
