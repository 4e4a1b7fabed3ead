"""The bytes of ABI values by `eth_abi`. Apart: it takes a tenth of a start, and most events need none."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import encode as _encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.encoding import TextStringEncoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals, registry

from backend.core.errors import MalformedRequest, NodeError


class _AnyText(StringDecoder):
    """A string as a stranger put it on the chain: bytes that are no UTF-8 are replaced, never an error."""

    def __init__(self) -> None:
        super().__init__(handle_string_errors="replace")  # type: ignore[no-untyped-call]


@cache
def _decoder() -> ABIDecoder:
    tolerant = registry.copy()  # type: ignore[no-untyped-call]
    tolerant.unregister("string")
    text = BaseEquals("string")  # type: ignore[no-untyped-call]
    tolerant.register(text, TextStringEncoder, _AnyText, label="string")
    return ABIDecoder(tolerant)


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Values of these canonical types. Raises MalformedRequest."""
    try:
        return _encode(types, values)
    except (EncodingError, TypeError, OverflowError) as error:
        raise MalformedRequest(f"a value does not fit {types}: {error}") from error


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values as `eth_abi` has them. Raises NodeError when the bytes are not of these types."""
    try:
        return _decoder().decode(types, data)
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise NodeError(
            f"the node's {len(data)} bytes are not {types}; is the record of another chain?"
        ) from error
