"""The file that says a devnet runs: other commands (`fund`, `advance`, `reorg`) find it by its home."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from backend.core.errors import NodeUnreachable

_NAME = "devnet.json"


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

    @staticmethod
    def remove(home: Path) -> None:
        """Take the file away."""
        (home / _NAME).unlink(missing_ok=True)
