"""What an upstream's refusal means to the caller. Its words are read, never passed on."""

import re
from typing import Final

from backend.core.errors import (
    ContextLengthExceeded,
    EmporionError,
    MalformedRequest,
    RequestError,
    UpstreamError,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

TOO_LONG: Final = re.compile(
    rb"exceed_context|context[ _](?:length|size|window)|too large to process|maximum context|prompt is too long",
    re.IGNORECASE,
)
REFUSALS: Final = frozenset({400, 409, 413, 415, 422})
BUSY: Final = frozenset({429, 503})
SLOW: Final = frozenset({408, 504})


def fault_of(status: int, words: bytes) -> EmporionError:
    """The error of ours for an upstream's answer that is no success."""
    if TOO_LONG.search(words):
        return ContextLengthExceeded("the prompt and its answer do not fit the model: shorten the prompt")
    if status in REFUSALS:
        return MalformedRequest("the model's server refused the request's fields: check them")
    if status == 501:
        return UpstreamRejected("the model's server does not offer this route")
    if status in BUSY:
        return UpstreamUnavailable("the model's server is busy: try again shortly", status=status)
    if status in SLOW:
        return UpstreamTimeout("the model's server gave up waiting", status=status)
    return UpstreamError("the model's server failed", status=status)


def another_may_serve(error: EmporionError) -> bool:
    """Whether the next upstream is worth a try: not where the request itself was refused."""
    return not isinstance(error, RequestError | UpstreamRejected)


def is_its_fault(error: EmporionError) -> bool:
    """Whether the error speaks against the upstream's health: a refusal does not, nor does being busy."""
    return another_may_serve(error) and error.details.get("status") not in BUSY
