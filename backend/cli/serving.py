"""The gateway's server: a socket that is ours before anything else starts, and an end in order."""

import asyncio
import ctypes
import gc
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import uvicorn

from backend.core.errors import SettingsError
from backend.core.logs import get_logger
from backend.core.settings import Settings
from backend.gateway.connections import server_config

DRAIN_SECONDS: Final = 15
COLLECT_AFTER: Final = (10_000, 10, 10)
"""Allocations beyond frees, and younger collections, before the collector looks."""
_BACKLOG: Final = 2_048
log = get_logger("cli")


@contextmanager
def listening(settings: Settings) -> Iterator[tuple[socket.socket, Settings]]:
    """The gateway's socket, and the settings with its port where 0 asked for any. Raises SettingsError."""
    host, port = settings.gateway_host, settings.gateway_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        opened = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror}); set EMPORION_GATEWAY_PORT to a free port, "
            "0 for any, and EMPORION_GATEWAY_HOST to an address of this machine"
        ) from None
    with opened:
        yield opened, settings.model_copy(update={"gateway_port": opened.getsockname()[1]})


class _Server(uvicorn.Server):
    """A server whose signals are ours to answer."""

    def capture_signals(self) -> Any:
        """Leave them alone."""
        return nullcontext()


def spare_collector() -> None:
    """Keep what start-up made out of every later collection: it is most of the heap, and it stays.

    Requests make little that only the collector frees, so it looks less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    _give_back()


def _give_back() -> None:
    """Return to the system what start-up has freed, where its C library can (glibc keeps it otherwise)."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


async def served(settings: Settings, stop: asyncio.Event, app: Any, opened: socket.socket) -> None:
    """Answer on the socket until told to stop, then let open requests end for a while."""
    config = server_config(app, log_config=None, timeout_graceful_shutdown=DRAIN_SECONDS)
    server = _Server(config)

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    log.info("gateway.listening", url=settings.base_url)
    try:
        await server.serve(sockets=[opened])
    finally:
        stop.set()
        await ending
