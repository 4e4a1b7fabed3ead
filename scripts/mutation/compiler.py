"""A compiler that stays: solc-js in one node process, which loads once."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contracts import sources
from contracts.compile import SETTINGS, CompileError

SERVER = Path(__file__).with_name("solc_server.js")


class Stillborn(Exception):
    """The source does not compile."""


class Compiler:
    """Compiles one contract at a time, with its own text of it."""

    def __init__(self) -> None:
        library = (sources.LIBRARIES / "solc").resolve()
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            ["node", str(SERVER), str(library)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._folder.cleanup()

    def creation_code(self, contract: str, source: str, *, optimized: bool) -> str:
        """Creation code in 0x hexadecimal. Raises Stillborn."""
        unit = f"src/{contract}.sol"
        texts = sources.closure(unit) | {unit: source}
        answer = self._compile(unit, texts, optimized)
        errors = [entry["message"] for entry in answer.get("errors", []) if entry["severity"] == "error"]
        if errors:
            raise Stillborn(errors[0])
        return f"0x{answer['contracts'][unit][contract]['evm']['bytecode']['object']}"

    def answered(self, request: dict[str, Any]) -> dict[str, Any]:
        """What solc answers to standard-json; a `Solc` of `contracts.compile`. Raises CompileError."""
        answer = self._asked(request)
        errors = [
            entry["formattedMessage"] for entry in answer.get("errors", []) if entry["severity"] == "error"
        ]
        if errors:
            raise CompileError("\n".join(errors))
        return answer

    def _compile(self, unit: str, texts: dict[str, str], optimized: bool) -> dict[str, Any]:
        optimizer = SETTINGS["optimizer"] if optimized else {"enabled": False}
        wanted = {unit: {"*": ["evm.bytecode.object"]}}
        request = {
            "language": "Solidity",
            "sources": {name: {"content": text} for name, text in texts.items()},
            "settings": {**SETTINGS, "optimizer": optimizer, "outputSelection": wanted},
        }
        return self._asked(request)

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        file = Path(self._folder.name) / "unit.json"
        file.write_text(json.dumps(request), encoding="utf-8")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise RuntimeError("the compiler is gone: run `npm ci` in contracts/")
        answer: dict[str, Any] = json.loads(Path(f"{file}.out").read_text(encoding="utf-8"))
        return answer
