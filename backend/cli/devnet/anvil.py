"""The anvil process: found in `contracts/node_modules`, started on loopback, ended by its handle."""

import asyncio
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from backend.chain.client import NodeClient
from backend.chain.transport import Transport
from backend.cli.devnet import leash
from backend.cli.devnet.ports import LOOPBACK, free_port
from backend.core.errors import MissingDependency, NodeError, NodeUnreachable
from contracts.sources import LIBRARIES

CHAIN_ID: Final = 31_337
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 15.0
_ARCHITECTURES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS: Final = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}


@dataclass(frozen=True, slots=True)
class AnvilOptions:
    """`timestamp` of block 0 (None: now); the file of the chain's `state` (None: kept nowhere); its id."""

    port: int = 8545
    timestamp: int | None = None
    state: Path | None = None
    chain_id: int = CHAIN_ID


def anvil_program() -> Path:
    """The binary itself: npm's wrapper would be killed without its child. Raises MissingDependency."""
    system, machine = platform.system(), platform.machine().lower()
    package = f"anvil-{_SYSTEMS.get(system, system.lower())}-{_ARCHITECTURES.get(machine, machine)}"
    name = "anvil.exe" if system == "Windows" else "anvil"
    found = LIBRARIES / "@foundry-rs" / package / "bin" / name
    if not found.is_file():
        raise MissingDependency(f"anvil is not at {found}; run `npm ci` in contracts/ (`make devnet` does)")
    return found


class Anvil:
    """A running chain. It ends with `stop`, or when this process dies."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log_path: Path) -> None:
        self._process = process
        self._log_path = log_path
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.ws_url = f"ws://{LOOPBACK}:{port}"

    @classmethod
    async def start(
        cls, transport: Transport, home: Path, options: AnvilOptions, say: Callable[[str], None]
    ) -> Self:
        """Start and wait until it answers. Raises MissingDependency, NodeUnreachable with its last words."""
        program, port = anvil_program(), options.port
        while True:
            wanted, port = port, free_port(port)
            if wanted not in (0, port):
                say(f"port {wanted} is taken; the chain is at port {port}")
            anvil = cls(await _spawn(program, port, home, options), port, home / "anvil.log")
            if await anvil._answers(NodeClient(transport, anvil.url)):
                return anvil
            if not anvil._lost_port():
                raise NodeUnreachable(f"anvil ended at once: {anvil._last_words()}")
            port += 1

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.returncode is None

    async def stop(self) -> None:
        """End it and wait; its state is on disk afterwards, if it keeps any."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _answers(self, client: NodeClient) -> bool:
        """Wait for the first answer; False when the process ended instead."""
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while self.running and asyncio.get_running_loop().time() < deadline:
            try:
                await client.chain_id()
            except (NodeUnreachable, NodeError):
                await asyncio.sleep(0.02)
            else:
                return self.running
        return False

    def _lost_port(self) -> bool:
        return "Address already in use" in self._last_words() or "AddrInUse" in self._last_words()

    def _last_words(self) -> str:
        return (
            self._log_path.read_text(encoding="utf-8", errors="replace")[-600:].strip() or "no reason given"
        )


async def _spawn(program: Path, port: int, home: Path, options: AnvilOptions) -> asyncio.subprocess.Process:
    command = [str(program), "--host", LOOPBACK, "--port", str(port), "--chain-id", str(options.chain_id)]
    command += ["--accounts", "1", "--silent"]
    if options.timestamp is not None:
        command += ["--timestamp", str(options.timestamp)]
    if options.state is not None:
        command += ["--state", str(options.state)]
    with (home / "anvil.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(leash.__file__)),
            *command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # In a group of its own: a Ctrl-C in the terminal is ours to answer, in order.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
