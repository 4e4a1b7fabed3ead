"""The model routes in OpenAPI: they are served outside FastAPI, so their entries are written here."""

from typing import Any, Final

from fastapi import FastAPI

from backend.core.errors import (
    BodyTooLarge,
    ContextLengthExceeded,
    DatabaseUnreachable,
    EmporionError,
    Forbidden,
    IndexStale,
    InvalidCredential,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    PaymentRequired,
    RangeUnsatisfiable,
    RateLimited,
    RequestTimeout,
    Unprocessable,
    UnsupportedMediaType,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from backend.core.units import SERVICE_ID_LIMIT
from backend.gateway.error_replies import is_model_route, is_oauth_route
from backend.gateway.openapi_examples import add_examples
from backend.gateway.service_app import DATA, INVOKE
from backend.inference.media import JSON_ROUTES, MediaRoute
from backend.inference.operations import FIELDS, Operation

_SUMMARIES: Final = {
    Operation.CHAT: "Chat completion, whole or streamed (OpenAI's shape)",
    Operation.COMPLETION: "Text completion, whole or streamed (OpenAI's shape)",
    Operation.EMBEDDING: "Embeddings (OpenAI's shape)",
    Operation.RESPONSES: "Response, whole or streamed, nothing stored (OpenAI's shape)",
}
_EXAMPLES: Final[dict[Operation, dict[str, Any]]] = {
    Operation.CHAT: {
        "model": "31337/1",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 16,
    },
    Operation.COMPLETION: {"model": "31337/1", "prompt": "Once upon a time", "max_tokens": 16},
    Operation.EMBEDDING: {"model": "31337/1", "input": "Hello"},
    Operation.RESPONSES: {"model": "31337/1", "input": "Hello", "max_output_tokens": 16},
}
_MEDIA: Final = {
    MediaRoute.IMAGE_GENERATION: "Pictures of a text (OpenAI's shape)",
    MediaRoute.IMAGE_EDIT: "Pictures edited (OpenAI's shape, multipart)",
    MediaRoute.IMAGE_VARIATION: "Variations of a picture (OpenAI's shape, multipart)",
    MediaRoute.SPEECH: "Text spoken, the sound as it is made (OpenAI's shape)",
    MediaRoute.TRANSCRIPTION: "Speech written down (OpenAI's shape, multipart)",
    MediaRoute.TRANSLATION: "Speech written down in English (OpenAI's shape, multipart)",
}
_MEDIA_EXAMPLES: Final[dict[MediaRoute, dict[str, Any]]] = {
    MediaRoute.IMAGE_GENERATION: {"model": "31337/1", "prompt": "A lighthouse", "n": 1},
    MediaRoute.SPEECH: {"model": "31337/1", "input": "Hello", "voice": "alloy"},
}
_MEDIA_TYPES: Final = ("application/json", "text/event-stream", "text/plain", "audio/*", "image/*")
_BINARY: Final = {"type": "string", "format": "binary"}
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OPENAI_ERROR: Final = {"application/json": {"schema": {"type": "object", "required": ["error"]}}}
_OWN_ANSWERS: Final = frozenset({"/readyz"})
"""Routes whose refusal is an answer of their own shape."""
_ALWAYS: Final = (MalformedRequest, DatabaseUnreachable)
_WITH_BODY: Final = (*_ALWAYS, RequestTimeout, BodyTooLarge)
_SERVICE_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": SERVICE_ID_LIMIT - 1},
}
_FILE_PATH: Final = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "A file that the service's metadata lists.",
    "schema": {"type": "string", "maxLength": 200, "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._/-]*$"},
}
_ERRORS: Final[tuple[type[EmporionError], ...]] = (
    MalformedRequest,
    InvalidCredential,
    PaymentRequired,
    Forbidden,
    ModelNotFound,
    RequestTimeout,
    BodyTooLarge,
    ContextLengthExceeded,
    Unprocessable,
    RateLimited,
    UpstreamError,
    UpstreamUnavailable,
    IndexStale,
    UpstreamTimeout,
)


def describe_model_routes(api: FastAPI) -> None:
    """Add the entries to the application's document."""
    generate = api.openapi

    def described() -> dict[str, Any]:
        document = generate()
        if Operation.CHAT.value not in document["paths"]:
            for operation in Operation:
                document["paths"][operation.value] = {"post": _entry(operation)}
            for route in MediaRoute:
                document["paths"][route.value] = {"post": _media(route)}
            document["paths"][INVOKE] = {"post": _invoke()}
            document["paths"][DATA] = {"get": _data()}
            _document_every_route(document)
            add_examples(document["paths"])
            schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["bearer"] = {"type": "http", "scheme": "bearer", "description": "API key or session."}
        return document

    api.openapi = described  # type: ignore[method-assign]


