"""Compiled contracts, read from `contracts/artifacts`: standard library only, no compiler needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "artifacts"


class ArtifactMissingError(LookupError):
    """No artifact of that name; the message names the fix."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: the contract's name.
        source: its file, below `contracts/`.
        compiler: version of solc.
        abi: as solc gives it.
        bytecode: creation code, 0x-prefixed hex; "0x" for an interface.
        deployed_bytecode: runtime code with immutables zero, 0x-prefixed hex.
        immutables: (start, length) in bytes of every immutable inside the runtime code.
        functions: signature by 4-byte selector, 0x-prefixed hex.
        errors: signature by 4-byte selector.
        events: signature by 32-byte topic.
        storage: storage layout, one entry a variable: label, slot, offset, type.
        checksums: SHA-256 of every source it was compiled from.
    """

    name: str
    source: str
    compiler: str
    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str
    immutables: list[tuple[int, int]] = field(repr=False)
    functions: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, str] = field(repr=False)
    events: Mapping[str, str] = field(repr=False)
    storage: list[dict[str, Any]] = field(repr=False)
    checksums: Mapping[str, str] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of runtime code."""
        return len(self.deployed_bytecode) // 2 - 1

    def runtime_matches(self, code: bytes) -> bool:
        """Whether deployed code is this contract's, whatever its immutables are."""
        expected = bytearray.fromhex(self.deployed_bytecode[2:])
        if len(code) != len(expected):
            return False
        actual = bytearray(code)
        for start, length in self.immutables:
            actual[start : start + length] = expected[start : start + length] = bytes(length)
        return actual == expected


@cache
def load(name: str) -> Artifact:
    """The artifact of a contract, such as "AccessToken". Raises ArtifactMissingError."""
    path = _paths().get(name)
    if path is None:
        raise ArtifactMissingError(f"no artifact {name!r} in {FOLDER}: run `python -m contracts.compile`")
    return _parse(path)


def names() -> list[str]:
    """Names of all artifacts, sorted."""
    return sorted(_paths())


@cache
def error_index() -> Mapping[str, str]:
    """Signature of every custom error of every contract, by its 4-byte selector in 0x-prefixed hex."""
    return {selector: text for name in names() for selector, text in load(name).errors.items()}


def _paths() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.rglob("*.json"))}


def _parse(path: Path) -> Artifact:
    record = json.loads(path.read_text(encoding="utf-8"))
    return Artifact(**{**record, "immutables": [tuple(pair) for pair in record["immutables"]]})
