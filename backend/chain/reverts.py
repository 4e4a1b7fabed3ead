"""Reverts by selector: which Solidity error it was, with which values, and what to do about it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from backend.chain.abi import SELECTOR, decode_values, selector_of
from backend.chain.advice import PANICS, advice_for
from backend.core.errors import ContractRevert, NodeError, TransactionReverted
from backend.core.units import checksum
from contracts.artifacts import load, names

_ERROR: Final = bytes.fromhex("08c379a0")
_PANIC: Final = bytes.fromhex("4e487b71")


@cache
def error_entries() -> Mapping[bytes, Mapping[str, Any]]:
    """ABI entry of every custom error of every contract, by selector."""
    entries = (entry for name in names() for entry in load(name).abi if entry["type"] == "error")
    return {selector_of(entry): entry for entry in entries}


def revert_of(data: bytes) -> TransactionReverted:
    """The error to raise for revert data, decoded where an ABI of ours or Solidity itself knows it."""
    selector = data[:SELECTOR]
    if selector == _ERROR:
        return TransactionReverted(f"the contract refused: {_text(data[SELECTOR:])}")
    if selector == _PANIC:
        return TransactionReverted(f"the contract panicked: {_panic(data[SELECTOR:])}")
    entry = error_entries().get(selector)
    if entry is None:
        return ContractRevert(selector, "unknown", {}, "no ABI here knows this error; is it of this version?")
    name = str(entry["name"])
    return ContractRevert(selector, name, _arguments(entry, data), advice_for(name))


def _arguments(entry: Mapping[str, Any], data: bytes) -> dict[str, object]:
    try:
        values = decode_values(entry["inputs"], data[SELECTOR:])
    except NodeError:
        return {}
    return {
        str(parameter["name"]): checksum(value) if parameter["type"] == "address" else value
        for parameter, value in zip(entry["inputs"], values, strict=True)
    }


def _text(data: bytes) -> str:
    try:
        return str(decode_values([{"type": "string", "name": ""}], data)[0])
    except NodeError:
        return "a reason that is no text"


def _panic(data: bytes) -> str:
    code = int.from_bytes(data[:32], "big")
    return PANICS.get(code, f"code {code:#x}")
