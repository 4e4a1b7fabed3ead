"""The exception handlers of the FastAPI half: every error is one of the tree, in the shape of its route."""

import re
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.core.errors import (
    EmporionError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Unprocessable,
    UnsupportedMediaType,
)
from backend.core.logs import get_logger
from backend.gateway.error_replies import error_reply
from backend.gateway.request_ids import request_id_of

_LOG: Final = "gateway"
_UNREADABLE: Final = re.compile(r"^(json_invalid|model_attributes_type)$")


def add_handlers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(EmporionError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_crash)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EmporionError)
    if error.status >= 500:
        log = get_logger(_LOG)
        log.warning("gateway.request.failed", request_id=request_id_of(request.scope), code=error.code)
    return _answer(request, error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    found = _of_status(error.status_code, request)
    reply = _answer(request, found)
    for name, value in (error.headers or {}).items():
        reply.headers[name] = value
    return reply


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    if any(_UNREADABLE.match(mistake["type"]) for mistake in mistakes):
        return _answer(request, MalformedRequest("the body is not the JSON object this route reads"))
    return _answer(request, Unprocessable("some values are not accepted", problems=_told(mistakes)))


async def _on_crash(request: Request, error: Exception) -> Response:
    get_logger(_LOG).error("gateway.request.crashed", request_id=request_id_of(request.scope), exc_info=error)
    return _answer(request, EmporionError("unexpected"))


def _answer(request: Request, error: EmporionError) -> Response:
    headers, body = error_reply(error, request.url.path, request_id_of(request.scope))
    reply = Response(body, status_code=error.status)
    reply.raw_headers = [*((name, value) for name, value in headers), *_length(reply)]
    return reply


def _length(reply: Response) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in reply.raw_headers if name == b"content-length"]


def _of_status(status: int, request: Request) -> EmporionError:
    path = request.url.path
    if status == 405:
        return MethodNotAllowed(f"{path} does not take {request.method}")
    if status == 404:
        return NotFound(f"there is nothing at {path}; see /openapi.json")
    if status == 415:
        return UnsupportedMediaType("send application/json")
    return MalformedRequest("the request could not be read")


def _told(mistakes: Any) -> list[dict[str, str]]:
    return [
        {"path": "/".join(str(part) for part in mistake["loc"]), "problem": mistake["msg"]}
        for mistake in mistakes[:50]
    ]
