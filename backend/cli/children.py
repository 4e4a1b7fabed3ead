"""Child processes of ours: started on a leash, so that they end when we do, `kill -9` included."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, Self

from backend.cli.devnet import leash

STOP_SECONDS: Final = 20.0


class Child:
    """One `emporion` process. `log` None: it writes where we write."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path | None) -> None:
        self._process = process
        self.log = log

    @classmethod
    async def start(cls, *arguments: str, env: Mapping[str, str], log: Path | None = None) -> Self:
        """Start `emporion ARGUMENT...` with an environment that spells out its settings."""
        command = (sys.executable, str(Path(leash.__file__)), sys.executable, "-m", "backend.cli.main")
        stream: IO[bytes] | None = log.open("wb") if log is not None else None
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                *arguments,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=stream,
                # In a group of its own: a Ctrl-C in the terminal is ours to answer, in order.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        finally:
            if stream is not None:
                stream.close()
        return cls(process, log)

    @property
    def pid(self) -> int:
        """Process id of the leash; the command is its child."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait until it ends; its exit code."""
        return await self._process.wait()

    def last_words(self, size: int = 2_000) -> str:
        """The end of its log."""
        if self.log is None:
            return ""
        return self.log.read_text(encoding="utf-8", errors="replace")[-size:]

    async def stop(self) -> None:
        """End it in order and wait."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
