"""Writes what of every deployed contract is reviewed by eye: size, storage, functions, events and errors.

python -m scripts.reviewed
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.artifacts import Artifact, load, names

FOLDER = Path(__file__).resolve().parents[1] / "contracts" / "reviewed"
SIZE_LIMIT = 24_576


def deployed() -> list[str]:
    """Contracts that are deployed outside of tests."""
    found = (load(name) for name in names())
    apart = ("src/mocks/", "src/libraries/")
    return [one.name for one in found if one.bytecode != "0x" and not one.source.startswith(apart)]


def text_of(artifact: Artifact) -> str:
    """The reviewed file of a contract: one line a thing, so that a change is a line of a diff."""
    functions = [entry for entry in artifact.abi if entry["type"] == "function"]
    record = {
        "size": artifact.size,
        "storage": [f"{v['slot']}+{v['offset']} {v['label']}: {v['type']}" for v in artifact.storage],
        "functions": sorted(_function(entry) for entry in functions),
        "events": sorted(artifact.events.values()),
        "errors": sorted(artifact.errors.values()),
    }
    return json.dumps(record, indent=1) + "\n"


def _function(entry: dict[str, Any]) -> str:
    answers = f" returns {_types(entry['outputs'])}" if entry["outputs"] else ""
    return f"{entry['name']}{_types(entry['inputs'])} {entry['stateMutability']}{answers}"


def _types(parameters: list[dict[str, Any]]) -> str:
    return f"({','.join(_type(parameter) for parameter in parameters)})"


def _type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    return f"{_types(parameter['components'])}{kind[5:]}" if kind.startswith("tuple") else kind


def differing() -> list[str]:
    """Reviewed files that are missing, left over, or not what the artifacts say."""
    texts = {f"{name}.json": text_of(load(name)) for name in deployed()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(name for name in texts.keys() | kept.keys() if texts.get(name) != kept.get(name))


def main() -> int:
    """Writes the files and names those that changed."""
    FOLDER.mkdir(exist_ok=True)
    changed = differing()
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name in deployed():
        (FOLDER / f"{name}.json").write_text(text_of(load(name)), encoding="utf-8", newline="\n")
    print(f"reviewed: {len(deployed())} contracts, changed: {', '.join(changed) or 'none'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
