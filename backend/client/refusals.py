"""Why a contract refused: the error it named and its values, from the data of a revert. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from backend.client.node import types_of
from backend.core.units import keccak


def refusal(abi: Sequence[Mapping[str, Any]], data: Any) -> str | None:
    """Such as `AccessToken_ScoreTooLow(score: 0, needed: 50)`; None for data of no error of the ABI."""
    if not isinstance(data, str):
        return None
    raw = bytes.fromhex(data.removeprefix("0x"))
    for entry in abi:
        if entry["type"] == "error" and _selector(entry) == raw[:4]:
            return _told(entry, raw[4:])
    return None


def _selector(entry: Mapping[str, Any]) -> bytes:
    return keccak(f"{entry['name']}({','.join(types_of(entry['inputs']))})".encode())[:4]


def _told(entry: Mapping[str, Any], arguments: bytes) -> str | None:
    try:
        values = decode(types_of(entry["inputs"]), arguments)
    except DecodingError:
        return None
    names = [part["name"] for part in entry["inputs"]]
    told = ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
    return f"{entry['name']}({told})"
