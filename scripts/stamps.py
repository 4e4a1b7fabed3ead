"""What the set-up has finished, so that a second run does nothing and a broken-off one is repaired."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def digest(*files: Path) -> str:
    """One hash over the content of the files; a missing one counts as empty."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(file.read_bytes() if file.exists() else b"").digest())
    return total.hexdigest()


class Stamps:
    """A small JSON file beside what it speaks about: finished steps by name, and the one under way.

    A step is written down as begun before it starts. Whoever finds it there later knows that it broke off.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done: dict[str, str] = {}
        self.broken_off: str | None = None
        self._load()

    def _load(self) -> None:
        try:
            content = json.loads(self._file.read_text())
            self._done = dict(content["done"])
            self.broken_off = content["begun"]
        except (OSError, ValueError, KeyError, TypeError):
            self._done, self.broken_off = {}, None

    def holds(self, step: str, stamp: str) -> bool:
        """Whether this step was finished for this very stamp."""
        return self._done.get(step) == stamp and self.broken_off != step

    @contextmanager
    def step(self, step: str, stamp: str) -> Iterator[None]:
        """Write down the begin, and at the end of the block, unless it raised, the finish."""
        self._done.pop(step, None)
        self._write(begun=step)
        yield
        self._done[step] = stamp
        self.broken_off = None
        self._write(begun=None)

    def _write(self, begun: str | None) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"done": self._done, "begun": begun}, indent=2))
        fresh.replace(self._file)


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold a lock between processes: two targets started at once set up one after the other."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as handle:
        _lock(handle)
        yield


def _lock(handle: IO[bytes]) -> None:
    """Wait for the lock; closing the file gives it back, and so does the end of the process."""
    if os.name == "nt":
        import msvcrt  # the system's own, absent elsewhere

        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
