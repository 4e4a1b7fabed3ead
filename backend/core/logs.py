"""Structured logs: dotted event names with fields, secrets redacted, prompts and answers never passed in.

``log = get_logger("indexer")`` and ``log.info("indexer.reorg.rewound", depth=3)``.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog

SECRET_FIELDS: Final = re.compile(
    r"password|secret|authorization|(api|private|master|meter)_?key|cookie|token$|mnemonic|^(prompt|answer)s?$",
    re.IGNORECASE,
)
"""Field names whose values are never written."""

SECRET_VALUES: Final = re.compile(
    r"emp_(live|dev)_[A-Za-z0-9_\-]+|(?<=Bearer )\S+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)", re.IGNORECASE
)
"""Shapes of secrets inside longer texts: our keys, bearer tokens, passwords in URLs."""

REDACTED: Final = "[redacted]"
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["console", "json"]
Fields = MutableMapping[str, Any]


def redact(_logger: object, _method: str, fields: Fields) -> Fields:
    """Replace secrets by name of field and by shape of value."""
    for name, value in fields.items():
        if name != "event" and SECRET_FIELDS.search(name):
            fields[name] = REDACTED
        elif isinstance(value, str):
            fields[name] = SECRET_VALUES.sub(REDACTED, value)
    return fields


def configure_logs(level: Level = "info", style: Format = "console", stream: TextIO | None = None) -> None:
    """Set up structlog for this process; called once, by a composition root. Lines go to standard error."""
    out = stream or sys.stderr
    renderer = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            # The default one prints every frame's locals, prompts and keys among them, and takes seconds.
            colors=out.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(_LEVELS[level], logging.WARNING), stream=out, format="%(name)s %(message)s")


def get_logger(name: str) -> Any:
    """A logger whose lines carry ``component=name``."""
    return structlog.get_logger(component=name)
