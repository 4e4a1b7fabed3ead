"""Leaked API keys in files, found for certain by their checksum; what is found is named without its secret.

Files are read in pieces and as bytes, so size and kind do not matter; text in UTF-16, as some systems write
it, is read as well. Not looked into: what is compressed, so also not a git repository's objects (only its
packed history is there), links, and what is no file (a pipe would wait for ever).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from backend.accounts.key_format import CHECK_LENGTH, ID_LENGTH, PATTERN, SECRET_LENGTH, has_right_check

PIECE: Final = 1 << 20
_LONGEST: Final = 160
"""Bytes; a key has at most 60, and twice as many in UTF-16."""
_NARROW: Final = re.compile(PATTERN.pattern.encode())
_WIDE: Final = re.compile(
    rb"e\0m\0p\0_\0(l\0i\0v\0e|d\0e\0v)\0_\0"
    + rb"((?:[0-9A-Za-z]\0){%d})_\0" % ID_LENGTH
    + rb"(?:[0-9A-Za-z]\0){%d}[0-9A-Za-z]" % (SECRET_LENGTH + CHECK_LENGTH - 1)
)
_SHAPES: Final = ((b"emp_", _NARROW), (b"e\0m\0p\0_\0", _WIDE))
"""How a key begins, which is looked for first, and all of it."""
_LEFT_OUT: Final = (".git", "objects")


@dataclass(frozen=True, slots=True)
class Leak:
    """A key in a file; `line` counts from 1."""

    file: Path
    line: int
    key_id: str
    network: str


@dataclass(slots=True)
class Scan:
    """What was found, and what could not be read: without that nobody may call the place clean."""

    leaks: list[Leak] = field(default_factory=list)
    unread: list[tuple[Path, str]] = field(default_factory=list)
    files: int = 0


def scan(place: Path, piece_bytes: int = PIECE) -> Scan:
    """Look through a file, or every file below a folder, so many bytes at a time."""
    found = Scan()
    for file in _files(place, found):
        try:
            with file.open("rb") as stream:
                found.leaks += _leaks(file, stream, piece_bytes)
            found.files += 1
        except OSError as error:
            found.unread.append((file, error.strerror or str(error)))
    return found


def _files(place: Path, found: Scan) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return

    def unread(error: OSError) -> None:
        found.unread.append((Path(error.filename), error.strerror or str(error)))

    for folder, names, files in os.walk(place, onerror=unread):
        names.sort()
        if Path(folder).name == _LEFT_OUT[0] and _LEFT_OUT[1] in names:
            names.remove(_LEFT_OUT[1])
        for name in sorted(files):
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _leaks(file: Path, stream: BinaryIO, piece_bytes: int) -> Iterator[Leak]:
    line, kept = 1, b""
    while piece := stream.read(piece_bytes):
        data = kept + piece
        for head, shape in _SHAPES:
            if head in data:
                yield from _in_piece(file, data, shape, len(kept), line)
        kept = data[-_LONGEST:]
        line += data.count(b"\n", 0, len(data) - len(kept))


def _in_piece(file: Path, data: bytes, shape: re.Pattern[bytes], known: int, line: int) -> Iterator[Leak]:
    """Keys that end in the new part of a piece; its first `known` bytes were looked through before."""
    for match in shape.finditer(data):
        text, network, key_id = (part.replace(b"\0", b"").decode() for part in match.group(0, 1, 2))
        if match.end() > known and has_right_check(text):
            yield Leak(file, line + data.count(b"\n", 0, match.start()), key_id, network)
