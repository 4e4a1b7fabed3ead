"""Committed artifacts.

load
├── when there is no artifact of that name: it should name the fix
└── when there is one: it should know selectors, topics and checksums
the folder
├── given a source changed after the artifact: it should be stale (the checksums are compared)
├── given an artifact without a source: it should not be there
├── when everything is compiled again: it should be the same byte for byte
└── when one source is compiled alone: it should be so too
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from contracts import sources
from contracts.artifacts import FOLDER, ArtifactMissingError, load, names

UNITS = sources.units()


class TestLoad:
    def test_an_unknown_name_names_the_fix(self) -> None:
        with pytest.raises(ArtifactMissingError, match=r"contracts\.compile"):
            load("Nothing")

    def test_selectors_and_topics_are_known_without_a_compiler(self) -> None:
        artifact = load("IAccessToken")
        assert artifact.functions["0xf242432a"] == "safeTransferFrom(address,address,uint256,uint256,bytes)"
        topic = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
        assert artifact.events[topic] == "TransferSingle(address,address,address,uint256,uint256)"


class TestFolder:
    @pytest.mark.parametrize("unit", UNITS)
    def test_checksums_are_those_of_the_sources(self, unit: str) -> None:
        records = [r for r in map(load, names()) if r.source == unit]
        assert records, f"{unit} has no artifact: run `python -m contracts.compile`"
        assert records[0].checksums == sources.checksums(sources.closure(unit))

    def test_no_artifact_outlives_its_source(self) -> None:
        assert {load(name).source for name in names()} <= set(UNITS)

    def test_files_are_valid_json_with_unix_line_ends(self) -> None:
        for path in FOLDER.rglob("*.json"):
            assert b"\r" not in path.read_bytes()
            json.loads(path.read_text())


@pytest.fixture(scope="session")
def compiler() -> Path:
    if shutil.which("node") is None:
        pytest.skip("needs node for the npm compiler")
    from contracts.compile import find_compiler, pinned_version

    return find_compiler(pinned_version())


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_compiling_again_gives_the_same_bytes(compiler: Path) -> None:
    """All in one run of solc, which costs a third of one run each; the company changes no byte."""
    from contracts.compile import compile_together, differing, pinned_version, render

    records = compile_together(UNITS, compiler, pinned_version())
    assert {load(name).source for name in names()} == {record["source"] for record in records.values()}
    assert differing({path: render(record) for path, record in records.items()}) == []


@pytest.mark.integration
@pytest.mark.parametrize("unit", ["src/EmporionToken.sol", "src/mocks/TestDollar.sol"])
def test_a_source_compiled_alone_gives_the_same_bytes(unit: str, compiler: Path) -> None:
    from contracts.compile import compile_unit, differing, pinned_version, render

    records = compile_unit(unit, compiler, pinned_version())
    assert records
    assert differing({path: render(record) for path, record in records.items()}) == []
