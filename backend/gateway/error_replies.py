"""Errors as answers: OpenAI's envelope on model routes, OAuth's at its endpoints, RFC 9457 elsewhere.

The stable code is the same in all of them.
"""

from typing import Any, Final

import orjson

from backend.core.errors import EmporionError
from backend.gateway.asgi import Headers, Send, send_whole

MODEL_ROUTES: Final = (
    "/v1/chat/",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/images/",
    "/v1/audio/",
    "/v1/models",
)
OAUTH_ROUTES: Final = ("/v1/oauth/token", "/v1/oauth/revoke", "/v1/oauth/device")
_TYPES: Final = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}
INTERNAL: Final = "something failed here; the operator's log has it under the request id"


def is_model_route(path: str) -> bool:
    """Whether a path speaks OpenAI's error shape."""
    return path.startswith(MODEL_ROUTES)


def is_oauth_route(path: str) -> bool:
    """Whether a path speaks OAuth's error shape (RFC 6749, 5.2)."""
    return path in OAUTH_ROUTES


def oauth_error(error: EmporionError) -> dict[str, Any]:
    """The body OAuth clients read; `code` is ours."""
    kind = "temporarily_unavailable" if error.retryable else "invalid_request"
    return {"error": kind, "error_description": _message(error), "code": error.code}


def openai_error(error: EmporionError, request_id: str) -> dict[str, Any]:
    """The body OpenAI's SDKs read; `details` is ours."""
    return {
        "error": {
            "message": _message(error),
            "type": error_type(error.status),
            "param": error.details.get("field"),
            "code": error.code,
            "request_id": request_id,
            "details": _details(error),
        }
    }


def problem(error: EmporionError, request_id: str) -> dict[str, Any]:
    """RFC 9457 problem details."""
    return {
        "type": f"urn:emporion:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": _message(error),
        "code": error.code,
        "retryable": error.retryable,
        "request_id": request_id,
        "details": _details(error),
    }


def error_type(status: int) -> str:
    """OpenAI's `type` for a status."""
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def error_reply(error: EmporionError, path: str, request_id: str) -> tuple[Headers, bytes]:
    """Headers and body of an error's answer on a path."""
    media = b"application/json"
    if is_model_route(path):
        body = openai_error(error, request_id)
    elif is_oauth_route(path):
        body = oauth_error(error)
    else:
        body, media = problem(error, request_id), b"application/problem+json"
    headers: Headers = [(b"content-type", media), (b"x-request-id", request_id.encode())]
    for name, value in error.headers().items():
        headers.append((name.lower().encode(), value.encode()))
    if error.retryable and error.status == 503 and "Retry-After" not in error.headers():
        headers.append((b"retry-after", b"1"))
    return headers, orjson.dumps(body, default=str)


async def send_error(send: Send, error: EmporionError, path: str, request_id: str) -> None:
    """Answer with an error."""
    headers, body = error_reply(error, path, request_id)
    await send_whole(send, error.status, headers, body)


def _is_ours_to_hide(error: EmporionError) -> bool:
    return error.status == 500


def _message(error: EmporionError) -> str:
    return INTERNAL if _is_ours_to_hide(error) else error.message


def _details(error: EmporionError) -> dict[str, object]:
    return {} if _is_ours_to_hide(error) else error.details
