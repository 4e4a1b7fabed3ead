"""Solidity sources on disk: which exist, what each imports, and their checksums (standard library only)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "src"
LIBRARIES = ROOT / "node_modules"

_IMPORT = re.compile(r"^import\s+(?:[^;]*?\sfrom\s+)?[\"']([^\"']+)[\"']\s*;", re.MULTILINE)
# Sources that compile to nothing anybody deploys or decodes with.
_NO_OUTPUT = ("types", "libraries", "abstracts")


class SourceMissingError(FileNotFoundError):
    """An imported file is not there; the message names the importer's path and the fix."""


def units() -> list[str]:
    """Names of the sources that give an artifact, as `src/...` paths, sorted."""
    found = (path.relative_to(ROOT) for path in SOURCES.rglob("*.sol"))
    return sorted(path.as_posix() for path in found if _has_output(path.parts))


def _has_output(parts: tuple[str, ...]) -> bool:
    return parts[1] not in _NO_OUTPUT or parts[-1] == "Errors.sol"


def closure(unit: str) -> dict[str, str]:
    """Texts of a source and of all it imports, by name. Raises SourceMissingError."""
    texts: dict[str, str] = {}
    waiting = [unit]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = _read(name)
            waiting.extend(_resolve(name, target) for target in _IMPORT.findall(texts[name]))
    return dict(sorted(texts.items()))


def _resolve(importer: str, target: str) -> str:
    if not target.startswith("."):
        return target
    parts: list[str] = []
    for part in (PurePosixPath(importer).parent / target).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _read(name: str) -> str:
    path = ROOT / name if name.startswith("src/") else LIBRARIES / name
    try:
        # Line ends are the checkout's affair, not the compiler's.
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise SourceMissingError(f"{path} is imported but missing: run `npm ci` in contracts/") from error


def checksums(texts: dict[str, str]) -> dict[str, str]:
    """SHA-256 of each text, in hex."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
