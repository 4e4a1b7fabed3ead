"""What an upstream's refusal means to the caller. Its words are read, never passed on."""

import re
from typing import Final

from backend.core.errors import (
    AddressBlocked,
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
    rb"exceed_context|context[ _](?:length|size|window)|max\w* context|too large to process|is too long",
    re.IGNORECASE,
)
FIRST_ERROR: Final = re.compile(rb"\s*(?:event:\s*error\s+)?(?:data:\s*\{\s*\"error\"|error:)")
ERROR_CODE: Final = re.compile(rb'"code"\s*:\s*([1-5]\d\d)\b')
REFUSALS: Final = frozenset({400, 409, 413, 415, 422})
BUSY: Final = frozenset({429, 503})
SLOW: Final = frozenset({408, 504})
WITHOUT_ROUTE: Final = frozenset({404, 405, 501})
"""A server that has no such route or model: of this request, not of its health."""

PLACE: Final = frozenset({"host", "address"})
"""Details that say where an upstream is: its provider's matter, and the operator's."""
WITHOUT_PLACE: Final[dict[type[EmporionError], str]] = {
    AddressBlocked: "the service's server is at an address that may not be used; its provider must change it",
    UpstreamTimeout: "the service's server did not answer in time",
    UpstreamUnavailable: "the service's server cannot be reached now: try again shortly",
    UpstreamError: "the service's server broke off or failed",
}


def masked(error: EmporionError) -> EmporionError:
    """The error as a buyer may see it: of the same kind, and nothing of where the upstream is."""
    told = WITHOUT_PLACE.get(type(error))
    return error if told is None or not PLACE & error.details.keys() else type(error)(told)


def fault_of(status: int, words: bytes) -> EmporionError:
    """The error of ours for an upstream's answer that is no success."""
    if TOO_LONG.search(words):
        return ContextLengthExceeded("the prompt and its answer do not fit the model: shorten the prompt")
    if status in REFUSALS:
        return MalformedRequest("the model's server refused the request's fields: check them")
    if status in WITHOUT_ROUTE:
        return UpstreamRejected("the service's server does not offer this route", status=status)
    if status in BUSY:
        return UpstreamUnavailable("the model's server is busy: try again shortly", status=status)
    if status in SLOW:
        return UpstreamTimeout("the model's server gave up waiting", status=status)
    return UpstreamError("the model's server failed", status=status)


def fault_in_stream(event: bytes) -> EmporionError | None:
    """The error that a stream begins with, where a server opens it before it looks at the request."""
    told = FIRST_ERROR.match(event)
    if told is None:
        return None
    code = ERROR_CODE.search(event)
    return fault_of(int(code[1]) if code else 500, event)


def another_may_serve(error: EmporionError) -> bool:
    """Whether the next upstream is worth a try: not where the request itself was refused, yet where only this
    one has no such route.
    """
    if isinstance(error, UpstreamRejected):
        return error.details.get("status") in WITHOUT_ROUTE
    return not isinstance(error, RequestError)


def is_busy(error: EmporionError) -> bool:
    """Whether the upstream said that it has too much to do."""
    return error.details.get("status") in BUSY


def is_its_fault(error: EmporionError) -> bool:
    """Whether the error speaks against the upstream's health: a refusal does not, nor does being busy or
    having no such route, for callers could then close it for the routes it has.
    """
    return another_may_serve(error) and error.details.get("status") not in BUSY | WITHOUT_ROUTE
