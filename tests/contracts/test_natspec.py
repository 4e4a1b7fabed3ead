"""NatSpec of the interfaces: what a caller reads is complete.

├── every function should say what it does, and tell each parameter and each result by name, in their order
│   (one result without a name is what its notice tells)
├── every event should say what happened
├── every interface should have a title
└── every function of a contract that others call should inherit what its interface says, or say it itself
    (what overrides a function of OpenZeppelin's has its words)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.sources import ROOT

INTERFACES = sorted((ROOT / "src" / "interfaces").glob("*.sol"))
CONTRACTS = sorted([*(ROOT / "src").glob("*.sol"), *(ROOT / "src" / "abstracts").glob("*.sol")])
DECLARED = re.compile(r"((?:^ *///[^\n]*\n)*)^ *(function|event) (\w+)(\([^;{]*)[;{]", re.MULTILINE)


def declared(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Comment, word, name and signature of every function and event of a source."""
    for match in DECLARED.finditer(path.read_text(encoding="utf-8")):
        comment, word, name, signature = match.groups()
        yield comment, word, name, " ".join(signature.split())


def names_in(signature: str) -> tuple[list[str], list[str]]:
    """Names of parameters and results; one without a name is empty."""
    taken, _, given = signature.partition(" returns ")
    return _names(taken), _names(given)


def _names(listed: str) -> list[str]:
    inside = re.match(r"\(([^)]*)\)", listed)
    parts = [part.split() for part in inside[1].split(",") if part.strip()] if inside else []
    return ["" if len(part) == 1 or part[-1] == "memory" else part[-1] for part in parts]


def told(comment: str, tag: str) -> list[str]:
    return re.findall(rf"@{tag} (\w+)", comment)


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_an_interface_is_complete(path: Path) -> None:
    missing = []
    for comment, word, name, signature in declared(path):
        taken, given = names_in(signature)
        said = "@notice" in comment
        if word == "function":
            said &= told(comment, "param") == taken and (told(comment, "return") or [""]) == (given or [""])
        if not said:
            missing.append(f"{word} {name}: @notice, @param {taken}, @return {given}")
    assert missing == []
    assert re.search(r"^/// @title .+(\n///.*)*\ninterface ", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_a_contract_says_where_it_is_said(path: Path) -> None:
    silent = [
        name
        for comment, word, name, signature in declared(path)
        if word == "function" and re.search(r"\b(external|public)\b", signature)
        if not re.search(r"@inheritdoc \w+|@notice ", comment) and " override" not in signature
    ]
    assert silent == []


def test_the_reader_finds_what_is_missing(tmp_path: Path) -> None:
    source = tmp_path / "IThing.sol"
    source.write_text("""    /// @notice It.
    /// @param a one
    function f(uint256 a, uint256 b)
        external returns (uint256 c, bytes memory);
""")
    ((comment, word, name, signature),) = declared(source)
    assert (word, name, told(comment, "param"), told(comment, "return")) == ("function", "f", ["a"], [])
    assert names_in(signature) == (["a", "b"], ["c", ""])
