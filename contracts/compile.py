"""Compiles the contracts into `contracts/artifacts`; the only module that imports solcx.

The compiler is the installed solc of the pinned version, else npm's (through `solc-node.js`), else the
download of py-solc-x. An artifact is a function of its source and of what that imports, whatever is compiled
beside it (a test tries both): one whose checksums still hold is not compiled again.

    python -m contracts.compile [--check] [Name ...]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import solcx
from eth_utils.abi import event_abi_to_log_topic
from eth_utils.crypto import keccak
from packaging.version import Version
from solcx.wrapper import get_solc_version

from contracts import sources
from contracts.artifacts import FOLDER

Solc = Callable[[dict[str, Any]], dict[str, Any]]
"""Answers standard-json, or raises CompileError."""

SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 1000},
    "viaIR": False,
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
_OUTPUT = ["abi", "evm.bytecode.object", "evm.deployedBytecode", "evm.methodIdentifiers", "storageLayout"]
# Allowed: a constructor parameter named as the getter of what it sets ("same name as another declaration").
_ALLOWED_WARNINGS = {"8760"}


class CompilerMissingError(RuntimeError):
    """No solc of the pinned version; the message names the fix."""


class CompileError(RuntimeError):
    """Sources that solc refuses or warns about; the message is solc's."""


def pinned_version() -> str:
    """The version of solc that `contracts/package.json` pins."""
    package = json.loads((sources.ROOT / "package.json").read_text(encoding="utf-8"))
    return str(package["devDependencies"]["solc"])


def find_compiler(version: str) -> Path:
    """Path of a solc of this version. Raises CompilerMissingError."""
    wanted = Version(version)
    if wanted in solcx.get_installed_solc_versions():
        return solcx.install.get_executable(wanted)
    if (sources.LIBRARIES / "solc").is_dir():
        return sources.ROOT / ("solc-node.cmd" if os.name == "nt" else "solc-node.js")
    try:
        solcx.install_solc(wanted)
    except Exception as error:
        fix = "run `npm ci` in contracts/"
        raise CompilerMissingError(f"solc {version} is neither installed nor to be had: {fix}") from error
    return solcx.install.get_executable(wanted)


def compile_unit(
    unit: str, compiler: Path | Solc, version: str, changed: dict[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Artifact records of one source by artifact path, below the folder of artifacts. Raises CompileError.

    `changed` replaces texts of sources by name, for trying what is not on disk; its warnings pass.
    """
    return compile_together([unit], compiler, version, changed)


def compile_together(
    units: list[str], compiler: Path | Solc, version: str, changed: dict[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Records of several sources from one run of solc, in a third of the time of a run each. As above."""
    closures = {unit: sources.closure(unit) | (changed or {}) for unit in units}
    texts = {name: text for closure in closures.values() for name, text in closure.items()}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": texts[name]} for name in sorted(texts)},
        "settings": {**SETTINGS, "outputSelection": {unit: {"*": _OUTPUT} for unit in units}},
    }
    try:
        answer = compiler(request) if callable(compiler) else _run(compiler, request)
    except solcx.exceptions.SolcError as error:
        raise CompileError(f"{', '.join(units)}: {error.message}") from error
    if not changed:
        _refuse_warnings(answer)
    return {
        f"{'mocks/' if unit.startswith('src/mocks/') else ''}{name}.json": _record(
            name, unit, version, output, sources.checksums(closure)
        )
        for unit, closure in closures.items()
        for name, output in answer["contracts"].get(unit, {}).items()
    }


def _run(compiler: Path, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = solcx.compile_standard(request, solc_binary=compiler)
    return answer


def _refuse_warnings(answer: dict[str, Any]) -> None:
    own = [warning for warning in answer.get("errors", []) if _is_refused(warning)]
    if own:
        raise CompileError("\n".join(warning["formattedMessage"] for warning in own))


def _is_refused(warning: dict[str, Any]) -> bool:
    file = str(warning["sourceLocation"]["file"])
    ours = file.startswith("src/") and not file.startswith("src/mocks/")
    return ours and warning["errorCode"] not in _ALLOWED_WARNINGS


def _record(
    name: str, unit: str, version: str, output: dict[str, Any], sums: dict[str, str]
) -> dict[str, Any]:
    evm, abi = output["evm"], output["abi"]
    errors = [_signature(entry) for entry in abi if entry["type"] == "error"]
    events = [entry for entry in abi if entry["type"] == "event"]
    return {
        "name": name,
        "source": unit,
        "compiler": version,
        "functions": {f"0x{code}": text for text, code in sorted(evm["methodIdentifiers"].items())},
        "errors": {f"0x{keccak(text=text)[:4].hex()}": text for text in errors},
        "events": {f"0x{event_abi_to_log_topic(event).hex()}": _signature(event) for event in events},
        "storage": _layout(output),
        "checksums": sums,
        "abi": abi,
        "bytecode": f"0x{evm['bytecode']['object']}",
        "deployed_bytecode": f"0x{evm['deployedBytecode']['object']}",
        "immutables": _immutables(evm["deployedBytecode"].get("immutableReferences", {})),
    }


def _immutables(references: dict[str, list[dict[str, int]]]) -> list[list[int]]:
    return sorted([place["start"], place["length"]] for places in references.values() for place in places)


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"


def _type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(c) for c in parameter['components'])}){kind.removeprefix('tuple')}"


