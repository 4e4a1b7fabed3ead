"""Where a contract keeps its variables: slots by label, by Solidity's storage layout."""

from backend.chain.abi import WORD
from backend.core.errors import MalformedRequest
from backend.core.units import keccak
from contracts.artifacts import load


def slot_of(contract: str, label: str, *keys: int | bytes) -> int:
    """The slot of a variable, or of an entry of its (nested) mapping. Raises MalformedRequest."""
    slots = [int(entry["slot"]) for entry in load(contract).storage if entry["label"] == label]
    if not slots:
        raise MalformedRequest(f"{contract} has no variable {label} in storage")
    slot = slots[0]
    for key in keys:
        word = key.rjust(WORD, b"\0") if isinstance(key, bytes) else key.to_bytes(WORD, "big")
        slot = int.from_bytes(keccak(word + slot.to_bytes(WORD, "big")), "big")
    return slot


def bits_of(word: int, start: int, width: int) -> int:
    """A packed value of a slot: `width` bits from bit `start`, the lowest being 0."""
    return word >> start & (1 << width) - 1