def _entry(operation: Operation) -> dict[str, Any]:
    example = _EXAMPLES[operation]
    required = ["model", FIELDS[operation].prompt]
    schema = {"type": "object", "required": required, "additionalProperties": True, "example": example}
    return {
        "tags": ["inference"],
        "summary": _SUMMARIES[operation],
        "description": _SUMMARIES[operation] + ".",
        "operationId": operation.name.lower(),
        "security": [{"bearer": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": _success(operation), **_refusals()},
    }


def _media(route: MediaRoute) -> dict[str, Any]:
    given = {kind: {"schema": _BINARY if kind.endswith("*") else {}} for kind in _MEDIA_TYPES}
    return {
        "tags": ["inference"],
        "summary": _MEDIA[route],
        "description": f"{_MEDIA[route]}. Charged by the request or by the KiB both ways; the receipt is at "
        "`/v1/receipts/{x-request-id}`.",
        "operationId": route.name.lower(),
        "security": [{"bearer": []}],
        "requestBody": {"required": True, "content": _media_body(route)},
        "responses": {
            "200": {"description": "The upstream's answer, byte for byte.", "content": given},
            **_refusals(UnsupportedMediaType),
        },
    }


def _media_body(route: MediaRoute) -> dict[str, Any]:
    if route in JSON_ROUTES:
        example = _MEDIA_EXAMPLES[route]
        required = [name for name in example if name != "n"]
        schema = {"type": "object", "required": required, "additionalProperties": True, "example": example}
        return {"application/json": {"schema": schema}}
    file = "image" if route.value.startswith("/v1/images/") else "file"
    fields = {"model": {"type": "string", "maxLength": 200}, file: _BINARY}
    schema = {"type": "object", "required": [*fields], "properties": fields, "additionalProperties": True}
    return {"multipart/form-data": {"schema": schema}}


def _document_every_route(document: dict[str, Any]) -> None:
    """What any route may answer before its own work begins: headers sent twice, bodies that are none, a store
    that is away.
    """
    for path, entry in document["paths"].items():
        for operation in entry.values():
            kinds = _WITH_BODY if "requestBody" in operation else _ALWAYS
            for status, answer in _problems(*kinds).items():
                operation["responses"].setdefault(status, answer)
            for status, answer in operation["responses"].items():
                if status >= "400" and path not in _OWN_ANSWERS:
                    answer["content"] = _error_shape(path)


def _error_shape(path: str) -> dict[str, Any]:
    """Of a refusal; OAuth's has `error` as OpenAI's has, as a text."""
    return _OPENAI_ERROR if is_model_route(path) or is_oauth_route(path) else _PROBLEM


def _invoke() -> dict[str, Any]:
    schema = {"example": {"text": "Hello"}}
    whole = {"description": "The service's answer, byte for byte.", "content": {"application/json": {}}}
    return {
        "tags": ["inference"],
        "summary": "Call a service that is no language model",
        "description": "Any JSON; request and answer are held against the schemas of the metadata.",
        "operationId": "invoke",
        "security": [{"bearer": []}],
        "parameters": [_SERVICE_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": whole, **_problems(*_ERRORS, NotFound, MethodNotAllowed)},
    }


def _data() -> dict[str, Any]:
    given = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    ranges = {"name": "Range", "in": "header", "schema": {"type": "string"}, "example": "bytes=0-1023"}
    return {
        "tags": ["inference"],
        "summary": "Read a file of a data set, whole or a range",
        "description": "Resumable: `ETag`, `Range` and `If-Range`; charged for what was delivered. The "
        "receipt is at `/v1/receipts/{x-request-id}`.",
        "operationId": "data",
        "security": [{"bearer": []}],
        "parameters": [_SERVICE_ID, _FILE_PATH, ranges],
        "responses": {
            "200": {"description": "The whole file.", **given},
            "206": {"description": "The range.", **given},
            **_problems(*_ERRORS, NotFound, RangeUnsatisfiable, MethodNotAllowed),
        },
    }


def _problems(*kinds: type[EmporionError]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in kinds:
        entry = found.setdefault(str(kind.status), {"description": "", "content": _PROBLEM})
        entry["description"] = f"{entry['description']} {kind.code}".strip()
    return found


def _success(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if FIELDS[operation].may_stream:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {"description": "The upstream's answer, byte for byte.", "content": content}


def _refusals(*more: type[EmporionError]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in (*_ERRORS, *more):
        entry = found.setdefault(str(kind.status), {"description": "", "content": _OPENAI_ERROR})
        entry["description"] = f"{entry['description']} {kind.code}".strip()
    return found