def _layout(output: dict[str, Any]) -> list[dict[str, Any]]:
    layout = output.get("storageLayout") or {"storage": [], "types": None}
    types = layout["types"] or {}
    return [
        {
            "label": v["label"],
            "slot": int(v["slot"]),
            "offset": v["offset"],
            "type": types[v["type"]]["label"],
        }
        for v in layout["storage"]
    ]


def is_fresh(unit: str, version: str) -> bool:
    """Whether the artifact on disk was compiled from the sources as they are now."""
    folder = FOLDER / "mocks" if unit.startswith("src/mocks/") else FOLDER
    path = folder / f"{Path(unit).stem}.json"
    if not path.is_file():
        return False
    record = json.loads(path.read_text(encoding="utf-8"))
    sums = sources.checksums(sources.closure(unit))
    return bool(record["compiler"] == version and record["checksums"] == sums)


def render(record: dict[str, Any]) -> str:
    """The text of an artifact file: the same bytes for the same record everywhere."""
    return json.dumps(record, indent=1, ensure_ascii=True) + "\n"


def compile_all(wanted: list[str], *, force: bool) -> dict[str, str]:
    """Texts of artifacts by path, of the named contracts (all without a name) that need compiling."""
    version = pinned_version()
    units = [unit for unit in sources.units() if not wanted or Path(unit).stem in wanted]
    stale = [unit for unit in units if force or not is_fresh(unit, version)]
    if not stale:
        return {}
    compiler = find_compiler(version)
    if get_solc_version(compiler) != Version(version):
        raise CompilerMissingError(f"{compiler} is not solc {version}: run `npm ci` in contracts/")
    records = compile_together(stale, compiler, version)
    return {path: render(record) for path, record in records.items()}


def write(texts: dict[str, str]) -> None:
    """Writes artifacts, each file in one step so that a reader never sees half of it."""
    for name, text in texts.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)


def differing(texts: dict[str, str]) -> list[str]:
    """Artifact files whose bytes on disk are not those just compiled."""
    return [name for name, text in texts.items() if not _same(FOLDER / name, text)]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").replace("\r\n", "\n") == text


def main(arguments: list[str] | None = None) -> int:
    """Entry point; exit code 1 where `--check` found a difference or solc found an error."""
    parser = argparse.ArgumentParser(prog="python -m contracts.compile", description="Compile the contracts.")
    parser.add_argument("--check", action="store_true", help="compile everything and compare, write nothing")
    parser.add_argument("names", nargs="*", help="contracts to compile; all of them without a name")
    options = parser.parse_args(arguments)
    try:
        texts = compile_all(options.names, force=options.check)
    except (CompileError, CompilerMissingError, sources.SourceMissingError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        stale = differing(texts)
        print(f"{len(texts)} artifacts compared, differing: {', '.join(stale) or 'none'}")
        return 1 if stale else 0
    write(texts)
    print(f"compiled {len(texts)} artifacts" if texts else "artifacts are up to date")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
