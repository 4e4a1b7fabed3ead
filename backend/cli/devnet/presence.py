"""The file that says a devnet runs: other commands (`fund`, `advance`, `reorg`) find it by its home."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from backend.cli.devnet.ports import is_free
from backend.core.errors import Conflict, MalformedRequest, NodeUnreachable

_NAME: Final = "devnet.json"
_SNAPSHOTS: Final = "snapshots.txt"


@dataclass(frozen=True, slots=True)
class Presence:
    """Where a running devnet's chain answers, and the process that runs it."""

    rpc_url: str
    block_time: int
    pid: int

    def write(self, home: Path) -> None:
        """Leave the file."""
        (home / _NAME).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, home: Path) -> Self:
        """Raises NodeUnreachable when no devnet runs from this home."""
        try:
            return cls(**json.loads((home / _NAME).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            raise NodeUnreachable(
                f"no devnet runs from {home}; start one with `emporion devnet`, or give its EMPORION_HOME"
            ) from None

    @classmethod
    def require_none(cls, home: Path) -> None:
        """Raises Conflict when a devnet runs from this home; what a killed one left is passed over."""
        try:
            found = cls.read(home)
        except NodeUnreachable:
            return
        if not is_free(int(found.rpc_url.rpartition(":")[2])) and _lives(found.pid):
            raise Conflict(
                f"a devnet runs from {home} already, at {found.rpc_url} (process {found.pid}); stop it, "
                "or set EMPORION_HOME to another folder for a second one"
            )

    @staticmethod
    def remove(home: Path) -> None:
        """Take the file away."""
        (home / _NAME).unlink(missing_ok=True)
        (home / _SNAPSHOTS).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots taken of a running devnet, oldest first, in a file of its home."""

    home: Path

    def add(self, snapshot: str) -> None:
        """Remember one."""
        self._write([*self._read(), snapshot])

    def newest(self) -> str:
        """The last one taken. Raises MalformedRequest where there is none."""
        taken = self._read()
        if not taken:
            raise MalformedRequest(
                "there is no snapshot to go back to; take one with `emporion devnet snapshot`"
            )
        return taken[-1]

    def forget(self, snapshot: str) -> None:
        """Drop one and those after it."""
        taken = self._read()
        self._write(taken[: taken.index(snapshot)] if snapshot in taken else taken)

    def _read(self) -> list[str]:
        path = self.home / _SNAPSHOTS
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def _write(self, taken: list[str]) -> None:
        (self.home / _SNAPSHOTS).write_text("\n".join(taken), encoding="utf-8")


def _lives(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
