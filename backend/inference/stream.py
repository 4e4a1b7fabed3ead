"""A streamed answer's events: passed on as they came, a few of them read on the way.

Most events are handed on without a look inside; only one whose bytes show something notable is parsed.
"""

import re
from typing import Any, Final

import orjson

from backend.core.errors import UpstreamError
from backend.inference.usage import Usage, usage_of
from backend.inference.words import dicts, words_of

MOST_EVENT_BYTES: Final = 4 * 1024 * 1024
EVENT_END: Final = re.compile(rb"\r?\n\r?\n|\r\r")
ERROR_EVENT: Final = re.compile(rb"(?:[^\r\n]+(?:\r\n?|\n))*?(?:error:|event: ?error[ \t]*(?:\r|\n))")
"""llama.cpp's own field, or an event by the name `error`, on any line."""
NOTABLE: Final = (
    b"[DONE]",
    b'"usage":{',
    b'"usage": {',
    b'"finish_reason":"',
    b'"finish_reason": "',
    b'"error"',
    b"error:",
    b"event: error",
    b"event:error",
    b'"response.',
)
"""Marks of events worth parsing, in the two spacings servers write; plain searches, a tenth of a pattern's
cost.
"""
DONE: Final = b"[DONE]"
LAST_TYPES: Final = ("response.completed", "response.incomplete")


class StreamScanner:
    """Passes a stream's events on and remembers what they said.

    `feed` gives back the bytes to send now: whole events, as they came. The usage chunk that the caller did
    not ask for is left out, an upstream's error event too (`failed`), and the closing `[DONE]` waits in
    `tail`, so that the receipt can be put before it.
    """

    def __init__(self, *, keep_usage: bool, most_event_bytes: int = MOST_EVENT_BYTES) -> None:
        self.usage: Usage | None = None
        self.finished = False
        self.failed = False
        self.tail = b""
        self._keep_usage = keep_usage
        self._most = most_event_bytes
        self._rest = b""
        self._passed: list[bytes] = []

    @property
    def complete(self) -> bool:
        """Whether the stream came to its proper end."""
        return (self.finished or bool(self.tail)) and not self.failed

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes as they arrived, return those to pass on. Raises UpstreamError for an event without
        end.
        """
        data = self._rest + chunk if self._rest else chunk
        cut = _last_end(data)
        whole, self._rest = data[:cut], data[cut:]
        if len(self._rest) > self._most:
            raise UpstreamError("the upstream sent an event that is too large")
        if _is_notable(whole):
            whole = b"".join(event for event in _events(whole) if self._passes(event))
        if whole:
            self._passed.append(whole)
        return whole

    def close(self) -> bytes:
        """What is left when the upstream ends: a last event without its blank line, completed."""
        rest, self._rest = self._rest, b""
        return self.feed(rest.rstrip(b"\r\n") + b"\n\n") if rest.strip() else b""

    def delivered_text(self) -> str:
        """The words passed on so far, for our own count of a partial answer."""
        documents = [_document(event) for whole in self._passed for event in _events(whole)]
        return "".join(words_of(document) for document in documents if document is not None)

    def _passes(self, event: bytes) -> bool:
        data = _data(event)
        if data == DONE:
            self.tail = event
            return False
        if ERROR_EVENT.match(event):
            self.failed = True
            return False
        document = _document(event)
        return document is None or self._notes(document)

    def _notes(self, document: dict[str, Any]) -> bool:
        """Remember what an event says; False when it is not for the caller."""
        if document.get("error") or document.get("type") in ("error", "response.failed"):
            self.failed = True
            return False
        self.usage = usage_of(document) or self.usage
        choices = document.get("choices")
        if document.get("type") in LAST_TYPES or any(c.get("finish_reason") for c in dicts(choices)):
            self.finished = True
        extra = choices == [] and usage_of(document) is not None
        return self._keep_usage or not extra


def _is_notable(whole: bytes) -> bool:
    for mark in NOTABLE:  # noqa: SIM110 - `any` costs twice the search itself
        if mark in whole:
            return True
    return False


def _last_end(data: bytes) -> int:
    """Where the last whole event ends; 0 when there is none."""
    if data.endswith(b"\n\n"):
        return len(data)
    cut = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    if b"\r" in data:
        cut = max([cut, *(match.end() for match in EVENT_END.finditer(data))])
    return cut


def _events(whole: bytes) -> list[bytes]:
    """Whole events, each with its blank line."""
    ends = [match.end() for match in EVENT_END.finditer(whole)]
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _data(event: bytes) -> bytes:
    """The event's data lines joined (WHATWG HTML, 9.2.6)."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)


def _document(event: bytes) -> dict[str, Any] | None:
    data = _data(event)
    if not data.startswith(b"{"):
        return None
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
